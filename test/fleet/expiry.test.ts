// Commands that come too late: on MQTT 5 the broker drops them (MQTT 5 §3.3.2.3.3), and counts down what is left of the others.

import { setTimeout as sleep } from "node:timers/promises";
import { connect, connectAsync, type IClientOptions, type IPublishPacket } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { publishCommand, signCommand } from "../../fleet/command.js";
import { deviceNamed } from "../../fleet/devices.js";
import { FleetLink } from "../../fleet/link.js";
import { mosquittoPath, startMosquitto, Watch } from "../support/broker.js";
import { madeFleet } from "../support/fleet.js";
import { enrolKey } from "../support/fleet-device.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/expiry");
const seconds = (): number => Math.floor(Date.now() / 1000);
const LONG = 3_600;

testUnless(
  test,
  mosquittoPath() === null ? "mosquitto is not installed" : null,
  "mosquitto: a device that was away is told what is still of use, and not what has expired",
  async () => {
    const { store } = await madeFleet(seconds());
    const device = deviceNamed(store, enrolKey(store))!;
    const broker = await startMosquitto();
    try {
      const options: IClientOptions = {
        protocolVersion: 5,
        clientId: device.name,
        clean: false,
        reconnectPeriod: 0,
        properties: { sessionExpiryInterval: LONG },
      };
      const before = await connectAsync(broker.url, options, false);
      await before.subscribeAsync(`pv/1/demo/${device.name}/dn/#`, { qos: 1 });
      await before.endAsync();
      const link = await FleetLink.connect({ url: broker.url });
      assert.is(link.protocol, 5);
      const short = await signCommand(store, device, "lock", null, seconds(), 1);
      const long = await signCommand(store, device, "ping", null, seconds(), LONG);
      await publishCommand(link, short, seconds());
      await publishCommand(link, long, seconds());
      await link.close();
      // However slow this computer is: what lives a second is dead by then, and what lives an hour is not.
      await sleep(2_500);
      const heard: IPublishPacket[] = [];
      const watch = new Watch();
      // Listens before it connects: what is queued comes with the CONNACK.
      const after = connect(broker.url, options);
      after.on("message", (_, __, packet) => {
        heard.push(packet);
        watch.changed();
      });
      await new Promise<void>((resolve) => after.once("connect", () => resolve()));
      // What is queued comes in its order, and before this.
      await broker.publish(`pv/1/demo/${device.name}/dn/marker`, new Uint8Array(1));
      await watch.until("marker", () => heard.some(({ topic }) => topic.endsWith("/marker")));
      const commands = heard.filter(({ topic }) => topic.endsWith("/cmd"));
      assert.equal(
        commands.map(({ payload }) => new Uint8Array(payload as Buffer)),
        [long.envelope],
      );
      const left = commands[0]!.properties!.messageExpiryInterval!;
      assert.ok(left > 0 && left < LONG, `${left} s are left`);
      await after.endAsync(true);
    } finally {
      await broker.stop();
    }
  },
);

test.run();
