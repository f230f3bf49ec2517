// The live view on terminals of any size: what is chosen is seen, nothing is wider or higher than the terminal.

import fc from "fast-check";
import stringWidth from "string-width";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { frameOf, wrapped, type FrameInput } from "../../../../agent/cli/frame.js";
import { handsetView, partitionView } from "../../../support/views.js";

const frame = suite("frame");

function input(count: number, change: Partial<FrameInput> = {}): FrameInput {
  const view = handsetView(Array.from({ length: count }, (_, n) => partitionView(`p${n}`, n)));
  const size = { columns: 80, rows: 24, colour: false };
  return { view, before: null, chosen: 0, note: "", help: false, quitText: "leave", ...size, ...change };
}

const chosenOf = (lines: string[]): string => lines.find((line) => line.startsWith("›"))?.split(/ +/)[1] ?? "";

frame("whatever is chosen of 40 partitions is on a screen of 10 rows, going down and up again", () => {
  let first = 0;
  const steps = [...Array(40).keys(), ...[...Array(40).keys()].reverse()];
  for (const chosen of steps) {
    const shown = frameOf(input(40, { rows: 10, chosen }), first);
    first = shown.first;
    assert.is(chosenOf(shown.lines), `p${chosen}`);
    assert.ok(shown.lines.length <= 9);
  }
  assert.is(first, 0);
});

frame("what does not fit is counted", () => {
  const { lines } = frameOf(input(40, { rows: 12, chosen: 20 }), 20);
  assert.match(lines.at(-1)!, /^ {2}\d+ above, \d+ below · \? help/);
  assert.match(frameOf(input(2), 0).lines.at(-1)!, /^ {2}\? help · ↑↓ choose · q leave$/);
});

frame("the chosen one is seen beside a long note", () => {
  const { lines } = frameOf(input(9, { rows: 14, chosen: 8, note: "a word and ".repeat(200) }), 0);
  assert.is(chosenOf(lines), "p8");
  assert.ok(lines.length <= 13);
});

frame("? explains the keys, and what the bars mean", () => {
  const text = frameOf(input(2, { help: true, quitText: "end the handset" }), 0)
    .lines.map((line) => line.trim())
    .join(" ");
  for (const word of [/pause/, /Ctrl-C +end the handset/, /CPU bar is full at the partition's ceiling/])
    assert.match(text, word);
});

frame("any size, any number of partitions: no line is wider, none too many, the chosen one is there", () => {
  const sizes = { columns: fc.integer({ min: 3, max: 200 }), rows: fc.integer({ min: 2, max: 60 }) };
  const some = fc.record({ ...sizes, count: fc.integer({ min: 1, max: 30 }), note: fc.string({ unit: "grapheme" }) });
  fc.assert(
    fc.property(some, fc.nat(), fc.nat(40), fc.boolean(), ({ columns, rows, count, note }, seed, first, help) => {
      const chosen = seed % count;
      const { lines } = frameOf(input(count, { columns, rows, note, chosen, help }), first);
      assert.ok(lines.length < rows || rows === 1);
      for (const line of lines) assert.ok(stringWidth(line) <= columns, `${stringWidth(line)} > ${columns}: ${line}`);
      if (!help)
        assert.ok(
          lines.some((line) => line.startsWith("›")),
          lines.join("\n"),
        );
    }),
    { seed: 1, numRuns: 500 },
  );
});

frame("wide characters count twice, and words that are too wide are cut", () => {
  assert.equal(wrapped("日本語 ab", 4), ["日本", "語", "ab"]);
  assert.equal(wrapped("a  b", 10), ["a  b"]);
  assert.equal(wrapped("", 10), [""]);
});

frame.run();
