// Enrolment from both sides: the one-time address, the pinned endpoint, tokens that count once, what the handset has afterwards, and its
// certificate before a TLS server that asks for one (management.md "Enrolment").

import { existsSync, readFileSync, statSync } from "node:fs";
import { connect as tlsConnect, createServer as createTlsServer, type TLSSocket } from "node:tls";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { askForGrant, tellOutcome } from "../../agent/enrolment/endpoint.js";
import { HandsetEnrolment, type Joined } from "../../agent/enrolment/handset.js";
import { formatEnrolmentUri, parseEnrolmentUri, type EnrolmentUri } from "../../agent/enrolment/uri.js";
import { Failure } from "../../agent/failure.js";
import { readGovernance } from "../../agent/shell/governance.js";
import { fromHex } from "../../agent/wire/bytes.js";
import { authorityPem, serverPem } from "../../fleet/certificates.js";
import { deviceNamed, enrolledDevices } from "../../fleet/devices.js";
import { issue } from "../../fleet/documents.js";
import { EnrolmentServer, type EnrolmentTerms } from "../../fleet/enrolment.js";
import { rotateKeys } from "../../fleet/keys.js";
import { TOKEN_SECONDS } from "../../fleet/tokens.js";
import { accept } from "../../agent/wire/accept.js";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { DAY, NOW, timesAt, wordOf } from "../support/signed.js";
import { fleetRun, madeFleet, type TestFleet } from "../support/fleet.js";
import { FACTS } from "../support/agent-process.js";
import { withBroker } from "../support/fleet-device.js";
import { temporaryFolder } from "../support/temporary.js";

const enrolment = suite("fleet enrolment");
const TERMS: EnrolmentTerms = { brokers: ["mqtts://broker.example:8883"], questions: ["locate"], authorities: "" };

interface Endpoint extends TestFleet {
  server: EnrolmentServer;
  /** A new address. */
  uri: () => EnrolmentUri;
  refusals: string[];
  clock: { now: number };
}

async function endpoint(body: (endpoint: Endpoint) => Promise<void>): Promise<void> {
  const fleet = await madeFleet();
  const clock = { now: NOW };
  const server = await EnrolmentServer.listen(fleet.store, TERMS, { host: "127.0.0.1", port: 0 }, () => clock.now);
  const refusals: string[] = [];
  server.refused = (why) => refusals.push(why);
  try {
    await body({ ...fleet, server, refusals, clock, uri: () => parseEnrolmentUri(server.address("127.0.0.1")) });
  } finally {
    await server.close();
  }
}

interface Phone {
  state: string;
  handset: HandsetEnrolment;
  enrol: (uri: EnrolmentUri) => Promise<Joined>;
}

function phone(): Phone {
  const state = temporaryFolder();
  const handset = new HandsetEnrolment("demo", { XDG_STATE_HOME: state });
  const enrol = async (uri: EnrolmentUri): Promise<Joined> => {
    const grant = await askForGrant(uri, await handset.request(uri, uri.token, FACTS, NOW));
    return handset.join(uri, grant, ["locate"], NOW);
  };
  return { state, handset, enrol };
}

async function codeOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  return "none";
}

enrolment(
  "a phone comes in: it believes the fleet's policies, has its owner's consent, and its files are its own",
  () =>
    endpoint(async ({ store, uri }) => {
      const { state, enrol } = phone();
      const { device, brokers } = await enrol(uri());
      assert.equal(brokers, TERMS.brokers);
      assert.is(deviceNamed(store, device)!.label, FACTS.serial);
      const folder = join(state, "pocketvisor", "demo");
      for (const file of ["agent/device.key", "agent/enrolment.json", "monitor/governance", "monitor/owner.key"]) {
        assert.is(statSync(join(folder, file)).mode & 0o777, 0o600, file);
      }
      const { trust, consent } = readGovernance(join(folder, "monitor", "governance"))!;
      assert.equal(trust.allowed, ["locate"]);
      assert.ok(consent !== null);
      const id = fromHex(device)!;
      const policy = await issue(store, "pol", id, { partition: "work" }, NOW, DAY);
      const target = { id, board: "qemu-virt", partitions: [{ name: "work", kind: "work" as const }] };
      const verdict = accept(
        policy.envelope,
        { kind: "pol", partition: "work" },
        target,
        trust,
        nodeCrypto,
        timesAt(NOW),
      );
      assert.is(wordOf(verdict), "accepted");
      const written = JSON.parse(readFileSync(join(folder, "agent", "enrolment.json"), "utf8")) as Record<
        string,
        unknown
      >;
      assert.equal(Object.keys(written), ["tenant", "brokers", "certificate", "authorities"]);
    }),
);

