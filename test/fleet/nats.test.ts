// The configuration for NATS that people copy, started as it is but for its paths and ports: MQTT 3.1.1, mutual TLS, a user for every device.

import { connectAsync, type IClientOptions } from "mqtt";
import { suite } from "uvu";
import { tellStory } from "../support/broker-story.js";
import type { CopiedBroker } from "../support/copied-broker.js";
import { nats, natsPath } from "../support/nats.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/nats");

/** One of its limits, as the README has it. */
async function closesOnQos2({ url }: CopiedBroker, name: string, options: IClientOptions): Promise<void> {
  const device = await connectAsync(url, options, false);
  device.on("error", () => {});
  const closed = new Promise<void>((resolve) => device.once("close", () => resolve()));
  device.publish(`pv/1/demo/${name}/up/ev`, "x", { qos: 2 }, () => {});
  await closed;
  device.end(true);
}

testUnless(
  test,
  natsPath === null ? "nats-server is not installed" : null,
  "mutual TLS: birth, policy, enforced, reported; command and ack; what was missed; nobody writes or reads another's",
  () => tellStory(nats, { protocol: 4, wildcardRetains: true }, closesOnQos2),
);

test.run();
