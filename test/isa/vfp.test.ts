// VFP arithmetic against recorded results of qemu-arm (Cortex-A7): every data-processing form, on edge-heavy operands, in all
// rounding modes, with and without flush-to-zero, default NaN and alternative half precision. ARM DDI 0406C A2.7.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { wordHalves } from "./assembler.js";
import { machineRun } from "./machine-runner.js";
import { buildProgram, CODE, LEAVE, STATE_BYTES } from "./program.js";
import { assemble, plainUnit } from "./unit.js";
import { vfpMachine, type VfpMachine } from "./vfp-machine.js";
import { VFP_RECORD, vfpCompareRecord, type VfpRecord } from "./vfp-recorded.js";
import { VFP_FORMS } from "./vfp-vectors.js";

const vfp = suite("isa vfp");
const record = JSON.parse(readFileSync(VFP_RECORD, "utf8")) as VfpRecord;
let machine: VfpMachine;

vfp.before(async () => {
  machine = await vfpMachine();
});

vfp("A2.7 results, FPSCR and undefined encodings equal the oracle's for every form", () => {
  assert.is(Object.keys(record.hashes).length, VFP_FORMS.length, "the record misses forms: npm run oracle -- --record");
  assert.equal(vfpCompareRecord(machine, record), [], "forms that differ: npm run oracle shows how");
});

vfp("A7.5 encodings outside VFPv4 are undefined and change nothing", () => {
  const state = new Uint8Array(machine.memory.buffer);
  for (const [word, what] of [
    [0xee800a40, "VDIV with bit 6"],
    [0xeeb60a40, "VRINTR (ARMv8)"],
    [0xeeb70a40, "VRINTX (ARMv8)"],
    [0xeeb90bc0, "VJCVT (ARMv8.3)"],
    [0xeeb20b40, "VCVTB.F64.F16 (ARMv8)"],
    [0xeeb30b40, "VCVTB.F16.F64 (ARMv8)"],
    [0xeeb50a41, "VCMP with zero and Vm"],
    [0xeeb00a20, "VMOV immediate with bit 5"],
    [0xfe000a00, "VSEL (ARMv8)"],
    [0xee300900, "half-precision VADD (ARMv8.2)"],
  ] as const) {
    const before = state.slice();
    assert.is(machine.dataProcessing(word), 0, what);
    assert.equal(state.slice(0x400, 0x1000), before.slice(0x400, 0x1000), what);
  }
});

vfp("A2.6.4 arithmetic with a vector length in FPSCR is undefined on the whole machine; conversions are not", () => {
  for (const [instruction, isUndefined] of [
    [0xee310a02, true], // vadd.f32 s0, s2, s4
    [0xee842b05, true], // vdiv.f64 d2, d4, d5
    [0xee000b01, true], // vmla.f64 d0, d0, d1
    [0xeeb00b41, true], // vmov.f64 d0, d1
    [0xeeb70ac1, false], // vcvt.f64.f32 d0, s2
    [0xeeb40b41, false], // vcmp.f64 d0, d1
  ] as const) {
    const words = [0xe3a00801, 0xeee10a10, 0xed9f0b00, instruction]; // FPSCR.Len = 1; vldr d0, [pc]; the instruction
    const sequence = assemble([plainUnit("A32", words.flatMap(wordHalves))], CODE, LEAVE);
    const run = () => machineRun(buildProgram([sequence], [new Uint8Array(STATE_BYTES)]), { fuel: 1000, mmu: false });
    if (isUndefined) assert.throws(run, /undefined instruction/, instruction.toString(16));
    else assert.not.throws(run, instruction.toString(16));
  }
});

vfp.run();
