// Schemas: what they read, what they refuse, and where they say it is; every message of wire.cddl there and back.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decode, encode, type Item } from "../../../../agent/wire/cbor.js";
import { ack, command } from "../../../../agent/wire/commands.js";
import { consent, enrolRequest, groupsDoc, image, root, timeDoc } from "../../../../agent/wire/documents.js";
import { MESSAGE } from "../../../../agent/wire/limits.js";
import { policy } from "../../../../agent/wire/policy.js";
import { eventMsg, reported, stateMsg, type Info } from "../../../../agent/wire/reports.js";
import { decodeMessage, encodeMessage, type Schema } from "../../../../agent/wire/schema.js";
import { auditBatch, consoleChunk, enrolGrant, fleetState, logChunk } from "../../../../agent/wire/streams.js";
import { assertFails } from "../../../support/failure.js";
import { Random } from "../../../support/random.js";
import { claimsOf, GOOD, KEYS, NOW } from "../../../support/signed.js";

const schema = suite("schema");
const bytesOf = (length: number): Uint8Array => new Uint8Array(length).fill(5);

const FACTS: Info = {
  board: "qemu-virt",
  agent: "0.1.0",
  hypervisor: "0.1.0",
  serial: "A-1",
  ramBytes: 8 * 2 ** 30,
  partitions: [{ id: 1, name: "work", kind: "work", image: bytesOf(32) }],
  capabilities: ["energy"],
};
const POLICY: ReturnType<(typeof GOOD)["pol"]> = {
  ...GOOD.pol(),
  images: { allowed: [bytesOf(32)], releaseLeast: 3, allowDevelopment: false },
  apps: [{ app: "org.example.mail", state: "required", hash: bytesOf(32), versionLeast: 2 }],
  deviceAccess: new Map([
    ["camera", "deny"],
    ["gps", "ask"],
  ]),
  sharing: {
    clipboardOut: "deny",
    clipboardIn: "ask",
    channels: [{ from: "work", to: "vault", bytesPerSecond: 1000 }],
  },
  unlock: { quality: "pin", lengthLeast: 6, idleLockSeconds: 300, triesMost: 10, ageMostSeconds: 0, historyCount: 3 },
  location: { when: "lost-mode-only", intervalSeconds: 3600, showUser: true },
  power: { lowPercent: 15, criticalPercent: 5, lowAction: "throttle" },
  telemetry: { sampleSeconds: 60, sendSeconds: 900, metrics: [1, 2], bytesPerDay: 1 << 20 },
  offline: { warnAfterSeconds: 86_400, lockAfterSeconds: 604_800, wipeAfterSeconds: 0 },
  updates: { wifiOnly: true, window: { from: 60, to: 300 }, batteryLeastPercent: 30, mayDefer: true },
  enforcement: [{ section: 37, blockAfterSeconds: 86_400 }],
};

const NEWEST = [{ kind: "pol", partition: "work", epoch: 3, version: 7, hash: bytesOf(32) }];

/** One message of each rule that travels, with every field that it can have. */
const MESSAGES: [schema: Schema<unknown> & { cddl: string }, value: unknown][] = [
  [root, GOOD.root()],
  [timeDoc, { ...GOOD.time(), newest: NEWEST }],
  [groupsDoc, GOOD.groups()],
  [policy, POLICY],
  [policy, { ...GOOD.pol(), images: { allowed: "stable" } }],
  [
    command,
    {
      ...GOOD.cmd(),
      notBefore: NOW,
      args: new Map<number, unknown>([
        [1, "x"],
        [2, bytesOf(3)],
        [3, true],
        [4, 9],
      ]),
    },
  ],
  [image, { ...GOOD.img(), releaseFrom: 3 }],
  [consent, GOOD.consent()],
  [enrolRequest, { ...claimsOf(), token: bytesOf(16), deviceKey: KEYS.device.publicKey, facts: FACTS }],
  [enrolGrant, { certificate: "PEM", rootDocument: bytesOf(9), brokers: ["mqtts://a"], consentQuestions: [] }],
  [stateMsg, { online: true, connection: 9, sequence: 1, facts: FACTS, bootCount: 4 }],
  [stateMsg, { online: false, connection: 9 }],
  [eventMsg, { time: NOW, sequence: 2, code: 277, severity: 4, partition: 0, args: new Map([[1, 2]]) }],
  [ack, { id: bytesOf(16), status: "not-now", time: NOW, code: 3, text: "é", result: new Map(), percent: 100 }],
  [
    reported,
    {
      policy: { epoch: 3, version: 7 },
      hash: bytesOf(32),
      appliedAt: NOW,
      sections: new Map([
        [31, { state: "compliant" }],
        [35, { state: "failed", code: 7 }],
      ]),
      partitions: FACTS.partitions,
    },
  ],
  [auditBatch, { first: 1, chain: bytesOf(32), records: [bytesOf(16)], lostCount: 0, signature: bytesOf(64) }],
  [fleetState, { alive: true, time: NOW }],
  [logChunk, { sequence: 1, time: NOW, bytes: bytesOf(16_384), lostCount: 1 }],
  [consoleChunk, { sequence: 1, time: NOW, bytes: bytesOf(0) }],
];

