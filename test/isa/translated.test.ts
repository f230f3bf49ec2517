// The recorded sample of random sequences as translated code: the oracle's answers, and the interpreter's instruction counts, however
// slices end, with the MMU off and on. All that was decoded is translated, hot or not.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compareRecord, SEQUENCE_RECORD, type SequenceRecord } from "./sequences-recorded.js";

const translated = suite("isa translated");
const record = JSON.parse(readFileSync(SEQUENCE_RECORD, "utf8")) as SequenceRecord;
const BLOCKS = 50_000_000;

for (const mmu of [true, false]) {
  const interpreted = compareRecord(record, { fuel: BLOCKS, mmu });
  for (const fuel of [BLOCKS, 997, 97, 7]) {
    translated(
      `slices of ${fuel}, MMU ${mmu ? "on" : "off"}: the oracle's states after the interpreter's count`,
      () => {
        const run = compareRecord(record, { fuel, mmu, translate: true });
        assert.equal(run.different, []);
        assert.is(run.instructions, interpreted.instructions);
        if (fuel > 7) {
          assert.ok(run.translated > run.instructions / 2n, `${run.translated} of ${run.instructions} were translated`);
        }
      },
    );
  }
}

translated.run();
