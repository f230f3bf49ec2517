// The agent's process between a broker and a monitor: what is said arrives, whoever dies in between.

import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ack as ackRule } from "../../agent/wire/commands.js";
import { MESSAGE } from "../../agent/wire/limits.js";
import { AGENT_EVENTS } from "../../agent/wire/reasons.js";
import { eventMsg, stateMsg } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { decodeTelemetry } from "../../agent/wire/telemetry.js";
import {
  DEVICE_NAME,
  DOWN,
  enrolledFolder,
  FACTS,
  FakeMonitor,
  privateKeyPem,
  sampleAt,
  seconds,
  UP,
} from "../support/agent-process.js";
import {
  listen,
  mosquittoPath,
  startAedes,
  startMosquitto,
  type BrokerTls,
  type TestBroker,
} from "../support/broker.js";
import { Authority, noOpenssl, type Certified } from "../support/certificates.js";
import { killRun } from "../support/kill-run.js";
import { Random } from "../support/random.js";
import { KEYS, signedDocument } from "../support/signed.js";
import { testUnless } from "../support/skip.js";
import { temporaryFile } from "../support/temporary.js";

const test = suite("agent");
const noMosquitto = mosquittoPath() === null ? "mosquitto is not installed" : null;

const stateOf = (payload: Uint8Array): ReturnType<typeof stateMsg.read> => decodeMessage(stateMsg, payload, MESSAGE);
const times = (): { issued: number; expires: number } => ({ issued: seconds() - 1, expires: seconds() + 3600 });

async function converse(broker: TestBroker, more: Record<string, unknown> = {}): Promise<void> {
  const folder = enrolledFolder([broker.url], more);
  const on = (topic: string): TestBroker["published"] => broker.published.filter((each) => each.topic === topic);
  let monitor = new FakeMonitor(folder, { settings: { sampleSeconds: 0, sendSeconds: 0, bytesPerDay: 1 << 30 } });
  const birth = await broker.watch.until("birth", () => on(`${UP}/state`)[0]);
  const first = stateOf(birth.payload);
  assert.ok(first.online);
  assert.equal(first.facts, FACTS);
  assert.is(birth.qos, 1);

  // Telemetry.
  monitor.send({ kind: "sample", sample: sampleAt(seconds()) });
  const [telemetry] = await broker.watch.until("telemetry", () => on(`${UP}/tm`).length > 0 && on(`${UP}/tm`));
  assert.is(decodeTelemetry(telemetry!.payload)[0]!.battery!.percent, 77);

  // A document down, a command down, its ack up.
  await broker.publish(`${DOWN}/time`, await signedDocument("time", { ...times(), now: seconds() }), { retain: true });
  await monitor.until("document", ({ via }) => via.kind === "time");
  const id = new Uint8Array(16).fill(7);
  const command = await signedDocument("cmd", { ...times(), id });
  await broker.publish(`${DOWN}/cmd`, command);
  const answer = await broker.watch.until("ack", () => on(`${UP}/ack`)[0]);
  assert.equal(decodeMessage(ackRule, answer.payload, MESSAGE).id, id);
  // The same bytes again, and a stranger's: neither reaches the monitor.
  await broker.publish(`${DOWN}/cmd`, command);
  await broker.publish(`${DOWN}/pol/work`, new Uint8Array([0xd2, 0x84]), { retain: true });
  const refusal = await broker.watch.until("refusal", () => on(`${UP}/ev`)[0]);
  assert.is(decodeMessage(eventMsg, refusal.payload, MESSAGE).severity, 4);
  assert.is(monitor.messages.filter(({ kind }) => kind === "document").length, 2);

  // Killed; what it is given next, and everything retained, is there for the next one.
  assert.is(await monitor.kill(), "SIGKILL");
  await broker.publish(`${DOWN}/cmd`, await signedDocument("cmd", { ...times(), id: id.map(() => 8) }));
  const births = on(`${UP}/state`).length;
  monitor = new FakeMonitor(folder, { trust: monitor.trust });
  const again = await broker.watch.until("another birth", () =>
    on(`${UP}/state`)
      .slice(births)
      .find((each) => stateOf(each.payload).online),
  );
  assert.ok(stateOf(again.payload).connection > first.connection);
  assert.is(stateOf(again.payload).bootCount, 2);
  await broker.watch.until("ack of the queued command", () =>
    on(`${UP}/ack`).some((each) => decodeMessage(ackRule, each.payload, MESSAGE).id[0] === 8),
  );

  // In order, it says so itself.
  monitor.send({ kind: "quit" });
  assert.is(await monitor.ended, 0);
  await broker.watch.until("death", () => !stateOf(on(`${UP}/state`).at(-1)!.payload).online);
  assert.is(monitor.complaints, "");
}

