// The whole way: an operator's signed policy through a real broker to the real agent's process, into the monitor's shell, into the kernel,
// and the report back; commands and telemetry the same way. Two brokers: aedes (MQTT 3.1.1) and mosquitto (MQTT 5).

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ack as ackRule } from "../../agent/wire/commands.js";
import { MESSAGE } from "../../agent/wire/limits.js";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { toHex } from "../../agent/wire/bytes.js";
import { openSigned } from "../../agent/wire/open.js";
import { stateMsg, type Reported, type StateMessage } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { auditBatch } from "../../agent/wire/streams.js";
import { checkAudit } from "../../fleet/audit.js";
import { deviceNamed } from "../../fleet/devices.js";
import { decodeTelemetry } from "../../agent/wire/telemetry.js";
import { DOWN, seconds, UP } from "../support/agent-process.js";
import { mosquittoPath, startAedes, startMosquitto, type TestBroker } from "../support/broker.js";
import { complianceKeys } from "../support/compliance-keys.js";
import { emptyFleet } from "../support/fleet.js";
import { enrolKey } from "../support/fleet-device.js";
import { enrolledState, withManagedHandset, type ManagedHandset } from "../support/managed-handset.js";
import { KEYS, signedDocument } from "../support/signed.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/round-trip");
const noMosquitto = mosquittoPath() === null ? "mosquitto is not installed" : null;
const times = (): { issued: number; expires: number } => ({ issued: seconds() - 1, expires: seconds() + 3600 });

async function roundTrip(broker: TestBroker): Promise<void> {
  const state = enrolledState();
  const on = (topic: string): TestBroker["published"] => broker.published.filter((each) => each.topic === topic);
  const reports = (): Reported[] =>
    on(`${UP}/rep/work`).map(({ payload }) => openSigned("report", payload, () => KEYS.device.publicKey, nodeCrypto));
  const push = async (version: number, cpuPermille: number): Promise<void> => {
    const budget = { cpuPermille, energyMillijoulesPerHour: 360_000 };
    const telemetry = { sampleSeconds: 1, sendSeconds: 1 };
    const bytes = await signedDocument("pol", { version, ...times(), budget, telemetry });
    await broker.publish(`${DOWN}/pol/work`, bytes, { retain: true });
  };
  const applied = (version: number): Promise<Reported> =>
    broker.watch.until(`report of version ${version}`, () =>
      reports().find(({ policy }) => policy.version === version),
    );
  await withManagedHandset(
    state,
    async ({ monitor }) => {
      await broker.watch.until("birth", () => on(`${UP}/state`).length > 0);
      await push(7, 200);
      const report = await applied(7);
      assert.is(complianceKeys(report)[31], "compliant");
      const { partitions, management } = await monitor.snapshot();
      assert.equal([partitions[0]!.cpu.ceiling, partitions[0]!.energy.contract!.rate], [20_000, 100_000]);
      assert.ok(management!.link.up);
      const sample = await broker.watch.until("telemetry", () => on(`${UP}/tm`)[0]);
      const [first] = decodeTelemetry(sample.payload);
      assert.equal(
        first!.partitions!.map(({ id, state: each }) => [id, each]),
        [[0, "running"]],
        "of the owner's partition there is no word",
      );
      // Nothing is commanded before the device has been told what time it is: its birth asks, and asks no more when it has its answer.
      const births = (): StateMessage[] =>
        on(`${UP}/state`).map(({ payload }) => decodeMessage(stateMsg, payload, MESSAGE));
      const { nonce } = await broker.watch.until("question", () => births().find((each) => each.nonce !== undefined));
      const now = Math.floor(Date.now() / 1000);
      const answer = await signedDocument("now", { ...times(), version: 0, now, nonce: nonce! });
      await broker.publish(`${DOWN}/now`, answer);
      await broker.watch.until("no question", () => births().at(-1)!.nonce === undefined);
      const id = new Uint8Array(16).fill(9);
      await broker.publish(
        `${DOWN}/cmd`,
        await signedDocument("cmd", { ...times(), id, verb: "pause", partition: "work" }),
      );
      const done = await broker.watch.until("ack", () =>
        on(`${UP}/ack`)
          .map(({ payload }) => decodeMessage(ackRule, payload, MESSAGE))
          .find((each) => each.id[0] === 9 && each.status !== "received"),
      );
      assert.is(done.status, "succeeded");
      assert.is((await monitor.snapshot()).partitions[0]!.state, "paused");
      await push(8, 100);
      await applied(8);
      assert.is((await monitor.snapshot()).partitions[0]!.cpu.ceiling, 10_000);
    },
    { brokers: [broker.url] },
  );
}

