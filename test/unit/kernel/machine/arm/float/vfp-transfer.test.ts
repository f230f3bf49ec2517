// Moves between core and VFP registers, and the VFP's system registers. Clauses: ARM DDI 0406C.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CONFIG_CPU, CPU_STATE, CPU_WITHOUT_NEON, VFP_STATE } from "../../../../../../kernel/abi/layout.js";
import { vfpMachine, type VfpMachine } from "../../../../../isa/vfp-machine.js";

const transfer = suite("vfp-transfer");
const [USER, PRIVILEGED] = [0, 1];
let machine: VfpMachine;
let view: DataView;
const core = (n: number, value?: number) => word(CPU_STATE + 4 * n, value);
const single = (n: number, value?: number) => word(VFP_STATE + 4 * n, value);
const fpscr = (value?: number) => word(VFP_STATE + 256, value);
const fpexc = () => word(VFP_STATE + 260);

function word(at: number, value?: number): number {
  if (value !== undefined) view.setUint32(at, value, true);
  return view.getUint32(at, true);
}

transfer.before(async () => {
  machine = await vfpMachine();
  view = new DataView(machine.memory.buffer);
});

transfer.before.each(() => {
  new Uint8Array(machine.memory.buffer).fill(0, CPU_STATE, VFP_STATE + 512);
});

transfer("A8.8.343 VMOV moves a core register into S(n) and back", () => {
  core(3, 0x1234_5678);
  assert.is(machine.registerTransfer(0xee003a90, USER), 1); // vmov s1, r3
  assert.is(single(1), 0x1234_5678);
  assert.is(machine.registerTransfer(0xee104a90, USER), 1); // vmov r4, s1
  assert.is(core(4), 0x1234_5678);
});

transfer("A8.8.341 VMOV.32 reaches both halves of D31", () => {
  core(0, 0xaaaa_0001);
  core(1, 0xbbbb_0002);
  assert.is(machine.registerTransfer(0xee0f0b90, USER), 1); // vmov.32 d31[0], r0
  assert.is(machine.registerTransfer(0xee2f1b90, USER), 1); // vmov.32 d31[1], r1
  assert.is(view.getBigUint64(VFP_STATE + 8 * 31, true), 0xbbbb_0002_aaaa_0001n);
  assert.is(machine.registerTransfer(0xee3f2b90, USER), 1); // vmov.32 r2, d31[1]
  assert.is(core(2), 0xbbbb_0002);
});

const double = (n: number) => view.getBigUint64(VFP_STATE + 8 * n, true);

transfer("A8.8.341 VMOV puts bytes and halfwords into any lane, and leaves the others", () => {
  core(0, 0x1234_56ab);
  assert.is(machine.registerTransfer(0xee600b70, USER), 1); // vmov.8 d0[7], r0
  assert.is(machine.registerTransfer(0xee010b70, USER), 1); // vmov.16 d1[1], r0
  assert.is(double(0), 0xab00_0000_0000_0000n);
  assert.is(double(1), 0x56ab_0000n);
});

transfer("A8.8.342 VMOV extends bytes and halfwords, with their sign or with zeros; words have no U", () => {
  view.setBigUint64(VFP_STATE, 0x8899_aabb_ccdd_eeffn, true);
  assert.is(machine.registerTransfer(0xee701b70, USER), 1); // vmov.s8 r1, d0[7]
  assert.is(machine.registerTransfer(0xeef02b70, USER), 1); // vmov.u8 r2, d0[7]
  assert.is(machine.registerTransfer(0xee303b70, USER), 1); // vmov.s16 r3, d0[3]
  assert.is(machine.registerTransfer(0xeeb04b70, USER), 1); // vmov.u16 r4, d0[3]
  assert.equal([core(1), core(2), core(3), core(4)], [0xffff_ff88, 0x88, 0xffff_8899, 0x8899]);
  assert.is(machine.registerTransfer(0xee900b10, USER), 0, "a word without sign");
  assert.is(machine.registerTransfer(0xee000b50, USER), 0, "opc2 = 10 to a scalar");
  assert.is(machine.registerTransfer(0xee100b50, USER), 0, "opc2 = 10 from a scalar");
});

