// The monitor's side of the agent's process, for tests: it forks build/agent.mjs as the monitor does, judges what comes, and answers.

import { createPrivateKey } from "node:crypto";
import { fork, type ChildProcess } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENT_NODE_OPTIONS, TELEMETRY_STANDARD } from "../../agent/agent-messages.js";
import type { AgentMessage, MonitorMessage, SampleBody, TelemetrySettings } from "../../agent/agent-messages.js";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { buildProduct } from "../../agent/paths.js";
import { accept } from "../../agent/wire/accept.js";
import { toHex } from "../../agent/wire/bytes.js";
import type { Info } from "../../agent/wire/reports.js";
import { encodeTrust, type Trust } from "../../agent/wire/trust.js";
import { Watch } from "./broker.js";
import { DEVICE, fleetTrust, KEYS, type TestKey } from "./signed.js";
import { temporaryFolder } from "./temporary.js";

export const TENANT = "demo";
export const DEVICE_NAME = toHex(DEVICE.id);
export const UP = `pv/1/${TENANT}/${DEVICE_NAME}/up`;
export const DOWN = `pv/1/${TENANT}/${DEVICE_NAME}/dn`;
export const FACTS: Info = {
  board: "qemu-virt",
  agent: "0.1.0",
  hypervisor: "0.1.0",
  serial: "test",
  ramBytes: 1 << 30,
  partitions: [
    { id: 1, name: "work", kind: "work", image: new Uint8Array(32) },
    { id: 2, name: "personal", kind: "personal", image: new Uint8Array(32) },
  ],
};

export function privateKeyPem({ seed }: TestKey): string {
  const der = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({
    format: "pem",
    type: "pkcs8",
  }) as string;
}

/** The folder of an agent that is enrolled. */
export function enrolledFolder(brokers: string[], more: Record<string, unknown> = {}): string {
  const folder = join(temporaryFolder(), "agent");
  enrolAgent(folder, brokers, more);
  return folder;
}

/** What enrolment leaves for an agent. */
export function enrolAgent(folder: string, brokers: string[], more: Record<string, unknown> = {}): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(join(folder, "device.key"), privateKeyPem(KEYS.device), { mode: 0o600 });
  const enrolment = { tenant: TENANT, brokers, certificate: null, authorities: null, ...more };
  writeFileSync(join(folder, "enrolment.json"), JSON.stringify(enrolment), { mode: 0o600 });
}

/** Two partitions, battery: what a phone says once a minute. */
export function sampleAt(time: number): SampleBody {
  const part = { cpuPermille: 312, memoryKib: 131_072, energyMillijoules: 1_234_567, throttledMs: 98_765 };
  return {
    time,
    uptime: 86_400,
    battery: { percent: 77, millivolts: 3_921, milliamperes: -212, deciCelsius: 313 },
    partitions: [1, 2].map((id) => ({
      id,
      state: "running",
      ...part,
      ioKib: 1_048_576,
      faultCount: 3,
      deviceMs: 12_345,
    })),
    radioDbm: -87,
  };
}

export class FakeMonitor {
  readonly child: ChildProcess;
  readonly messages: AgentMessage[] = [];
  readonly watch = new Watch();
  readonly ended: Promise<number | string>;
  trust: Trust;
  /** Why documents were refused that the agent brought. */
  readonly refusals: { reason: string; commandId: Uint8Array | null }[] = [];
  /** Standard error of the process. */
  complaints = "";

  constructor(
    folder: string,
    options: {
      trust?: Trust;
      settings?: TelemetrySettings;
      groups?: string[];
      env?: NodeJS.ProcessEnv;
      execPath?: string;
    } = {},
  ) {
    const { trust = fleetTrust({ floor: seconds() - 60, groups: [] }), settings = TELEMETRY_STANDARD } = options;
    this.trust = trust;
    this.child = fork(buildProduct("agent.mjs"), [folder], {
      serialization: "advanced",
      execArgv: AGENT_NODE_OPTIONS,
      ...(options.execPath === undefined ? {} : { execPath: options.execPath }),
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      env: { ...process.env, ...options.env },
    });
    this.child.stderr!.on("data", (bytes: Buffer) => (this.complaints += bytes.toString()));
    this.ended = new Promise((done) => this.child.once("exit", (code, signal) => done(code ?? signal!)));
    void this.ended.then(() => this.watch.changed());
    this.child.on("error", () => {});
    this.child.on("message", (message) => {
      this.take(message as AgentMessage, settings, options.groups ?? []);
      this.watch.changed();
    });
  }

  send(message: MonitorMessage): void {
    if (this.child.connected) this.child.send(message, () => {});
  }

  /** The first message of a kind from `from` on. */
  until<K extends AgentMessage["kind"]>(
    kind: K,
    is: (message: Extract<AgentMessage, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<AgentMessage, { kind: K }>> {
    return this.watch.until(`${kind} from the agent (${this.complaints})`, () =>
      this.messages.find((each): each is Extract<AgentMessage, { kind: K }> => each.kind === kind && is(each as never)),
    );
  }

  kill(): Promise<number | string> {
    this.child.kill("SIGKILL");
    return this.ended;
  }

  private take(message: AgentMessage, settings: TelemetrySettings, groups: string[]): void {
    this.messages.push(message);
    if (message.kind === "ready") {
      this.send({ kind: "time", session: seconds() });
      this.send({ kind: "hello", facts: FACTS, trust: encodeTrust(this.trust), groups, settings });
    }
    if (message.kind !== "document") return;
    const times = { rtc: seconds(), session: seconds(), nonce: null, answered: false };
    const verdict = accept(message.bytes, message.via, DEVICE, this.trust, nodeCrypto, times);
    if (verdict.verdict === "refused") this.refusals.push(verdict);
    if (verdict.verdict !== "accepted") return;
    this.trust = verdict.trust;
    this.send({ kind: "trust", trust: encodeTrust(this.trust), groups: this.trust.groups, settings });
    const { accepted } = verdict;
    if (accepted.kind === "cmd") {
      this.send({ kind: "ack", ack: { id: accepted.document.id, status: "succeeded", time: seconds() } });
    }
  }
}

/** Seconds since 1970, now. */
export const seconds = (): number => Math.floor(Date.now() / 1000);