test("policy down, enforced, reported; telemetry up; a command and its ack: aedes", async () => {
  const broker = await startAedes();
  try {
    await roundTrip(broker);
  } finally {
    await broker.stop();
  }
});

testUnless(test, noMosquitto, "the same: mosquitto", async () => {
  const broker = await startMosquitto();
  try {
    await roundTrip(broker);
  } finally {
    await broker.stop();
  }
});

test("two governed partitions: what is kept of one does not replace what is kept of the other", async () => {
  const broker = await startAedes();
  const kernel = fileURLToPath(new URL("../guest/bare/keys.bin", import.meta.url));
  const more = `  - { name: mail, kind: work, kernel: ${kernel}, memory: 1M, overhead: small }\n`;
  const on = (topic: string): TestBroker["published"] => broker.published.filter((each) => each.topic === topic);
  try {
    await withManagedHandset(
      enrolledState(),
      async () => {
        await broker.watch.until("birth", () => on(`${UP}/state`).length > 0);
        for (const [partition, cpuPermille] of [
          ["work", 200],
          ["mail", 300],
        ] as const) {
          const bytes = await signedDocument("pol", { version: 7, ...times(), partition, budget: { cpuPermille } });
          await broker.publish(`${DOWN}/pol/${partition}`, bytes, { retain: true });
        }
        const [work, mail] = await Promise.all(
          ["work", "mail"].map((name) => broker.watch.until(`report of ${name}`, () => on(`${UP}/rep/${name}`)[0])),
        );
        const hashOf = ({ payload }: { payload: Uint8Array }): string =>
          toHex(openSigned("report", payload, () => KEYS.device.publicKey, nodeCrypto).hash);
        assert.not.equal(hashOf(work!), hashOf(mail!));
        assert.equal([work!.retain, mail!.retain], [true, true]);
        assert.is(on(`${UP}/rep`).length, 0);
      },
      { brokers: [broker.url], more },
    );
  } finally {
    await broker.stop();
  }
});

test("the audit comes whole, signed, from the first record of the first start on, over a kill of the agent and a restart", async () => {
  const broker = await startAedes();
  const { store } = emptyFleet();
  const name = enrolKey(store);
  let checked = 0;
  /** The end of the audit as the fleet has seen it; throws when a batch does not hold or something is missing. */
  const seen = (): number => {
    const batches = broker.published.filter(({ topic }) => topic === `${UP}/log/audit`);
    for (const { payload } of batches.slice(checked)) {
      const batch = decodeMessage(auditBatch, payload, MESSAGE);
      const { holds, text } = checkAudit(store, deviceNamed(store, name)!, batch);
      assert.ok(holds, text);
      assert.not.match(text, "not seen");
      if (checked++ === 0) assert.is(batch.first, 0);
    }
    return Number(
      (JSON.parse(readFileSync(store.path("audit", `${name}.json`), "utf8")) as { sequence: number }).sequence,
    );
  };
  const state = enrolledState();
  const life = (body: (handset: ManagedHandset) => Promise<void>): Promise<void> =>
    withManagedHandset(state, body, { brokers: [broker.url] });
  /** Does something that is in the audit, and waits for it. */
  const acts = async ({ monitor }: ManagedHandset): Promise<void> => {
    await monitor.command("pause", ["personal"], {});
    await monitor.command("resume", ["personal"], {});
    const { sequence } = monitor.audit(1).records[0]!;
    await broker.watch.until("audit", () => reaches(sequence));
  };
  const reaches = (sequence: number): boolean => {
    try {
      return seen() >= sequence;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
  };
  try {
    await life(async (handset) => {
      await acts(handset);
      handset.killAgent();
      await acts(handset);
    });
    await life(acts);
  } finally {
    await broker.stop();
  }
});

test.run();