enrolment("a phone that comes after root was rotated pins what is in force", () =>
  endpoint(async ({ store, uri }) => {
    await rotateKeys(store, "root", true, NOW);
    await rotateKeys(store, "time", false, NOW);
    await phone().enrol(uri());
  }),
);

enrolment("an address counts once: also for two at the same time; and for a day", () =>
  endpoint(async ({ store, uri, clock, refusals }) => {
    const address = uri();
    const tries = await Promise.allSettled([1, 2, 3, 4].map(() => phone().enrol(address)));
    assert.is(tries.filter(({ status }) => status === "fulfilled").length, 1);
    assert.is(await codeOf(() => phone().enrol(address)), "ENROL_ENDPOINT");
    const late = uri();
    clock.now += TOKEN_SECONDS;
    const { handset } = phone();
    const request = await handset.request(late, late.token, FACTS, clock.now);
    assert.is(await codeOf(() => askForGrant(late, request)), "ENROL_ENDPOINT");
    assert.is(enrolledDevices(store).length, 1);
    assert.equal([...new Set(refusals)], ["the token is unknown, used or too old"]);
  }),
);

enrolment("a token of somebody's own making, another fleet's request, an old request and no request are refused", () =>
  endpoint(async ({ store, uri }) => {
    const { handset } = phone();
    const address = uri();
    const requests = [
      await handset.request(address, new Uint8Array(32), FACTS, NOW),
      await handset.request({ ...address, tenant: "other" }, address.token, FACTS, NOW),
      await handset.request({ ...address, time: 0 }, address.token, FACTS, NOW - 2 * 3600),
      new Uint8Array(100),
      new Uint8Array(17 << 10),
    ];
    for (const request of requests) assert.is(await codeOf(() => askForGrant(address, request)), "ENROL_ENDPOINT");
    assert.is(enrolledDevices(store).length, 0);
    // None of them used the token up.
    await phone().enrol(address);
  }),
);

enrolment("a request that somebody else signed does not bring a key in that is not theirs", () =>
  endpoint(async ({ store, uri }) => {
    const address = uri();
    const request = await phone().handset.request(address, address.token, FACTS, NOW);
    for (const at of [20, request.length - 1, request.length - 70]) {
      const forged = request.slice();
      forged[at]! ^= 1;
      assert.is(await codeOf(() => askForGrant(address, forged)), "ENROL_ENDPOINT");
    }
    assert.is(enrolledDevices(store).length, 0);
  }),
);

enrolment("another certificate than the address's: the token does not leave the phone", () =>
  endpoint(async ({ uri, server }) => {
    const address = uri();
    let requests = 0;
    (server as unknown as { server: { on(event: string, listener: () => void): void } }).server.on(
      "request",
      () => requests++,
    );
    const wrong = { ...address, certificateHash: new Uint8Array(32).fill(1) };
    assert.is(await codeOf(() => phone().enrol(wrong)), "ENROL_ENDPOINT");
    assert.is(requests, 0);
    await phone().enrol(address);
  }),
);

enrolment("another root than the pin's: the phone belongs to nobody afterwards", () =>
  endpoint(async ({ uri }) => {
    const { state, enrol } = phone();
    assert.is(await codeOf(() => enrol({ ...uri(), pin: new Uint8Array(32).fill(1) })), "ENROL_GRANT");
    assert.not(existsSync(join(state, "pocketvisor", "demo", "monitor", "governance")));
    await enrol(uri());
    assert.is(await codeOf(() => enrol(uri())), "ENROLLED");
  }),
);

enrolment("a handset that does not join leaves the fleet's list again; nobody else can say so for it", () =>
  endpoint(async ({ store, uri, server }) => {
    const settled: string[] = [];
    server.settled = (device, outcome) => settled.push(`${device.label} ${outcome}`);
    const [address, other] = [uri(), uri()];
    const [{ handset }, { handset: stranger }] = [phone(), phone()];
    const request = await handset.request(address, address.token, FACTS, NOW);
    await askForGrant(address, request);
    assert.is(enrolledDevices(store).length, 1);
    const forged = await stranger.request(other, other.token, FACTS, NOW);
    for (const body of [forged, new Uint8Array(9)]) {
      assert.is(await codeOf(() => tellOutcome(address, body, "declined")), "ENROL_ENDPOINT");
    }
    assert.is(enrolledDevices(store).length, 1);
    await tellOutcome(address, request, "declined");
    assert.equal([enrolledDevices(store).length, settled], [0, [`${FACTS.serial} declined`]]);
    const again = await handset.request(other, other.token, FACTS, NOW);
    await askForGrant(other, again);
    await tellOutcome(other, again, "joined");
    assert.is(
      await codeOf(() => tellOutcome(other, again, "declined")),
      "ENROL_ENDPOINT",
      "it has said that it joined",
    );
    assert.is(enrolledDevices(store).length, 1);
  }),
);

