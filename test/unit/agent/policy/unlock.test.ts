// What a policy's unlock section asks of a code: wire.cddl `unlock`.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { codeFault, factsOf, unmetKey, waitSeconds, wantsCode } from "../../../../agent/policy/unlock.js";

const test = suite("policy/unlock");

test("a section wants a code unless its quality is none", () => {
  assert.equal(
    [null, undefined, {}, { quality: "none" }, { quality: "pin" }, { quality: "password" }].map((each) =>
      wantsCode(each as never),
    ),
    [false, false, true, false, true, true],
  );
});

test("quality and length: what is too short, too plain, or a run is no code", () => {
  const faults: [string, object, RegExp | null][] = [
    ["739", {}, /4 characters/],
    ["7391", {}, null],
    ["73914", { lengthLeast: 6 }, /6 characters/],
    ["1111", {}, /alike/],
    ["1234", {}, /alike/],
    ["9876", {}, /alike/],
    ["2468", {}, /alike/],
    ["aaaa", {}, /alike/],
    ["1235", {}, null],
    ["739146", { quality: "password" }, /letter/],
    ["secret", { quality: "password" }, /letter/],
    ["secret7", { quality: "password" }, null],
    ["sécret-", { quality: "password" }, null],
    ["73\u000091", {}, /keyboard/],
    ["7".repeat(128) + "a".repeat(129), {}, /at most/],
    // Characters, not UTF-16's halves of them.
    ["🔑🔓🔑🔒", {}, null],
    ["🔑🔓", {}, /4 characters/],
  ];
  for (const [code, section, fault] of faults) {
    const found = codeFault(code, section);
    if (fault === null) assert.is(found, null, code);
    else assert.match(found ?? "", fault, code);
  }
});

test("a code that was good is told by the key that it satisfies no more: quality 1, length 2, age 5", () => {
  const facts = factsOf("739146", 1000);
  assert.equal(facts, { quality: "pin", length: 6, setAt: 1000 });
  assert.is(unmetKey(null, { quality: "none" }, 2000), null);
  assert.is(unmetKey(null, {}, 2000), 1);
  assert.is(unmetKey(facts, {}, 2000), null);
  assert.is(unmetKey(facts, { quality: "password" }, 2000), 1);
  assert.is(unmetKey(facts, { lengthLeast: 7 }, 2000), 2);
  assert.is(unmetKey(facts, { ageMostSeconds: 1000 }, 2000), null);
  assert.is(unmetKey(facts, { ageMostSeconds: 1000 }, 2001), 5);
  assert.is(unmetKey(facts, { ageMostSeconds: 0 }, 1e9), null);
  assert.is(unmetKey(factsOf("secret7", 0), { quality: "password" }, 0), null);
});

test("guessing gets slower: all PINs of four digits take longer than any phone lives", () => {
  assert.equal([0, 4, 5, 30, 31, 41, 1000].map(waitSeconds), [0, 0, 30, 30, 60, 120, 86_400]);
  let seconds = 0;
  for (let wrong = 0; wrong < 10_000; wrong++) {
    assert.ok(waitSeconds(wrong + 1) >= waitSeconds(wrong));
    seconds += waitSeconds(wrong);
  }
  assert.ok(seconds > 20 * 365 * 86_400);
});

test.run();
