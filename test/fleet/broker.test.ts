// The fleet's own broker: who may connect, what a device may write and read (management.md "Topics"), how large a packet may be.

import { connect as connectSocket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { brokerUrl, FLEET_USER, FleetBroker } from "../../fleet/broker.js";
import { deviceNamed, saveDevice } from "../../fleet/devices.js";
import { issue } from "../../fleet/documents.js";
import { FleetError } from "../../fleet/failure.js";
import { Keeper } from "../../fleet/keeper.js";
import { FleetLink } from "../../fleet/link.js";
import { DAY, DEVICE, keyOf, NOW, wordOf } from "../support/signed.js";
import { enrolledTrust, judged, madeFleet } from "../support/fleet.js";
import { birth, connectDevice, enrolKey, withBroker } from "../support/fleet-device.js";

const brokers = suite("fleet broker");

async function codeOf(body: () => Promise<unknown>): Promise<string> {
  try {
    await body();
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
  return "none";
}

brokers("the fleet gets in with its password alone, by 3.1.1 after the broker has refused 5", async () => {
  const { store } = await madeFleet();
  await withBroker(store, async (broker) => {
    const url = brokerUrl(broker.address);
    const link = await FleetLink.connect({ url, username: FLEET_USER, password: broker.address.password });
    assert.is(link.protocol, 4);
    await link.close();
    for (const password of ["", "x", broker.address.password.slice(1), `${broker.address.password}x`]) {
      const code = await codeOf(() => FleetLink.connect({ url, username: FLEET_USER, password }));
      assert.is(code, "FLEET_REFUSED", password);
    }
    assert.is(await codeOf(() => FleetLink.connect({ url })), "FLEET_REFUSED");
  });
});

brokers("nobody there: said as such", async () => {
  const { store } = await madeFleet();
  const url = await withBroker(store, async (broker) => brokerUrl(broker.address));
  assert.is(await codeOf(() => FleetLink.connect({ url })), "FLEET_BROKER");
});

brokers("devices that are enrolled get in; strangers, retired ones and other names do not", async () => {
  const { store } = await madeFleet();
  const name = enrolKey(store);
  await withBroker(store, async (broker) => {
    await (await connectDevice(broker, name)).endAsync();
    assert.is(await codeOf(() => connectDevice(broker, "0".repeat(32))), "5");
    assert.is(await codeOf(() => connectDevice(broker, name, { username: "0".repeat(32) })), "5");
    assert.is(await codeOf(() => connectDevice(broker, "../../keys/root-1")), "5");
    saveDevice(store, { ...deviceNamed(store, name)!, retiredAt: NOW });
    assert.is(await codeOf(() => connectDevice(broker, name)), "5");
  });
});

const FORBIDDEN: [what: string, topic: (own: string, other: string) => string, retain?: boolean][] = [
  ["another device's state", (_own, other) => `pv/1/demo/${other}/up/state`],
  ["a document to itself", (own) => `pv/1/demo/${own}/dn/pol/work`],
  ["a document to all", () => "pv/1/demo/all/dn/root"],
  ["another tenant", (own) => `pv/1/other/${own}/up/state`],
  ["the fleet's state", () => "pv/1/demo/fleet/state"],
  ["the broker's own topics", () => "$SYS/heartbeat"],
  ["what nobody knows", (own) => `pv/1/demo/${own}/up/other`],
  ["more levels", (own) => `pv/1/demo/${own}/up/state/more`],
  ["telemetry that is kept for ever", (own) => `pv/1/demo/${own}/up/tm`, true],
];
for (const [what, topic, retain = false] of FORBIDDEN) {
  brokers(`a device that publishes ${what} is cut off, and nobody hears it`, async () => {
    const { store } = await madeFleet();
    const [own, other] = [enrolKey(store), enrolKey(store, keyOf(50), "other")];
    await withBroker(store, async (broker) => {
      const { password } = broker.address;
      const link = await FleetLink.connect({ url: brokerUrl(broker.address), username: FLEET_USER, password });
      const heard: string[] = [];
      await link.subscribe(["pv/1/demo/#"], (heardTopic) => heard.push(heardTopic));
      const device = await connectDevice(broker, own);
      device.on("error", () => {});
      const closed = new Promise((resolve) => device.once("close", () => resolve(null)));
      device.publish(topic(own, other), birth(1), { qos: 1, retain });
      await closed;
      // Another device's word comes after: whatever the first had got through would be there.
      const second = await connectDevice(broker, other);
      const end = new Promise<void>((resolve) => {
        void link.subscribe(["pv/1/demo/#"], (heardTopic) => {
          heard.push(heardTopic);
          if (heardTopic.endsWith("/up/ev")) resolve();
        });
      });
      await second.publishAsync(`pv/1/demo/${other}/up/ev`, "x", { qos: 1 });
      await end;
      assert.equal(
        heard.filter((each) => !each.endsWith("/up/ev")),
        [],
      );
      await second.endAsync();
      await link.close();
    });
  });
}

brokers("a device reads its own documents, its groups' and everybody's, and nothing else", async () => {
  const { store } = await madeFleet();
  const [own, other] = [enrolKey(store), enrolKey(store, keyOf(50), "other")];
  await issue(store, "groups", DEVICE.id, { groups: ["sales"] }, NOW, DAY);
  await withBroker(store, async (broker) => {
    const device = await connectDevice(broker, own);
    const granted = async (filter: string): Promise<boolean> => {
      try {
        return (await device.subscribeAsync(filter, { qos: 1 })).every(({ qos }) => qos <= 2);
      } catch {
        return false;
      }
    };
    for (const filter of [`pv/1/demo/${own}/dn/#`, "pv/1/demo/all/dn/#", "pv/1/demo/g/sales/dn/pol/work"]) {
      assert.ok(await granted(filter), filter);
    }
    const refused = ["#", "+/1/demo/all/dn/#", `pv/1/demo/${other}/dn/#`, "pv/1/demo/g/board/dn/#", "pv/1/demo/+/dn/#"];
    for (const filter of [
      ...refused,
      `pv/1/demo/${own}/up/#`,
      "pv/1/demo/all/#",
      "$SYS/#",
      "$share/x/pv/1/demo/all/dn/#",
    ]) {
      assert.not(await granted(filter), filter);
    }
    await device.endAsync();
  });
});

brokers(
  "the keeper publishes all that is signed, once; a device believes it; what is new goes out in the next round",
  async () => {
    const { store } = await madeFleet();
    const own = enrolKey(store);
    await issue(store, "pol", DEVICE.id, { partition: "work", budget: { cpuPermille: 200 } }, NOW, DAY);
    await withBroker(store, async (broker) => {
      const keeper = new Keeper(store, broker.publish);
      // Root, by its number and as the newest; policy; the freshness of the device and of everybody.
      assert.is(await keeper.round(NOW), 5);
      assert.is(await keeper.round(NOW), 0);
      await issue(store, "pol", "all", { partition: "games" }, NOW, DAY);
      assert.is(await keeper.round(NOW), 2, "the policy, and a freshness document that lists it");
      const device = await connectDevice(broker, own);
      const received = new Map<string, Uint8Array>();
      const all = new Promise<void>((resolve) => {
        device.on("message", (topic, payload) => {
          received.set(topic, new Uint8Array(payload));
          if (received.size === 6) resolve();
        });
      });
      await device.subscribeAsync([`pv/1/demo/${own}/dn/#`, "pv/1/demo/all/dn/#"], { qos: 1 });
      await all;
      let trust = enrolledTrust(store);
      const take = (topic: string, kind: "time" | "pol", partition?: string): string => {
        const via = partition === undefined ? { kind } : { kind, partition };
        const { verdict, trust: next } = judged(trust, received.get(`pv/1/demo/${topic}`)!, via);
        trust = next;
        return wordOf(verdict);
      };
      assert.is(take(`${own}/dn/time`, "time"), "accepted");
      assert.is(take("all/dn/time", "time"), "accepted");
      assert.is(take(`${own}/dn/pol/work`, "pol", "work"), "accepted");
      assert.is(take("all/dn/pol/games", "pol", "games"), "partition-unknown");
      await device.endAsync();
    });
  },
);

brokers("a packet that says it is larger than 72 KiB ends its connection; the others go on", async () => {
  const { store } = await madeFleet();
  const own = enrolKey(store);
  await withBroker(store, async (broker) => {
    const device = await connectDevice(broker, own);
    const socket = connectSocket(broker.address.port, "127.0.0.1");
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.on("error", () => {});
    socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f]));
    await closed;
    await device.publishAsync(`pv/1/demo/${own}/up/state`, birth(1), { qos: 1, retain: true });
    assert.is(broker.heard.get(own), NOW);
    await device.endAsync();
  });
});

brokers("it comes back at its port with its password; a second one is told so", async () => {
  const { store } = await madeFleet();
  const first = await withBroker(store, async (broker) => {
    try {
      await FleetBroker.listen(store, 0, () => NOW);
    } catch (error) {
      assert.is((error as FleetError).code, "BROKER_PORT");
      return broker.address;
    }
    throw new Error("two brokers listen at one port");
  });
  assert.equal(await withBroker(store, async (broker) => broker.address), first);
});

brokers.run();
