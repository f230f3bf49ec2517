// The configuration for NATS that people copy, started as it is but for its paths and ports: MQTT 3.1.1, mutual TLS, a user for every device.

import { suite } from "uvu";
import { tellStory } from "../support/broker-story.js";
import { nats, natsPath } from "../support/nats.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/nats");

testUnless(
  test,
  natsPath === null ? "nats-server is not installed" : null,
  "mutual TLS: birth, policy, enforced, reported; command and ack; what was missed; nobody writes or reads another's",
  () => tellStory(nats, { protocol: 4, wildcardRetains: true }),
);

test.run();