transfer("A8.8.315 VDUP fills a doubleword or a quadword; three widths, and an even quadword", () => {
  core(2, 0x1234_5678);
  assert.is(machine.registerTransfer(0xeee22b10, USER), 1); // vdup.8 q1, r2
  assert.is(machine.registerTransfer(0xee842b30, USER), 1); // vdup.16 d4, r2
  assert.is(machine.registerTransfer(0xee862b10, USER), 1); // vdup.32 d6, r2
  assert.equal([double(2), double(3)], [0x7878_7878_7878_7878n, 0x7878_7878_7878_7878n]);
  assert.equal([double(4), double(5)], [0x5678_5678_5678_5678n, 0n]);
  assert.is(double(6), 0x1234_5678_1234_5678n);
  assert.is(machine.registerTransfer(0xeee32b10, USER), 0, "an odd quadword");
  assert.is(machine.registerTransfer(0xeec22b30, USER), 0, "B and E both set");
});

transfer("A8.8.345 VMOV moves two core registers into D(m) and back", () => {
  core(1, 0x1111_1111);
  core(2, 0x2222_2222);
  assert.is(machine.registerTransfer(0xec421b34, USER), 1); // vmov d20, r1, r2
  assert.is(view.getBigUint64(VFP_STATE + 8 * 20, true), 0x2222_2222_1111_1111n);
  assert.is(machine.registerTransfer(0xec543b34, USER), 1); // vmov r3, r4, d20
  assert.equal([core(3), core(4)], [0x1111_1111, 0x2222_2222]);
});

transfer("A8.8.344 VMOV moves two core registers into consecutive singles; S31 has no successor", () => {
  core(1, 7);
  core(2, 8);
  assert.is(machine.registerTransfer(0xec421a31, USER), 1); // vmov s3, s4, r1, r2
  assert.equal([single(3), single(4)], [7, 8]);
  assert.is(machine.registerTransfer(0xec421a3f, USER), 0);
});

transfer("B4.1.58 VMSR keeps the bits of FPSCR that exist: trap enables and FZ16 read as zero", () => {
  core(5, 0xffff_ffff);
  assert.is(machine.registerTransfer(0xeee15a10, USER), 1); // vmsr fpscr, r5
  assert.is(machine.registerTransfer(0xeef16a10, USER), 1); // vmrs r6, fpscr
  assert.is(core(6), 0xfff7_009f);
});

transfer("B9.3.20 identification and FPEXC are for privileged code alone", () => {
  for (const register of [0, 6, 7, 8]) {
    const instruction = 0xeef00a10 | (register << 16);
    assert.is(machine.registerTransfer(instruction >>> 0, USER), 0);
    assert.is(machine.registerTransfer(instruction >>> 0, PRIVILEGED), 1);
    assert.is(machine.needsEnable(instruction >>> 0), 0);
  }
  assert.is(machine.needsEnable(0xeef10a10), 1); // vmrs r0, fpscr
  assert.is(machine.registerTransfer(0xeef90a10, PRIVILEGED), 0); // no FPINST in VFPv3
});

transfer(
  "B4.1.57 of FPEXC only EN exists; B4.1.60 identification says VFPv4 with 32 doubles, and Advanced SIMD unless it is hidden",
  () => {
    core(0, 0xffff_ffff);
    assert.is(machine.registerTransfer(0xeee80a10, PRIVILEGED), 1); // vmsr fpexc, r0
    assert.is(fpexc(), 0x4000_0000);
    machine.registerTransfer(0xeef71a10, PRIVILEGED); // vmrs r1, mvfr0
    machine.registerTransfer(0xeef62a10, PRIVILEGED); // vmrs r2, mvfr1
    assert.is(core(1) & 0xf, 2, "32 doubles");
    assert.is(core(2) >>> 28, 1, "fused multiply-add");
    assert.is((core(2) >>> 24) & 0xf, 1, "half precision");
    // What Linux asks: integers, single precision, loads and stores, and half precision.
    assert.is(core(2) & 0x00ff_ff00, 0x0011_1100, "Advanced SIMD");
    word(CONFIG_CPU, CPU_WITHOUT_NEON);
    machine.registerTransfer(0xeef62a10, PRIVILEGED);
    word(CONFIG_CPU, 0);
    assert.is(core(2) & 0x00ff_ff00, 0, "hidden");
  },
);

transfer("A8.8.337 core register 15 is refused", () => {
  fpscr(0x6000_0000);
  for (const instruction of [0xee00fa90, 0xec4f1b34, 0xec41fb34, 0xeee1fa10]) {
    assert.is(machine.registerTransfer(instruction, PRIVILEGED), 0, instruction.toString(16));
  }
});

transfer.run();
