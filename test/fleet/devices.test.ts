// fleet ls, inspect, why, watch against the fleet's own broker: three facts apart, desired beside reported, hostile messages dropped and counted.

import type { MqttClient } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import { eventMsg, reported, type Reported } from "../../agent/wire/reports.js";
import { encodeMessage } from "../../agent/wire/schema.js";
import { sign1 } from "../../agent/wire/sign.js";
import { logChunk } from "../../agent/wire/streams.js";
import { encodeTelemetry } from "../../agent/wire/telemetry.js";
import type { FleetBroker } from "../../fleet/broker.js";
import { issue, type Issued } from "../../fleet/documents.js";
import type { DeviceView } from "../../fleet/view.js";
import { DAY, DEVICE, KEYS, keyOf, NOW } from "../support/signed.js";
import { fleetRun, madeFleet, type TestFleet } from "../support/fleet.js";
import { temporaryFile } from "../support/temporary.js";
import { birth, connectDevice, death, enrolKey, withBroker } from "../support/fleet-device.js";
import { runFleet } from "../../fleet/cli/main.js";

const devices = suite("fleet devices");

const reportOf = ({ document, hash }: Issued<"pol">): Reported => ({
  policy: { epoch: document.epoch, version: document.version },
  hash,
  appliedAt: NOW - 60,
  sections: new Map([
    [31, { state: "compliant" }],
    [36, { state: "not-supported", code: 1 }],
  ]),
});

interface World extends TestFleet {
  broker: FleetBroker;
  name: string;
  device: MqttClient;
  up: (what: string, payload: Uint8Array | string, retain?: boolean) => Promise<unknown>;
  views: () => Promise<DeviceView[]>;
}

/** A fleet with one device that is connected. */
async function world(body: (world: World) => Promise<void>): Promise<void> {
  const fleet = await madeFleet();
  const name = enrolKey(fleet.store);
  await withBroker(fleet.store, async (broker) => {
    const device = await connectDevice(broker, name);
    const up: World["up"] = (what, payload, retain = false) =>
      device.publishAsync(`pv/1/demo/${name}/up/${what}`, Buffer.from(payload), { qos: 1, retain });
    const views = async (): Promise<DeviceView[]> =>
      JSON.parse((await fleetRun(fleet, ["ls", "--json"])).out) as DeviceView[];
    try {
      await body({ ...fleet, broker, name, device, up, views });
    } finally {
      await device.endAsync(true);
    }
  });
}

devices("a device that was never seen, then its birth, then its death", () =>
  world(async ({ views, up, name }) => {
    const [before] = await views();
    assert.equal([before!.device, before!.link, before!.heardAt, before!.agent], [name, "never seen", null, null]);
    await up("state", birth(7), true);
    const [born] = await views();
    assert.equal([born!.link, born!.agent, born!.bootCount], ["up", "0.1.0", 3]);
    assert.equal(born!.partitions, [
      { name: "work", kind: "work", state: null },
      { name: "personal", kind: "personal", state: null },
    ]);
    await up("state", death(7), true);
    assert.is((await views())[0]!.link, "down");
  }),
);

devices("desired beside reported: nothing applied, an old one, in step; by a signed report", () =>
  world(async ({ store, views, up }) => {
    const policyOf = (cpuPermille: number): Promise<Issued<"pol">> =>
      issue(store, "pol", DEVICE.id, { partition: "work", budget: { cpuPermille } }, NOW, DAY);
    const first = await policyOf(600);
    const fact = async (): Promise<unknown[]> => {
      const [{ desired, reported: said, inStep, signed, open } = {} as never] = (await views())[0]!.policies;
      return [desired, said, inStep, signed, open];
    };
    assert.equal(await fact(), ["1.1", null, false, false, []]);
    await up("rep", encodeMessage(reported, reportOf(first)), true);
    assert.equal(await fact(), ["1.1", "1.1", true, false, ["sharing: not-supported (1)"]]);
    const second = await policyOf(200);
    assert.equal((await fact()).slice(0, 3), ["1.2", "1.1", false]);
    await up("rep/work", await sign1("report", reportOf(second), KEYS.device, nodeCrypto), true);
    await up("rep", "", true);
    assert.equal((await fact()).slice(0, 4), ["1.2", "1.2", true, true]);
  }),
);

devices("a report that another key signed is dropped and counted; so is every kind of rubbish", () =>
  world(async ({ store, views, up }) => {
    const policy = await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
    await up("state", birth(2), true);
    await up("rep", await sign1("report", reportOf(policy), KEYS.stranger, nodeCrypto), true);
    const [view] = await views();
    assert.is(view!.policies[0]!.reported, null);
    assert.is(view!.droppedCount, 1);
    for (const rubbish of ["x", "\xff\xff", "\xbf", new Uint8Array(60_000).fill(0x81)]) {
      await up("state", rubbish, true);
      const [after] = await views();
      assert.equal([after!.link, after!.droppedCount], ["never seen", 2]);
    }
  }),
);

