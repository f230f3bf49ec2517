// What the speed bench makes of its samples.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  promiseRatio,
  promisesText,
  resultOf,
  rowsText,
  type SpeedSamples,
} from "../../../../scripts/bench/speed-report.ts";
import { BOOT_ROWS, SPEED_PROMISES, SPEED_ROWS } from "../../../../scripts/bench/speed-rows.ts";

const report = suite("speed report");

const row = (name: string, off: number[], qemu: number[], instructions: number | null = null): SpeedSamples => ({
  name,
  what: "work",
  seconds: { off, qemu },
  guestSeconds: { off, qemu },
  instructions,
  runMips: { off: [100, 300, 200] },
  wrong: [],
});
const PROMISE = { work: "both", rows: ["a", "b"], atLeast: 1, aim: 2 };

report("a ratio is the medians' one, its spread that of the runs side by side", () => {
  const { ratio, mips } = resultOf(row("a", [2, 4, 3], [6, 2, 3], 600e6));
  assert.is(ratio["off"]!.median, 1);
  assert.equal(ratio["off"]!.samples, [3, 0.5, 1]);
  assert.equal([ratio["off"]!.min, ratio["off"]!.max], [0.5, 3]);
  assert.equal([mips["off"], ratio["qemu"]], [200, undefined]);
  assert.is(resultOf(row("boot", [1, 1, 1], [])).mips["off"], 200, "the median of what whole runs told");
});

report("a promise is as good as the lowest of its rows", () => {
  const results = [row("a", [1], [4]), row("b", [2], [1])].map(resultOf);
  assert.equal(promiseRatio(PROMISE, results, "off"), { ratio: 0.5, row: "b" });
  assert.match(promisesText([PROMISE], results, ["off"]), "| 0.50 (b): short |");
});

report("without one of its rows, or without the peer, a promise was not measured", () => {
  const alone = resultOf(row("b", [2], []));
  for (const results of [[resultOf(row("a", [1], [4]))], [resultOf(row("a", [1], [4])), alone]]) {
    assert.is(promiseRatio(PROMISE, results, "off"), null);
    assert.match(promisesText([PROMISE], results, ["off"]), "| not measured |");
  }
  assert.match(rowsText([alone], ["off"]), "b    2.00 (2.00–2.00)  –        200        –           work");
});

report("a wrong run leaves no sample, and its row no ratio", () => {
  const { spread, ratio } = resultOf({ ...row("a", [], [1]), wrong: ["off: wrong 00000000"] });
  assert.equal([spread["off"], ratio["off"]], [undefined, undefined]);
});

report("runs that do not pair up give the medians' ratio alone", () => {
  const { off } = resultOf(row("a", [2], [6, 2, 4])).ratio;
  assert.equal(off, { min: 2, median: 2, max: 2, samples: [2] });
});

report("promises name rows that are there, and no name stands twice", () => {
  const names = [...BOOT_ROWS, ...SPEED_ROWS].map(({ name }) => name);
  assert.is(new Set(names).size, names.length);
  assert.equal(
    SPEED_PROMISES.flatMap(({ rows }) => rows).filter((name) => !names.includes(name)),
    [],
  );
});

report.run();