for (const [rule, value] of MESSAGES) {
  schema(`a ${rule.cddl} comes back as it was`, () => {
    assert.equal(decodeMessage(rule, encodeMessage(rule, value), MESSAGE), value);
  });
}

schema("any part of a message that is changed for another value is read back as that, or refused", () => {
  const random = new Random(8610);
  const strange: Item[] = [-1, 2 ** 40, "", "x".repeat(2000), true, new Uint8Array(), [], new Map(), [[[]]]];
  /** Another item in the place of one of the item's own parts. */
  const mutate = (item: Item): Item => {
    if (Array.isArray(item) && item.length > 0 && !random.oneIn(4)) {
      const at = random.below(item.length);
      return item.map((each, index) => (index === at ? mutate(each) : each));
    }
    if (item instanceof Map && item.size > 0 && !random.oneIn(4)) {
      const key = random.pick([...item.keys()]);
      const copy = new Map([...item].map(([each, its]) => [each, each === key ? mutate(its) : its]));
      if (random.oneIn(6)) copy.delete(key);
      if (random.oneIn(6)) copy.set(random.below(80), random.pick(strange));
      return copy;
    }
    return random.pick(strange);
  };
  let refused = 0;
  for (let count = 0; count < 5000; count++) {
    const [rule, value] = random.pick(MESSAGES);
    const bytes = encode(mutate(rule.write(value)));
    try {
      assert.equal(encodeMessage(rule, decodeMessage(rule, bytes, MESSAGE)), bytes);
    } catch (error) {
      if ((error as { code?: string }).code !== "WIRE_SCHEMA") throw error;
      refused++;
    }
  }
  assert.ok(refused > 2500, `${refused} refused`);
});

const policyWith = (key: number, item: Item): (() => unknown) => {
  const map = policy.write(GOOD.pol()) as Map<number, Item>;
  return () => decodeMessage(policy, encode(map.set(key, item)), MESSAGE);
};
const WHERE: [what: string, body: () => unknown, path: string][] = [
  ["an unknown key", policyWith(59, 1), "policy"],
  ["a budget above its bound", policyWith(31, new Map([[2, 1001]])), "policy.budget.cpuPermille"],
  ["a negative budget", policyWith(31, new Map([[1, -1]])), "policy.budget.memoryBytes"],
  [
    "a port in a list of rules",
    policyWith(35, new Map<number, Item>([[4, [[true, "a", 0, 65_536, 0]]]])),
    "policy.network.rules[0].portLast",
  ],
  ["a word that is none", policyWith(38, new Map([[1, 3]])), "policy.location.when"],
  ["a key that is no device", policyWith(34, new Map([[99, 0]])), "policy.deviceAccess.key"],
  ["a tuple that is too short", policyWith(42, new Map<number, Item>([[2, [1]]])), "policy.updates.window"],
  ["a tuple that is too long", policyWith(42, new Map<number, Item>([[2, [1, 2, 3]]])), "policy.updates.window"],
  ["an empty list where one is wanted", policyWith(32, new Map<number, Item>([[1, []]])), "policy.images.allowed"],
  ["a kind of item that no alternative has", policyWith(32, new Map<number, Item>([[1, 7]])), "policy.images.allowed"],
  [
    "text longer than its bound in bytes, not in characters",
    policyWith(44, [["fr", "é".repeat(513)]]),
    "policy.texts[0].text",
  ],
  ["a partition with a capital", policyWith(30, "Work"), "policy.partition"],
  ["a partition with a line feed behind it", policyWith(30, "work\n"), "policy.partition"],
  ["a partition of 33 characters", policyWith(30, "a".repeat(33)), "policy.partition"],
  ["an empty audience", policyWith(3, ""), "policy.audience"],
  ["an id of 15 bytes", policyWith(7, bytesOf(15)), "policy.id"],
];
for (const [what, body, path] of WHERE) {
  schema(`${what} is refused, by its path`, () => {
    const failure = assertFails("WIRE_SCHEMA", body) as unknown as { path: string };
    assert.is(failure.path, path);
  });
}

schema("a missing key is named", () => {
  const map = policy.write(GOOD.pol()) as Map<number, Item>;
  map.delete(9);
  assert.match(
    assertFails("WIRE_SCHEMA", () => decodeMessage(policy, encode(map), MESSAGE)).message,
    /policy\.version: the key 9 is missing/,
  );
});

schema("names that JavaScript's objects have mean nothing as words", () => {
  for (const word of ["constructor", "__proto__", "toString", ""]) {
    assertFails("WIRE_SCHEMA", () => encodeMessage(command, { ...GOOD.cmd(), verb: word as "ping" }));
  }
});

schema("an error holds nothing of the message's own text", () => {
  const failure = assertFails("WIRE_SCHEMA", policyWith(30, "\u001b[2Jevil"));
  assert.not.match(failure.message, /evil|\u001b/);
});

schema("what is decoded is a view of the input or a copy, never memory of its own size", () => {
  const bytes = encode(bytesOf(40_000));
  assert.is((decode(bytes, MESSAGE) as Uint8Array).buffer, bytes.buffer);
});

schema.run();