enrolment("an address is read as it was written; with any character changed it is another or none", async () => {
  const fill = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);
  const hashes = { certificateHash: fill(1), pin: fill(2), token: fill(3) };
  const uri: EnrolmentUri = { tenant: "demo", host: "phones.example", port: 8443, ...hashes, time: NOW };
  const text = formatEnrolmentUri(uri);
  assert.equal(parseEnrolmentUri(text), uri);
  for (let at = 0; at < text.length; at++) {
    for (const character of ["%", "#", "&", "A", "=", ""]) {
      const changed = text.slice(0, at) + character + text.slice(at + 1);
      if (changed === text) continue;
      try {
        assert.not.equal(parseEnrolmentUri(changed), uri, `${at} ${character}`);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        assert.is(error.code, "ENROL_URI");
      }
    }
  }
});

/** What a broker with mutual TLS does: a server of the fleet's that asks for a certificate. */
async function mutualTls(fleet: TestFleet, client: { key: Buffer; cert: string; ca: string }): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const { key, certificate } = await serverPem(fleet.store, "localhost", now);
  const authority = await authorityPem(fleet.store, now);
  const settings = { key, cert: certificate, ca: authority, requestCert: true, rejectUnauthorized: true };
  let server!: ReturnType<typeof createTlsServer>;
  const seen = new Promise<string>((resolve) => {
    server = createTlsServer({ ...settings, minVersion: "TLSv1.3" }, (socket: TLSSocket) => {
      socket.on("error", () => {});
      socket.end();
      resolve(String(socket.getPeerCertificate().subject.CN));
    });
    server.on("tlsClientError", (error) => resolve((error as Error & { code: string }).code));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const socket = tlsConnect({ ...client, port, host: "127.0.0.1", servername: "localhost" });
  socket.on("error", () => {}).resume();
  const name = await seen;
  socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  return name;
}

enrolment(
  "a TLS server that asks for certificates knows the phone by its name, and refuses one of another fleet",
  async () => {
    // Certificates are looked at by the real clock.
    const clients: { key: Buffer; cert: string; ca: string; device: string; fleet: TestFleet }[] = [];
    for (let count = 0; count < 2; count++) {
      const now = Math.floor(Date.now() / 1000);
      const fleet = await madeFleet(now);
      const server = await EnrolmentServer.listen(fleet.store, TERMS, { host: "127.0.0.1", port: 0 }, () => now);
      const { state, handset } = phone();
      const uri = parseEnrolmentUri(server.address("127.0.0.1"));
      const grant = await askForGrant(uri, await handset.request(uri, uri.token, FACTS, now));
      const { device } = await handset.join(uri, grant, [], now);
      await server.close();
      const folder = join(state, "pocketvisor", "demo", "agent");
      const { certificate, authorities } = JSON.parse(readFileSync(join(folder, "enrolment.json"), "utf8")) as {
        certificate: string;
        authorities: string;
      };
      clients.push({
        key: readFileSync(join(folder, "device.key")),
        cert: certificate,
        ca: authorities,
        device,
        fleet,
      });
    }
    const [one, other] = clients;
    assert.is(await mutualTls(one!.fleet, one!), one!.device);
    assert.match(await mutualTls(one!.fleet, { ...other!, ca: one!.ca }), /^ERR_SSL|^UNABLE|^DEPTH|^SELF/);
  },
);

enrolment("fleet enrol --local: the same files, for a handset on this computer", async () => {
  const fleet = await madeFleet();
  const args = ["enrol", "--local", "pocket", "--consent", "locate,read-logs"];
  assert.match((await fleetRun(fleet, args)).said, "FLEET_BROKER");
  await withBroker(fleet.store, async (broker) => {
    assert.is((await fleetRun(fleet, [...args, "--dry-run"])).status, 0);
    assert.is(enrolledDevices(fleet.store).length, 0);
    const run = await fleetRun(fleet, [...args, "--json"]);
    assert.is(run.status, 0, run.said);
    const joined = JSON.parse(run.out) as Joined;
    assert.equal(joined.allowed, ["locate", "read-logs"]);
    assert.equal(joined.brokers, [`mqtt://127.0.0.1:${broker.address.port}`]);
    assert.is(deviceNamed(fleet.store, joined.device)!.label, "pocket");
    const folder = join(fleet.environment["XDG_STATE_HOME"]!, "pocketvisor", "pocket");
    assert.ok(readGovernance(join(folder, "monitor", "governance")) !== null);
    assert.match((await fleetRun(fleet, args)).said, "ENROLLED");
    assert.is((await fleetRun(fleet, ["enrol", "--local", "../x"])).status, 2);
    assert.is((await fleetRun(fleet, ["enrol", "--local", "other", "--consent", "everything"])).status, 2);
  });
});

enrolment.run();
