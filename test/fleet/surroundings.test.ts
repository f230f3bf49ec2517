// The agent's process where its surroundings change under it: facts that change while it runs, and a folder that belongs to somebody else.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TELEMETRY_STANDARD } from "../../agent/agent-messages.js";
import { programPath } from "../../agent/paths.js";
import { MESSAGE } from "../../agent/wire/limits.js";
import { AGENT_EVENTS } from "../../agent/wire/reasons.js";
import { eventMsg, stateMsg, type StateMessage } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { encodeTrust } from "../../agent/wire/trust.js";
import { enrolledFolder, FACTS, FakeMonitor, seconds, UP } from "../support/agent-process.js";
import { startAedes, type TestBroker } from "../support/broker.js";
import { testUnless } from "../support/skip.js";
import { temporaryFile } from "../support/temporary.js";

const test = suite("fleet/surroundings");
const NOBODY = 65_534;

const births = (broker: TestBroker): StateMessage[] =>
  broker.published
    .filter(({ topic }) => topic === `${UP}/state`)
    .map(({ payload }) => decodeMessage(stateMsg, payload, MESSAGE))
    .filter(({ online }) => online);

const eventCodes = (broker: TestBroker): number[] =>
  broker.published
    .filter(({ topic }) => topic === `${UP}/ev`)
    .map(({ payload }) => decodeMessage(eventMsg, payload, MESSAGE).code);

test("a second hello: a new birth with the new facts on the same connection, and nothing that waited is lost", async () => {
  const broker = await startAedes();
  const monitor = new FakeMonitor(enrolledFolder([broker.url]));
  try {
    await broker.watch.until("birth", () => births(broker).length > 0);
    const [first] = births(broker);
    monitor.send({ kind: "event", event: { time: seconds(), code: 1, severity: 6 } });
    const more = { id: 3, name: "mail", kind: "work", image: new Uint8Array(32) } as const;
    const facts = { ...FACTS, serial: "changed", partitions: [...FACTS.partitions, more] };
    const trust = encodeTrust({ ...monitor.trust, groups: ["pilot"] });
    monitor.send({ kind: "hello", facts, trust, groups: ["pilot"], settings: TELEMETRY_STANDARD });
    monitor.send({ kind: "event", event: { time: seconds(), code: 2, severity: 6 } });
    const second = await broker.watch.until("second birth", () => births(broker)[1]);
    assert.equal(second.facts, facts);
    assert.is(second.connection, first!.connection, "a birth, and no new connection");
    await broker.watch.until("both events", () => eventCodes(broker).length === 2);
    assert.equal(eventCodes(broker), [1, 2]);
    // The group's documents are heard from now on: rubbish of its own is refused, which only who subscribed can tell.
    await broker.publish("pv/1/demo/g/pilot/dn/pol/work", new Uint8Array([1]), { retain: false });
    await broker.watch.until("refusal", () => eventCodes(broker).length === 3);
    monitor.send({ kind: "quit" });
    assert.is(await monitor.ended, 0);
    assert.is(monitor.complaints, "");
  } finally {
    await monitor.kill();
    await broker.stop();
  }
});

/** A Node that runs as nobody; or why there is none. */
function nodeOfNobody(): { path: string } | { missing: string } {
  if (process.getuid!() !== 0) return { missing: "only root can run a program as another user" };
  if (programPath("setpriv") === null) return { missing: "no setpriv program here" };
  const script = `#!/bin/sh\nexec setpriv --reuid=${NOBODY} --regid=${NOBODY} --clear-groups '${process.execPath}' "$@"\n`;
  const path = temporaryFile(script, "node");
  chmodSync(path, 0o755);
  chmodSync(dirname(path), 0o755);
  const tried = spawnSync(path, ["-e", "process.exit(7)"]);
  return tried.status === 7 ? { path } : { missing: "another user may not run this Node" };
}

const nobody = nodeOfNobody();

testUnless(
  test,
  "missing" in nobody ? nobody.missing : null,
  "a folder that may only be read, and another user's at that: the agent runs, tells it, and keeps what waits in memory",
  async () => {
    const broker = await startAedes();
    const folder = enrolledFolder([broker.url]);
    for (const each of [dirname(folder), folder]) chmodSync(each, 0o755);
    chownSync(join(folder, "device.key"), NOBODY, NOBODY);
    chownSync(join(folder, "enrolment.json"), NOBODY, NOBODY);
    const before = readdirSync(folder);
    const monitor = new FakeMonitor(folder, { execPath: (nobody as { path: string }).path });
    try {
      await broker.watch.until("birth", () => births(broker).length > 0);
      for (let code = 1; code <= 3; code++) {
        monitor.send({ kind: "event", event: { time: seconds(), code, severity: 6 } });
      }
      await broker.watch.until("events", () => eventCodes(broker).length === 4);
      assert.equal(eventCodes(broker).sort(), [1, 2, 3, AGENT_EVENTS["queue-unsafe"]]);
      await monitor.until("queue", ({ trouble }) => trouble.includes("EACCES"));
      assert.equal(readdirSync(folder), before, "nothing was written");
      monitor.send({ kind: "quit" });
      assert.is(await monitor.ended, 0);
    } finally {
      await monitor.kill();
      await broker.stop();
    }
  },
);

test.run();