test("birth, telemetry, document, command, ack, kill, return: aedes, MQTT 3.1.1", async () => {
  const broker = await startAedes();
  try {
    await converse(broker);
  } finally {
    await broker.stop();
  }
});

test("the same: aedes behind a WebSocket", async () => {
  const broker = await startAedes(undefined, true);
  try {
    await converse(broker);
  } finally {
    await broker.stop();
  }
});

testUnless(test, noMosquitto, "the same: mosquitto, MQTT 5", async () => {
  const broker = await startMosquitto();
  try {
    await converse(broker);
  } finally {
    await broker.stop();
  }
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((done) => server.close(done));
  return port;
}

const tls = (authority: Authority): { broker: BrokerTls; device: Record<string, string> } => {
  const broker = { ...authority.issue("broker", { host: "IP:127.0.0.1" }), authorities: authority.certificate };
  const { certificate } = authority.issue(DEVICE_NAME, { keyPem: privateKeyPem(KEYS.device) });
  return { broker, device: { certificate, authorities: authority.certificate } };
};

testUnless(test, noOpenssl, "the same: aedes, with certificates on both sides", async () => {
  const made = tls(new Authority());
  const broker = await startAedes(made.broker);
  try {
    await converse(broker, made.device);
  } finally {
    await broker.stop();
  }
});

testUnless(
  test,
  noOpenssl,
  "the same: aedes behind a WebSocket over TLS, with certificates on both sides",
  async () => {
    const made = tls(new Authority());
    const broker = await startAedes(made.broker, true);
    try {
      assert.match(broker.url, /^wss:/);
      await converse(broker, made.device);
    } finally {
      await broker.stop();
    }
  },
);

testUnless(test, noOpenssl ?? noMosquitto, "the same: mosquitto, with certificates on both sides", async () => {
  const made = tls(new Authority());
  const broker = await startMosquitto(made.broker);
  try {
    await converse(broker, made.device);
  } finally {
    await broker.stop();
  }
});

testUnless(test, noOpenssl, "a broker that nobody vouches for, or for another host, gets nothing", async () => {
  const ours = new Authority();
  const { device } = tls(ours);
  const others: [what: string, certified: Certified][] = [
    ["of a stranger", new Authority().issue("broker", { host: "IP:127.0.0.1" })],
    ["for another host", ours.issue("elsewhere", { host: "DNS:elsewhere.example" })],
    ["expired", ours.issue("old", { host: "IP:127.0.0.1", days: -1 })],
  ];
  for (const [what, certified, webSocket] of others.flatMap(([name, each]) => [
    [name, each, false] as const,
    [`${name}, WebSocket`, each, true] as const,
  ])) {
    const broker = await startAedes({ ...certified, authorities: ours.certificate }, webSocket);
    const monitor = new FakeMonitor(enrolledFolder([broker.url], device));
    try {
      const { up, why } = await monitor.until("link");
      assert.is(up, false, what);
      assert.match(why, /certificate|altnames/i);
      assert.equal(broker.published, []);
    } finally {
      await monitor.kill();
      await broker.stop();
    }
  }
});

test("a disk that takes nothing (RLIMIT_FSIZE 0): the link goes on, and people are told", async () => {
  const node = temporaryFile(`#!/bin/sh\nulimit -f 0\nexec '${process.execPath}' "$@"\n`, "node");
  chmodSync(node, 0o700);
  const broker = await startAedes();
  const monitor = new FakeMonitor(enrolledFolder([broker.url]), { execPath: node });
  const events = (): number[] =>
    broker.published.flatMap(({ topic, payload }) =>
      topic === `${UP}/ev` ? [decodeMessage(eventMsg, payload, MESSAGE).code] : [],
    );
  try {
    await broker.watch.until("birth", () => broker.published.some(({ topic }) => topic === `${UP}/state`));
    for (let code = 1; code <= 3; code++) {
      monitor.send({ kind: "event", event: { time: seconds(), code, severity: 6 } });
    }
    await broker.watch.until("events", () => events().includes(3) && events().includes(AGENT_EVENTS["queue-unsafe"]));
    assert.equal(events().sort(), [1, 2, 3, AGENT_EVENTS["queue-unsafe"]]);
    await monitor.until("queue", ({ trouble }) => trouble.includes("EFBIG"));
    assert.match(monitor.complaints, /number is not on the disk/);
    monitor.send({ kind: "quit" });
    assert.is(await monitor.ended, 0);
  } finally {
    await monitor.kill();
    await broker.stop();
  }
});

test("what cannot be used ends the process with status 2 and says what to do; the channel's end ends it with 0", async () => {
  const broken: [Record<string, unknown>, RegExp][] = [
    [{ tenant: "a/b" }, /tenant/],
    [{ brokers: [] }, /Enrol the device again/],
    [{ brokers: ["mqtt://broker.example"] }, /has no TLS/],
    [{ brokers: ["ftp://127.0.0.1"] }, /broker's address/],
    [{ metrics: "x" }, /Enrol the device again/],
  ];
  for (const [change, expected] of broken) {
    const monitor = new FakeMonitor(enrolledFolder(["mqtt://127.0.0.1:1"], change));
    assert.is(await monitor.ended, 2);
    assert.match(monitor.complaints, expected);
  }
  const monitor = new FakeMonitor(enrolledFolder(["mqtt://127.0.0.1:1"]));
  await monitor.until("link");
  monitor.child.disconnect();
  assert.is(await monitor.ended, 0);
});

test("the metrics page is for this computer, and off unless asked for", async () => {
  const port = await freePort();
  const monitor = new FakeMonitor(enrolledFolder(["mqtt://127.0.0.1:1"], { metrics: port }));
  try {
    await monitor.until("link");
    const limits = [
      { id: 1, cpuPermille: 200, memoryKib: 65_536, energyMicrowatts: 100_000 },
      { id: 2, cpuPermille: null, memoryKib: 32_768, energyMicrowatts: null },
    ];
    monitor.send({ kind: "limits", limits });
    monitor.send({ kind: "sample", sample: sampleAt(seconds()) });
    await monitor.until("queue", ({ waiting }) => waiting === 1);
    const page = await fetch(`http://127.0.0.1:${port}/metrics`);
    const text = await page.text();
    assert.match(text, /^pocketvisor_battery_percent 77$/m);
    assert.match(text, /^pocketvisor_partition_memory_used_bytes\{partition="work"\} 134217728$/m);
    assert.match(text, /^pocketvisor_partition_throttled_seconds_total\{partition="work"\} 98.765$/m);
    assert.match(text, /^pocketvisor_partition_cpu_limit_ratio\{partition="work"\} 0.2$/m);
    assert.match(text, /^pocketvisor_partition_memory_limit_bytes\{partition="personal"\} 33554432$/m);
    assert.match(text, /^pocketvisor_partition_energy_limit_watts\{partition="work"\} 0.1$/m);
    // What has no limit has no line that would say that it had.
    assert.not.match(text, /(cpu_limit_ratio|energy_limit_watts)\{partition="personal"\}/);
    assert.is((await fetch(`http://127.0.0.1:${port}/other`)).status, 404);
  } finally {
    await monitor.kill();
  }
});

test("killed ten times at any moment: nothing is lost that was taken, and nothing comes back wrong", async () => {
  const { events, commands, wrong } = await killRun(10, new Random(17));
  assert.equal(wrong.slice(0, 10), []);
  assert.ok(events > 0 && commands > 0);
});

test.run();
