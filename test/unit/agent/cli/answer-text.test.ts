// What a person reads of a command's answer: short words, and nothing of a guest's that a terminal would obey.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { answerText } from "../../../../agent/cli/answer-text.js";
import { commandNamed } from "../../../../agent/command.js";

const test = suite("agent/cli/answer-text");
const said = (name: string, value: unknown): string => answerText(commandNamed(name), value, 80);

test("a command without an answer is done; text is said as it is", () => {
  assert.is(said("down", null), "done");
  assert.is(said("why", "it runs"), "it runs");
});

test("a log keeps its lines, and no control sequence of the guest's", () => {
  const text = said("log", "one\r\ntwo\u001b[2Jthree\n");
  assert.is(text.split("\n").length, 3);
  assert.match(text, /^one\ntwo/);
  assert.not.ok([...text].some((letter) => letter !== "\n" && letter < " "));
});

test("a partition in a line: its state, its share of the processor, its energy", () => {
  const cpu = { class: "guaranteed", budget: 20_000, period: 100_000 };
  const energy = { contract: null };
  assert.is(
    said("pause", { name: "work", state: "paused", cpu, energy }),
    "work: paused; 20 ms in 100 ms; no energy contract",
  );
  const tapped = { contract: { rate: 1000 }, level: 0 };
  const view = { name: "work", state: "running", cpu: { ...cpu, class: "best-effort" }, energy: tapped };
  assert.match(said("resume", view), /^work: running; best effort; .* left, 1\.0 mW$/);
});

test.run();
