// What could not be taken at that moment is kept for another try, bounded; what is refused for what it says is not.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Retries } from "../../../../../agent/host/management/retries.js";
import type { Via } from "../../../../../agent/wire/accept.js";
import { REASONS, type Reason } from "../../../../../agent/wire/reasons.js";

const test = suite("agent/host/management/retries");
const policy: Via = { kind: "pol", partition: "work" };
const document = (name: number): Uint8Array => Uint8Array.of(name >> 8, name);

test("only what has nothing to do with the document is tried again, and never a command", () => {
  for (const reason of Object.keys(REASONS) as Reason[]) {
    const retries = new Retries();
    retries.refused(document(1), policy, reason);
    assert.is(retries.list().length, ["storage", "rate", "unchecked"].includes(reason) ? 1 : 0, reason);
    retries.refused(document(2), { kind: "cmd" }, reason);
    retries.refused(document(3), { kind: "now" }, reason);
    assert.not(retries.list().some(({ via }) => via.kind !== "pol"));
  }
});

test("a full disk is waited for as long as it takes; taken, or refused for what it says, it is gone", () => {
  const retries = new Retries();
  for (let n = 0; n < 1000; n++) retries.refused(document(1), policy, "storage");
  assert.is(retries.list().length, 1);
  assert.ok(retries.isWaiting(document(1), policy));
  retries.taken(document(1), policy);
  assert.equal(retries.list(), []);
  retries.refused(document(1), policy, "storage");
  retries.refused(document(1), policy, "rollback");
  assert.equal(retries.list(), []);
});

test("a check that is cut off each time is given up, and no more than so many documents are kept", () => {
  const retries = new Retries();
  for (let n = 0; n < 8; n++) retries.refused(document(1), policy, "unchecked");
  assert.equal(retries.list(), []);
  for (let n = 0; n < 1000; n++) retries.refused(document(n), policy, "storage");
  assert.is(retries.list().length, 32);
});

test.run();
