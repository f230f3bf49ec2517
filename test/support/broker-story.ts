// What a broker has to carry, told once for all that fleet/brokers has a configuration for: a handset with its real agent, the operator's verbs, and what
// the broker's own rights keep apart.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import * as assert from "uvu/assert";
import { MESSAGE } from "../../agent/wire/limits.js";
import { stateMsg } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { Watch } from "./broker.js";
import { CopiedBroker, type Setup } from "./copied-broker.js";
import { withEnrolledHandset } from "./managed-handset.js";

export interface Abilities {
  /** What clients speak to it. */
  protocol: 4 | 5;
  /** Whether a subscription with wildcards is given what is retained; else exact topics alone are. */
  wildcardRetains: boolean;
}

const BASE = "pv/1/demo";
const STRANGER = "0".repeat(32);
const PATIENCE_MS = 60_000;
const until = async (what: () => string, holds: () => Promise<boolean> | boolean): Promise<void> => {
  for (const end = Date.now() + PATIENCE_MS; !(await holds());) {
    if (Date.now() > end) throw new Error(`not in time: ${what()}`);
    await sleep(50);
  }
};

interface Heard {
  topic: string;
  payload: Uint8Array;
  retain: boolean;
}

/** A client that hears everything it is given. */
class Listener {
  readonly heard: Heard[] = [];
  readonly watch = new Watch();

  private constructor(readonly client: MqttClient) {
    client.on("message", (topic, payload, { retain }) => {
      this.heard.push({ topic, payload: new Uint8Array(payload), retain });
      this.watch.changed();
    });
    client.on("error", () => {});
    client.on("close", () => this.watch.changed());
  }

  static async open(url: string, options: IClientOptions, filters: string[]): Promise<Listener> {
    const listener = new Listener(await connectAsync(url, { reconnectPeriod: 0, ...options }, false));
    await listener.client.subscribeAsync(filters, { qos: 1 });
    return listener;
  }

  on(what: string): Heard[] {
    return this.heard.filter(({ topic }) => topic.endsWith(what));
  }
}

/** The whole story, against a broker that is started for it; `after` goes on with the device's name and its way in. */
export async function tellStory(
  setup: Setup,
  abilities: Abilities,
  after = (_broker: CopiedBroker, _device: string, _options: IClientOptions): Promise<void> => Promise.resolve(),
): Promise<void> {
  const broker = await CopiedBroker.start(setup, "small");
  try {
    const { device, options } = await managed(broker, abilities);
    await after(broker, device, options);
  } finally {
    await broker.stop();
  }
}

async function managed(
  broker: CopiedBroker,
  { protocol, wildcardRetains }: Abilities,
): Promise<{ device: string; options: IClientOptions }> {
  const { url, folder, operator } = broker;
  const file = (...names: string[]): Buffer => readFileSync(join(folder, ...names));
  const tls = { protocolVersion: protocol, ca: file("broker-authority.pem") };
  const fleetTls = { ...tls, cert: file("fleet.pem"), key: file("fleet.key") };
  // A name of its own: where the certificate is the client's id, the operator's verbs take its place otherwise.
  const watcherTls = { ...tls, cert: file("watcher.pem"), key: file("watcher.key") };
  const watcher = await Listener.open(url, { ...watcherTls, clientId: "watcher" }, [
    `${BASE}/+/up/#`,
    `${BASE}/+/dn/#`,
  ]);
  let device = "";
  /** Connections: a birth comes with the question of the time, and once more without it. */
  const births = (): number =>
    new Set(
      watcher
        .on("/up/state")
        .map(({ payload }) => decodeMessage(stateMsg, payload, MESSAGE))
        .flatMap(({ online, connection }) => (online ? [connection] : [])),
    ).size;
  const reports = (): number => watcher.heard.filter(({ topic }) => /\/up\/rep(\/work)?$/.test(topic)).length;
  await withEnrolledHandset(folder, async (handset) => {
    const { monitor } = handset;
    const state = (): string => broker.said.slice(-2_000);
    const ceiling = async (): Promise<number | null> => (await monitor.snapshot()).partitions[0]!.cpu.ceiling;
    const push = async (percent: number): Promise<void> => {
      const policy = join(folder, "policy.yaml");
      writeFileSync(policy, `partition: work\nbudget: { cpu: ${percent}% }\n`);
      await broker.fleet("policy", "push", policy, "--to", "all", ...operator);
    };
    await watcher.watch.until(`birth ${state()}`, () => births() === 1);
    device = (await monitor.snapshot()).management!.device;

    // Policy down, enforced, reported.
    await push(20);
    await until(state, async () => (await ceiling()) === 20_000);
    await watcher.watch.until("report", () => reports() > 0);
    if (wildcardRetains) await until(state, async () => / 1\.1 +1\.1 /.test(await broker.fleet("ls", ...operator)));

    // A command and its answer.
    await broker.fleet("pause", "small", "work", ...operator);
    assert.is((await monitor.snapshot()).partitions[0]!.state, "paused");
    await watcher.watch.until("ack", () => watcher.on("/up/ack").length > 0);

    // The agent is gone for a moment; what was said meanwhile is waiting, in its session or retained.
    handset.killAgent();
    await push(10);
    await watcher.watch.until("another birth", () => births() === 2);
    await until(state, async () => (await ceiling()) === 10_000);
  });
  const options = deviceOptions(broker, device, tls);
  await rights(url, watcher, device, options);

  // Somebody who comes later.
  const late = await Listener.open(url, { ...fleetTls, clientId: "late" }, [`${BASE}/all/dn/root`]);
  await late.watch.until("root", () => late.on("/dn/root").length > 0);
  assert.ok(late.on("/dn/root")[0]!.retain);
  const later = await Listener.open(url, { ...fleetTls, clientId: "later" }, [`${BASE}/all/dn/#`, `${BASE}/marker`]);
  // What is retained comes before what is published afterwards.
  await later.client.publishAsync(`${BASE}/marker`, "x", { qos: 1 });
  await later.watch.until("marker", () => later.on("/marker").length > 0);
  assert.is(later.on("/dn/pol/work").length, wildcardRetains ? 1 : 0, "retained, to a subscription with wildcards");
  for (const { client } of [watcher, late, later]) await client.endAsync(true);

  const nobody = await connectAsync(url, { ...tls, reconnectPeriod: 0 }, false).then(
    () => false,
    () => true,
  );
  assert.ok(nobody, "without a certificate nobody is let in");
  return { device, options };
}

