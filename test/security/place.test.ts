// Right documents in the wrong place: another topic, another device or group, another partition or board, against the owner's will.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toHex } from "../../agent/wire/bytes.js";
import { encode } from "../../agent/wire/cbor.js";
import { encodeDocument } from "../../agent/wire/sign.js";
import { DEVICE, fleetTrust, GOOD, judge, KEYS, signedDocument, wordOf } from "../support/signed.js";
import { expectIn, KINDS, policyItems, policyPayload, sealed } from "./cases.js";

const documents = suite("signed documents: place");
const expect = expectIn(documents);

for (const kind of KINDS) {
  for (const topic of KINDS.filter((other) => other !== kind)) {
    expect(`a good ${kind} on the topic of ${topic}`, "topic", () => signedDocument(kind), topic);
  }
}
expect("a policy sent as a command, signed by the policy key", "topic", () => signedDocument("pol"), "cmd");
expect(
  "a policy's contents as a command, by the command key",
  "schema",
  () => sealed("cmd", encodeDocument("pol", GOOD.pol()), [KEYS.command]),
  "cmd",
);
expect("a command by the policy key", "signer", () => signedDocument("cmd", {}, [KEYS.policy]), "cmd");
expect("a policy on the topic of another partition", "topic", () => signedDocument("pol"), {
  kind: "pol",
  partition: "vault",
});
expect("a policy on a topic without a partition", "topic", () => signedDocument("pol"), { kind: "pol" });
expect("a command that the broker kept", "retained-command", () => signedDocument("cmd"), {
  kind: "cmd",
  retained: true,
});
expect("a policy that the broker kept", "accepted", () => signedDocument("pol"), {
  kind: "pol",
  partition: "work",
  retained: true,
});
for (const kind of ["enrol", "report"] as const) {
  documents(`a document of kind ${kind} is not for devices: topic`, async () => {
    const payload = encode(new Map());
    const input = await sealed(kind, payload, [KEYS.enrol]);
    for (const topic of KINDS) assert.is(wordOf(judge(input, topic)), "topic");
  });
}

expect(
  "the audience is another device",
  "audience",
  () => signedDocument("pol", { audience: new Uint8Array(16) }),
  "pol",
);
expect("the audience is another group", "audience", () => signedDocument("pol", { audience: "finance" }), "pol");
expect("the audience is a group that the device has left", "audience", () => signedDocument("pol"), "pol", {
  trust: () => fleetTrust({ groups: ["pilot"] }),
});
expect(
  "the audience is the device's id as text",
  "audience",
  () => signedDocument("pol", { audience: toHex(DEVICE.id) }),
  "pol",
);
expect("the audience is all", "accepted", () => signedDocument("pol", { audience: "all" }), "pol");
expect("the audience is the device", "accepted", () => signedDocument("pol", { audience: DEVICE.id }), "pol");
expect("the audience is empty text", "schema", policyPayload(policyItems([[3, ""]])), "pol");
expect("the audience is empty bytes", "schema", policyPayload(policyItems([[3, new Uint8Array()]])), "pol");
expect("there is no audience", "schema", policyPayload(policyItems([[3, undefined]])), "pol");
expect("groups for a group", "audience", () => signedDocument("groups", { audience: "sales" }), "groups");
expect("groups for all", "audience", () => signedDocument("groups", { audience: "all" }), "groups");
expect("a consent for all", "audience", () => signedDocument("consent", { audience: "all" }), "consent");

expect(
  "a policy for a partition that is not here",
  "partition-unknown",
  () => signedDocument("pol", { partition: "vault" }),
  { kind: "pol", partition: "vault" },
);
expect(
  "a policy for the owner's partition",
  "partition-private",
  () => signedDocument("pol", { partition: "personal" }),
  { kind: "pol", partition: "personal" },
);
expect("an image for another board", "board", () => signedDocument("img", { boards: ["other"] }), "img");
expect("an image for any board", "accepted", () => signedDocument("img", { boards: undefined! }), "img");
expect("a consent by IT", "signer", () => signedDocument("consent", {}, [KEYS.policy]), "consent");
expect(
  "a consent that names another owner",
  "owner",
  () => signedDocument("consent", { owner: KEYS.stranger.publicKey }),
  "consent",
);
expect("a consent where no owner is known", "owner", () => signedDocument("consent"), "consent", {
  trust: () => {
    const { owner: _, ...rest } = fleetTrust();
    return rest;
  },
});
expect("the 1,025th version", "versions-full", () => signedDocument("pol"), "pol", {
  trust: () =>
    fleetTrust({
      versions: Array.from({ length: 1024 }, (_, index) => ({
        kind: "img",
        subject: `${index}`,
        epoch: 3,
        version: 1,
        hash: new Uint8Array(32),
      })),
    }),
});

documents.run();