devices("watch tells what comes: a late will does not end a newer connection, text cannot steer the terminal", () =>
  world(async (all) => {
    const { environment, up, name } = all;
    const stop = new AbortController();
    const lines: { text: string; kind: string; device: string }[] = [];
    let heard: () => void = () => {};
    const started = runFleet(["watch", "--json"], {
      out: (line) => {
        lines.push(JSON.parse(line) as (typeof lines)[number]);
        heard();
      },
      say: () => {},
      ask: async () => null,
      environment,
      now: () => NOW,
      signal: stop.signal,
    });
    const next = async (send: () => Promise<unknown>): Promise<void> => {
      const count = lines.length;
      const told = new Promise<void>((resolve) => (heard = resolve));
      await send();
      if (lines.length === count) await told;
    };
    // The birth is kept by the broker, so that it comes whenever the watch has begun.
    await next(() => up("state", birth(5), true));
    await up("state", death(4));
    const battery = { percent: 41, millivolts: 3700, milliamperes: -100, deciCelsius: 250 };
    await next(() => up("tm", encodeTelemetry([{ time: NOW, sequence: 1, uptime: 9, battery }])));
    await next(() => up("ev", encodeMessage(eventMsg, { time: NOW, sequence: 2, code: 277, severity: 4 })));
    const chunk = { sequence: 1, time: NOW, bytes: Buffer.from("\x1b[2Jboom\u202e") };
    await next(() => up("log/work", encodeMessage(logChunk, { ...chunk, bytes: new Uint8Array(chunk.bytes) })));
    stop.abort();
    assert.is(await started, 130);
    assert.equal(
      lines.map(({ kind }) => kind),
      ["link", "sample", "event", "log"],
    );
    assert.ok(lines.every(({ device }) => device === name));
    assert.match(lines[1]!.text, "battery 41 %");
    assert.match(lines[2]!.text, "rollback");
    assert.is(lines[3]!.text, "log work: \\x1b[2Jboom\\u202e");
  }),
);

devices("why says what is not as it is wanted, in sentences; inspect says all", () =>
  world(async (all) => {
    const { store, up, name } = all;
    await issue(store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
    await up("state", birth(1), true);
    const why = await fleetRun(all, ["why", name.slice(0, 6)]);
    assert.match(why.out, "Its link is up.");
    assert.match(why.out, "work: policy 1.1 is signed for it, and it has applied none");
    const inspected = await fleetRun(all, ["inspect", "demo"]);
    assert.match(inspected.out, "policy of work: 1.1 desired, none reported");
    assert.match((await fleetRun(all, ["why", "nobody"])).said, "FLEET_DEVICE");
    enrolKey(store, keyOf(50), "demo");
    assert.match((await fleetRun(all, ["why", "demo"])).said, "2 devices are called demo");
  }),
);

devices("the list has a line for each device and each governed partition", () =>
  world(async (all) => {
    await issue(all.store, "pol", DEVICE.id, { partition: "work" }, NOW, DAY);
    await all.up("state", birth(1), true);
    const { out } = await fleetRun(all, ["ls"], { now: () => NOW + 180 });
    const [head, row] = out.split("\n");
    assert.match(head!, /^DEVICE\s+NAME\s+BOARD\s+LINK\s+HEARD\s+PARTITION\s+DESIRED\s+APPLIED\s+AT$/);
    assert.match(
      row!,
      new RegExp(`^${all.name.slice(0, 8)}\\s+demo\\s+qemu-virt\\s+up\\s+-\\s+work\\s+1\\.1\\s+-\\s+-$`),
    );
  }),
);

devices(
  "policy push: signed, with the broker, listed as the newest, and nothing signed when nobody is there",
  async () => {
    const fleet = await madeFleet();
    const file = temporaryFile("partition: work\nbudget: { cpu: 20% }\n", "policy.yaml");
    const nobody = await fleetRun(fleet, ["policy", "push", file, "--to", "all"]);
    assert.match(nobody.said, "FLEET_BROKER");
    assert.is(fleet.store.list("documents").length, 0);
    await withBroker(fleet.store, async (broker) => {
      const name = enrolKey(fleet.store);
      const device = await connectDevice(broker, name);
      const topics: string[] = [];
      const three = new Promise<void>((resolve) => {
        device.on("message", (topic) => {
          topics.push(topic);
          if (topics.length === 3) resolve();
        });
      });
      await device.subscribeAsync("pv/1/demo/all/dn/#", { qos: 1 });
      assert.is((await fleetRun(fleet, ["policy", "push", file, "--to", "all"])).status, 0);
      await three;
      assert.equal(
        topics,
        ["root", "pol/work", "time"].map((what) => `pv/1/demo/all/dn/${what}`),
      );
      await device.endAsync();
    });
  },
);

devices.run();