function deviceOptions({ folder }: CopiedBroker, device: string, tls: IClientOptions): IClientOptions {
  const agent = join(folder, "pocketvisor/small/agent");
  const { certificate } = JSON.parse(readFileSync(join(agent, "enrolment.json"), "utf8")) as { certificate: string };
  const key = readFileSync(join(agent, "device.key"));
  return { ...tls, cert: certificate, key, clientId: device, reconnectPeriod: 0 };
}

/** The device's own certificate, in other hands: it is still that device and nobody else. */
async function rights(url: string, watcher: Listener, device: string, options: IClientOptions): Promise<void> {
  // A broker may answer what is forbidden by a code, by silence, or by ending the connection; so each attempt has a connection of its own.
  const attempt = async (body: (thief: MqttClient) => Promise<unknown>): Promise<void> => {
    const thief = await connectAsync(url, options, false);
    thief.on("error", () => {});
    const closed = new Promise<void>((resolve) => thief.once("close", () => resolve()));
    await Promise.race([body(thief).catch(() => undefined), closed]);
    await thief.endAsync(true).catch(() => undefined);
  };
  const heard: string[] = [];
  for (const topic of [`${BASE}/${STRANGER}/up/ev`, `${BASE}/${device}/dn/cmd`, `${BASE}/all/dn/root`]) {
    await attempt((thief) => thief.publishAsync(topic, "forged", { qos: 1 }));
  }
  // What it may do arrives, and came later than what it may not.
  await attempt((thief) => thief.publishAsync(`${BASE}/${device}/up/log/theft`, "own", { qos: 1 }));
  await watcher.watch.until("the device's own word", () => watcher.on("/up/log/theft").length > 0);
  assert.equal(
    watcher.heard.filter(({ payload }) => Buffer.from(payload).toString() === "forged"),
    [],
    "neither another device's topics are its, nor what only the fleet says",
  );
  // What others say is not for it: everything of everybody, the broker's own.
  for (const filter of [`${BASE}/+/up/#`, "#", "$MQTT/#", "$MQTT/sub/#"]) {
    await attempt(async (thief) => {
      thief.on("message", (topic) => heard.push(topic));
      await thief.subscribeAsync(filter, { qos: 1 });
      const before = watcher.on("/up/log/theft").length;
      await thief.publishAsync(`${BASE}/${device}/up/log/theft`, "own", { qos: 1 });
      await watcher.watch.until("the device's own word", () => watcher.on("/up/log/theft").length > before);
    });
  }
  assert.equal(
    heard.filter((topic) => !topic.startsWith(`${BASE}/all/dn/`) && !topic.startsWith(`${BASE}/${device}/dn/`)),
    [],
    "what devices say is not for it",
  );
}
