// Random sequences of Advanced SIMD against recorded results of qemu-arm (Cortex-A7), interpreted in whole blocks, slices and single steps, and
// as translated code. ARM DDI 0406C A7.4 (data processing), A7.7 (element and structure loads and stores), A7.8 (moves).

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NEON_DATA, NEON_TRANSFERS, neonFields, neonMeaning, neonT32, neonWord } from "./neon-forms.js";
import { Random } from "./random.js";
import { compareRecord, NEON_RECORD, type SequenceRecord } from "./sequences-recorded.js";

const neon = suite("isa advanced simd");
const record = JSON.parse(readFileSync(NEON_RECORD, "utf8")) as SequenceRecord;
const HOW = "sequences that differ from the oracle: npm run oracle -- --only neon shows how";
const BLOCKS = 50_000_000;

neon("the diagrams are disjoint: a word is of one form", () => {
  const random = new Random(1);
  for (const form of [...NEON_DATA, ...NEON_TRANSFERS]) {
    for (let i = 0; i < 50; i++) {
      const word = neonWord(form, random);
      assert.is(neonMeaning(word), "defined", form.name);
      const same = [...NEON_DATA, ...NEON_TRANSFERS].filter(
        (other) => (word & other.mask) >>> 0 === other.value >>> 0 && other.isDefined(neonFields(other, word)),
      );
      assert.equal(
        same.map(({ name }) => name),
        [form.name],
      );
    }
  }
});

neon("T32 has U in bit 28, and 1111 1001 for loads and stores (A7.4, A7.7)", () => {
  assert.is(neonT32(0xf2000110), 0xef000110);
  assert.is(neonT32(0xf3000110), 0xff000110);
  assert.is(neonT32(0xf420070f), 0xf920070f);
});

for (const [name, options] of [
  ["whole blocks, MMU on", { fuel: BLOCKS, mmu: true }],
  ["single steps, MMU off", { fuel: 1, mmu: false }],
  ["slices of 97 instructions", { fuel: 97, mmu: true }],
] as const) {
  neon(`${name}: every sequence ends as on the oracle`, () => {
    assert.equal(compareRecord(record, options).different, [], HOW);
  });
}

neon(
  "translated, with vectors and without: the oracle's states after the interpreter's count, however slices end",
  () => {
    // As many as the translator holds at once.
    const part = { ...record, hashes: record.hashes.slice(0, 40) };
    for (const mmu of [true, false]) {
      const { instructions } = compareRecord(part, { fuel: BLOCKS, mmu });
      for (const [fuel, vectors] of [
        [BLOCKS, true],
        [97, true],
        [BLOCKS, false],
      ] as const) {
        const run = compareRecord(part, { fuel, mmu, translate: true, vectors });
        assert.equal(run.different, []);
        assert.is(run.instructions, instructions);
        assert.ok(run.translated > instructions / 2n, `${run.translated} of ${instructions} were translated`);
      }
    }
  },
);

neon.run();
