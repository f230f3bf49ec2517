// A handset joins a fleet: a device key and an owner's key are made on it, the fleet's first root document is held against the pin, the owner's
// consent is signed. What comes out is what the agent (agent/enrolment.json) and the monitor (monitor/governance) begin with. The
// governance file comes last. The device key has another name until the fleet has answered: a handset with a device.key and no governance file is
// damaged and does not start (agent/host/management/membership.ts), and one that asked and was refused is neither.

import { randomBytes } from "node:crypto";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { syncFolder, writeDurably } from "../durable-file.ts";
import { Failure } from "../failure.ts";
import { nodeCrypto } from "../identity/crypto.ts";
import type { DeviceKey } from "../identity/device-key.ts";
import { KeyFile } from "../identity/key-file.ts";
import { monitorFolder, stateFolder } from "../paths.ts";
import { firstGovernance, writeGovernance } from "../shell/governance.ts";
import { accept, type AcceptedKind } from "../wire/accept.ts";
import type { Permission } from "../wire/documents.ts";
import type { Info } from "../wire/reports.ts";
import { sign1 } from "../wire/sign.ts";
import type { EnrolGrant } from "../wire/streams.ts";
import { firstTrust, type Trust } from "../wire/trust.ts";

/** A handset cannot join: ENROLLED, ENROL_GRANT, ENROL_ENDPOINT. */
export class EnrolmentFailure extends Failure {}

/** What the owner may allow, in words. */
export const PERMISSIONS: Record<Permission, string> = {
  "wipe-device": "wipe this whole phone but for the personal side",
  locate: "locate this phone",
  "see-personal-totals": "see what the personal side uses of battery, processor and memory, in total",
  "read-logs": "read this phone's logs",
  "open-console": "open the console of the work side",
  "pause-personal": "pause and resume the personal side",
};

/** What is known before the fleet answers. */
export interface Joining {
  tenant: string;
  pin: Uint8Array;
  /** Seconds since 1970: the least that the time can be. */
  time: number;
}

export interface Joined {
  device: string;
  tenant: string;
  brokers: string[];
  allowed: Permission[];
}

/** Longer than any phone lives: a consent is replaced, it does not run out. */
const CONSENT_SECONDS = 20 * 365 * 86_400;
const REQUEST_SECONDS = 600;

export class HandsetEnrolment {
  readonly handset: string;
  private readonly agentFolder: string;
  private readonly monitorFolder: string;

  constructor(handset: string, environment: NodeJS.ProcessEnv = process.env) {
    this.handset = handset;
    this.agentFolder = join(stateFolder(environment), handset, "agent");
    this.monitorFolder = monitorFolder(handset, environment);
  }

  /** Throws ENROLLED for a handset that belongs to a fleet. */
  refuseTwice(): void {
    if (!existsSync(this.governancePath)) return;
    const hint = "The fleet lets it go with: pocketvisor fleet retire DEVICE";
    throw new EnrolmentFailure("ENROLLED", `the handset ${this.handset} belongs to a fleet already`, hint);
  }

  /** The device's key, which is made when there is none. Throws a KeyError. */
  deviceKey(): Promise<DeviceKey> {
    const path = existsSync(this.keyPath) ? this.keyPath : this.joiningKeyPath;
    return new KeyFile(path).open();
  }

  /** What is sent to the fleet: signed with the key that it names. */
  async request({ tenant, time }: Joining, token: Uint8Array, facts: Info, now: number): Promise<Uint8Array> {
    const key = await this.deviceKey();
    const issued = Math.max(now, time);
    const claims = { issuer: key.name, audience: tenant, issued, expires: issued + REQUEST_SECONDS, id: newId() };
    const request = { ...claims, epoch: 0, version: 1, token, deviceKey: key.publicKey, facts };
    return sign1("enrol", request, key, nodeCrypto);
  }

  /** Takes the fleet's answer; `allowed` is what the owner consents to. Throws ENROL_GRANT for one that the pin does not vouch for. */
  async join(joining: Joining, grant: EnrolGrant, allowed: Permission[], now: number): Promise<Joined> {
    this.refuseTwice();
    const key = await this.deviceKey();
    const owner = await new KeyFile(join(this.monitorFolder, "owner.key")).open();
    const rtc = Math.max(now, joining.time);
    const take = (trust: Trust, envelope: Uint8Array, kind: AcceptedKind): Trust => {
      const device = { id: key.id, board: "", partitions: [] };
      // The address says what time it was when it was made, and came by hand: no clock of the handset's is older.
      const times = { rtc, session: rtc, nonce: null, answered: false };
      const verdict = accept(new Uint8Array(envelope), { kind }, device, trust, nodeCrypto, times);
      if (verdict.verdict === "accepted") return verdict.trust;
      const why = verdict.verdict === "refused" ? `${verdict.reason}: ${verdict.detail}` : verdict.verdict;
      const hint = "Is it the fleet whose address you were given? Ask for a new address.";
      throw new EnrolmentFailure("ENROL_GRANT", `the fleet's answer is not to be trusted (${kind}, ${why})`, hint);
    };
    const rooted = take(firstTrust(joining.pin, joining.time, owner.publicKey), grant.rootDocument, "root");
    const claims = { issuer: "owner", audience: key.id, issued: rtc, expires: rtc + CONSENT_SECONDS, id: newId() };
    const body = { ...claims, epoch: rooted.epoch, version: 1, owner: owner.publicKey, allowed };
    const consent = await sign1("consent", body, owner, nodeCrypto);
    const trust = take(rooted, consent, "consent");
    const enrolment = { tenant: joining.tenant, brokers: grant.brokers, ...certificatesOf(grant.certificate) };
    const text = `${JSON.stringify(enrolment, null, 2)}\n`;
    writeDurably(join(this.agentFolder, "enrolment.json"), Buffer.from(text));
    if (!existsSync(this.keyPath)) renameSync(this.joiningKeyPath, this.keyPath);
    syncFolder(this.agentFolder);
    writeGovernance(this.governancePath, { ...firstGovernance(key.id, trust), consent });
    return { device: key.name, tenant: joining.tenant, brokers: grant.brokers, allowed };
  }

  private get keyPath(): string {
    return join(this.agentFolder, "device.key");
  }

  private get joiningKeyPath(): string {
    return join(this.agentFolder, "joining.key");
  }

  private get governancePath(): string {
    return join(this.monitorFolder, "governance");
  }
}

/** The grant's PEM is a chain: the device's certificate, and whoever vouches for it and for the broker. */
function certificatesOf(pem: string): { certificate: string | null; authorities: string | null } {
  const all = pem.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  const [own, ...others] = all;
  return {
    certificate: own === undefined ? null : `${own}\n`,
    authorities: others.length === 0 ? null : `${others.join("\n")}\n`,
  };
}

const newId = (): Uint8Array => new Uint8Array(randomBytes(16));
