// A policy's network section as rules: kill switch, default, kinds of link, a VPN that is wanted. Absent: no network.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { networkPolicyOf } from "../../../../agent/policy/network.js";
import { complianceOf } from "../../../../agent/policy/compliance.js";
import { limitsOf } from "../../../../agent/policy/limits.js";
import type { Policy } from "../../../../agent/wire/policy.js";

const network = suite("policy/network");
const policy = (section: Policy["network"]): Policy =>
  ({ epoch: 1, version: 4, ...(section === undefined ? {} : { network: section }) }) as Policy;
const state = (section: NonNullable<Policy["network"]>) => {
  const document = policy(section);
  const outcome = {
    limits: limitsOf(document),
    memoryBytes: 0,
    image: "",
    refusal: null,
    running: true,
    code: null,
    now: 0,
  };
  return complianceOf(document, outcome).get(35);
};

network("no policy, or none that speaks of a network: none", () => {
  assert.equal([networkPolicyOf(null).kill, networkPolicyOf(null).source], [true, "no policy"]);
  assert.is(networkPolicyOf(policy(undefined)).kill, true);
});

network("35.4 rules in their order, 35.8 kill, 35.10 default", () => {
  const rules = [{ allow: true, destination: "10.0.0.0/8", portFirst: 443, portLast: 443, protocol: "tcp" as const }];
  const made = networkPolicyOf(policy({ rules, default: "deny" }));
  assert.equal([made.rules, made.default, made.kill, made.source], [rules, "deny", false, "policy 1.4"]);
  assert.is(networkPolicyOf(policy({ kill: true })).kill, true);
  assert.is(networkPolicyOf(policy({})).default, null);
});

network("kinds of link: ask is deny, for there is nobody to ask", () => {
  assert.equal(networkPolicyOf(policy({ wifi: "ask", cellular: "deny", roaming: "allow" })).deniedLinks, [
    "wifi",
    "cellular",
  ]);
});

network("35.5 a VPN is wanted and there is none: nothing passes", () => {
  assert.is(networkPolicyOf(policy({ vpnRequired: true })).tunnelMissing, true);
});

network("what is told: compliant, but for kinds of link, which no board tells", () => {
  assert.equal(state({ kill: true, default: "deny", vpnRequired: true, dnsServers: ["10.0.0.53"] }), {
    state: "compliant",
  });
  assert.equal(state({ cellular: "deny" }), { state: "not-supported", code: 2 });
  assert.equal(state({ cellular: "allow" }), { state: "compliant" });
});

network.run();
