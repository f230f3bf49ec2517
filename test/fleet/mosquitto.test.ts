// The configuration for mosquitto that people copy, started as it is but for its paths and its port: MQTT 5, mutual TLS, client ids from certificates.

import { suite } from "uvu";
import { mosquittoPath } from "../support/broker.js";
import { tellStory } from "../support/broker-story.js";
import { mosquitto } from "../support/copied-broker.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/mosquitto");

testUnless(
  test,
  mosquittoPath() === null ? "mosquitto is not installed" : null,
  "mutual TLS: birth, policy, enforced, reported; command and ack; what was missed; nobody writes or reads another's",
  () => tellStory(mosquitto, { protocol: 5, wildcardRetains: true }),
);

test.run();
