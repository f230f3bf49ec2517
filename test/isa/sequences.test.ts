// Random sequences of A32, T32 and VFP instructions against recorded results of qemu-arm (Cortex-A7): core registers, flags,
// GE, Q, FPSCR, D0..D31 and memory. The same sample goes through whole blocks and through single steps, and with the MMU off
// and on: the answers must be the same. ARM DDI 0406C chapters A5 to A8.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { halfwords, t32Constant } from "./assembler.js";
import { machineRun } from "./machine-runner.js";
import { buildProgram, CODE, LEAVE, STATE_BYTES } from "./program.js";
import { compareRecord, recordedHashes, SEQUENCE_RECORD, type SequenceRecord } from "./sequences-recorded.js";
import { linesNotDrawn, sequenceBatch } from "./sequences.js";
import { assemble, plainUnit } from "./unit.js";

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

sequences("a store into a block that was entered inside an IT block is noticed, however slices end", () => {
  const patch = [0x2322, 0x021b, 0x1c9b]; // r3 = 0x2202, which is movs r2, #2
  const rest = [0xbfe4, 0xf380, 0x8800, 0x4600]; // itt al; msr cpsr_f, r0 ends a block; mov r0, r0 begins one under IT
  const filler = Array.from({ length: 32 }, () => 0xbf00); // nop: the slot lies in another 64 bytes than the block before
  const store = [0xf8a1, 0x3000]; // strh r3, [r1]
  const slot = [0x2201]; // movs r2, #1
  const length = 4 + patch.length + rest.length + filler.length + store.length;
  const pointer = t32Constant(1, CODE + 2 * length).flatMap(halfwords); // r1: the slot
  const sequence = assemble(
    [plainUnit("T32", [...pointer, ...patch, ...rest, ...filler, ...store, ...slot])],
    CODE,
    LEAVE,
  );
  for (const fuel of [1, 3, 97, 1000]) {
    const { results } = machineRun(buildProgram([sequence], [new Uint8Array(STATE_BYTES)]), { fuel, mmu: true });
    assert.is(new DataView(results.buffer).getUint32(4 * 2, true), 2, `fuel ${fuel}`);
  }
});

sequences.run();
