// A device that may not any more, while it is connected: what each broker can do, as fleet/brokers says.

import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync, type IClientOptions } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deviceNamed, enrolledDevices, saveDevice } from "../../fleet/devices.js";
import { mosquittoPath, Watch } from "../support/broker.js";
import { CopiedBroker, mosquitto, type Setup } from "../support/copied-broker.js";
import { madeFleet } from "../support/fleet.js";
import { birth, connectDevice, enrolKey, withBroker } from "../support/fleet-device.js";
import { nats, natsPath, natsUsers } from "../support/nats.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/revoked");

const PATIENCE_MS = 30_000;
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !(await holds());) {
    if (Date.now() > end) throw new Error("the broker does not take the rights that it was given");
    await sleep(20);
  }
}

async function withDevice(
  setup: Setup,
  body: (broker: CopiedBroker, device: string, options: IClientOptions) => Promise<void>,
): Promise<void> {
  const broker = await CopiedBroker.start(setup, "small");
  try {
    const agent = join(broker.folder, "pocketvisor/small/agent");
    const { certificate } = JSON.parse(readFileSync(join(agent, "enrolment.json"), "utf8")) as { certificate: string };
    const key = readFileSync(join(agent, "device.key"));
    const name = enrolledDevices(broker.store)[0]!.name;
    const ca = readFileSync(join(broker.folder, "broker-authority.pem"));
    await body(broker, name, { cert: certificate, key, ca, clientId: name, reconnectPeriod: 0 });
  } finally {
    await broker.stop();
  }
}

testUnless(
  test,
  mosquittoPath() === null ? "mosquitto is not installed" : null,
  "mosquitto: a rule that denies and SIGHUP; the connection stays and carries nothing",
  () =>
    withDevice(mosquitto, async ({ url, folder, pid }, name, options) => {
      const device = await connectAsync(url, { ...options, protocolVersion: 5 }, false);
      const fleet = await connectAsync(
        url,
        {
          ...{
            ca: options.ca!,
            cert: readFileSync(join(folder, "fleet.pem")),
            key: readFileSync(join(folder, "fleet.key")),
          },
          ...{ protocolVersion: 5, reconnectPeriod: 0 },
        },
        false,
      );
      const heard: string[] = [];
      const watch = new Watch();
      device.on("message", (_, payload) => {
        heard.push(payload.toString());
        watch.changed();
      });
      const tell = (what: string): Promise<unknown> => fleet.publishAsync(`pv/1/demo/${name}/dn/cmd`, what, { qos: 1 });
      const may = (): Promise<boolean> =>
        device.publishAsync(`pv/1/demo/${name}/up/ev`, "x", { qos: 1 }).then(
          () => true,
          () => false,
        );
      await device.subscribeAsync(`pv/1/demo/${name}/dn/cmd`, { qos: 1 });
      await tell("before");
      await watch.until("a word before", () => heard.includes("before"));
      assert.ok(await may());
      const rights = join(folder, "pocketvisor.acl");
      const whole = readFileSync(rights);
      appendFileSync(rights, `\nuser ${name}\ntopic deny #\n`);
      process.kill(pid, "SIGHUP");
      await until(async () => !(await may()));
      await tell("revoked");
      writeFileSync(rights, whole);
      process.kill(pid, "SIGHUP");
      await until(may);
      await tell("after");
      await watch.until("a word after", () => heard.includes("after"));
      assert.equal(heard, ["before", "after"]);
      for (const client of [device, fleet]) await client.endAsync(true);
    }),
);

testUnless(
  test,
  natsPath === null ? "nats-server is not installed" : null,
  "NATS: left out of the list, a reload ends the connection, and there is no other",
  () =>
    withDevice(nats, async ({ url, folder, pid }, name, options) => {
      const settings = { ...options, protocolVersion: 4 as const };
      const device = await connectAsync(url, settings, false);
      device.on("error", () => {});
      const closed = new Promise<void>((resolve) => device.once("close", () => resolve()));
      writeFileSync(join(folder, "pocketvisor-users.conf"), natsUsers([]));
      process.kill(pid, "SIGHUP");
      await closed;
      const again = await connectAsync(url, settings, false).then(
        () => "let in",
        () => "refused",
      );
      assert.is(again, "refused", name);
    }),
);

test("this computer's own broker ends the connection of a device that was retired, and no other's", async () => {
  const { store } = await madeFleet();
  const names = [enrolKey(store), "f".repeat(32)] as const;
  saveDevice(store, { ...deviceNamed(store, names[0])!, name: names[1], label: "other" });
  await withBroker(store, async (broker) => {
    const [retired, other] = await Promise.all(names.map((name) => connectDevice(broker, name)));
    retired!.on("error", () => {});
    const closed = new Promise<void>((resolve) => retired!.once("close", () => resolve()));
    broker.endRetired();
    await retired!.publishAsync(`pv/1/demo/${names[0]}/up/state`, birth(1), { qos: 1 });
    saveDevice(store, { ...deviceNamed(store, names[0])!, retiredAt: 1 });
    broker.endRetired();
    await closed;
    await other!.publishAsync(`pv/1/demo/${names[1]}/up/state`, birth(1), { qos: 1 });
    await other!.endAsync(true);
  });
});

test.run();
