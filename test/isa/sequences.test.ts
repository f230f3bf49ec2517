// Random sequences of A32, T32 and VFP instructions against recorded results of qemu-arm (Cortex-A7): core registers, flags,
// GE, Q, FPSCR, D0..D31 and memory. The same sample goes through whole blocks and through single steps, and with the MMU off
// and on: the answers must be the same. ARM DDI 0406C chapters A5 to A8.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compareRecord, recordedHashes, SEQUENCE_RECORD, type SequenceRecord } from "./sequences-recorded.js";
import { linesNotDrawn, sequenceBatch } from "./sequences.js";

const sequences = suite("isa sequences");
const record = JSON.parse(readFileSync(SEQUENCE_RECORD, "utf8")) as SequenceRecord;
const HOW = "sequences that differ from the oracle: npm run oracle shows how";
const BLOCKS = 50_000_000;

sequences("the sample draws every line of the instruction table that user code may execute", () => {
  sequenceBatch(record.seed, 0, recordedHashes(record).length);
  assert.equal(linesNotDrawn(), []);
});

sequences("whole blocks, MMU on: every sequence ends as on the oracle", () => {
  assert.equal(compareRecord(record, { fuel: BLOCKS, mmu: true }).different, [], HOW);
});

sequences("single steps, MMU off: the same states after the same number of instructions", () => {
  const blocks = compareRecord(record, { fuel: BLOCKS, mmu: false });
  const steps = compareRecord(record, { fuel: 1, mmu: false });
  assert.equal(blocks.different, [], HOW);
  assert.equal(steps.different, [], HOW);
  assert.is(steps.instructions, blocks.instructions);
});

sequences("slices of 97 instructions end inside blocks and IT blocks: nothing is lost or done twice", () => {
  assert.equal(compareRecord(record, { fuel: 97, mmu: true }).different, [], HOW);
});

sequences.run();
