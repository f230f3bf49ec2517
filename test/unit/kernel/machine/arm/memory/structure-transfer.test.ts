// Element and structure loads and stores where they fail, and what they access: ARM DDI 0406C A3.2.1 (alignment), A7.7, A8.8.320 onwards.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { structureBytes } from "../../../../../../agent/debug/structure-access.js";
import { CONFIG_ROM_OFFSET, RAM_BASE, STATS_DATA_ABORTS, VFP_STATE } from "../../../../../../kernel/abi/layout.js";
import { a32Constant } from "../../../../../isa/assembler.js";
import { NEON_TRANSFERS, neonFields, neonWord } from "../../../../../isa/neon-forms.js";
import { Random } from "../../../../../isa/random.js";
import { bareMachine, type BareMachine } from "../../../../../support/bare-machine.js";

const transfer = suite("structure transfers");
const DATA = RAM_BASE + 0x9000;
const NOWHERE = RAM_BASE + 0x10_0000; // behind the end of RAM
const DFSR = 0xee150f10; // mrc p15, 0, r0, c5, c0, 0
const DFAR = 0xee160f10; // mrc p15, 0, r0, c6, c0, 0
const ALIGNMENT = 0x01;
const WRITE = 1 << 11;

/** A machine with the VFP on, whose data aborts go on behind the instruction. */
function machineWith(): BareMachine {
  const machine = bareMachine({ romBytes: 0x10000 });
  machine.store32(machine.load32(CONFIG_ROM_OFFSET) + 0x10, 0xe25ef004); // data abort: subs pc, lr, #4
  machine.reset();
  machine.execute([0xe3a0060f, 0xee010f50, 0xe3a00101, 0xeee80a10]);
  return machine;
}

const aborts = (machine: BareMachine): number => Number(machine.view.getBigUint64(STATS_DATA_ABORTS, true));

/** Runs `word` with `address` in r2 and 0x100 in r3; returns r2 behind it. */
function run(machine: BareMachine, word: number, address: number): number {
  const before = aborts(machine);
  machine.execute([...a32Constant(2, address), ...a32Constant(3, 0x100), word]);
  // The handler's instruction was one more.
  if (aborts(machine) > before) machine.runInstructions(1);
  return machine.execute([0xe1a00002]);
}

transfer("A3.2.1 an alignment that is asked for is checked, and an abort changes neither registers nor base", () => {
  for (const [word, isWrite] of [
    [0xf422071d, false], // vld1.8 {d0}, [r2:64]!
    [0xf402071d, true], // vst1.8 {d0}, [r2:64]!
    [0xf422006d, false], // vld4.16 {d0-d3}, [r2:128]!
    [0xf4a20c9d, false], // vld1.32 … all lanes of {d0}, [r2:32]!
  ] as const) {
    const machine = machineWith();
    machine.view.setBigUint64(VFP_STATE, 0x0123_4567_89ab_cdefn, true);
    assert.is(run(machine, word, DATA + 1), DATA + 1, word.toString(16));
    assert.is(aborts(machine), 1);
    assert.is(machine.execute([DFSR]), ALIGNMENT | (isWrite ? WRITE : 0));
    assert.is(machine.execute([DFAR]), DATA + 1);
    assert.is(machine.view.getBigUint64(VFP_STATE, true), 0x0123_4567_89ab_cdefn);
  }
});

transfer("A3.2.1 elements may be unaligned, until SCTLR.A says otherwise", () => {
  const word = 0xf422078d; // vld1.32 {d0}, [r2]!
  const machine = machineWith();
  machine.write32(DATA, 0x4433_2211);
  machine.write32(DATA + 4, 0x8877_6655);
  machine.write32(DATA + 8, 0xccbb_aa99);
  assert.is(run(machine, word, DATA + 2), DATA + 10);
  assert.is(machine.view.getBigUint64(VFP_STATE, true), 0xaa99_8877_6655_4433n);
  machine.execute([0xee110f10, 0xe3800002, 0xee010f10]); // SCTLR.A
  assert.is(run(machine, word, DATA + 2), DATA + 2);
  assert.is(aborts(machine), 1);
  assert.is(run(machine, 0xf422070d, DATA + 3), DATA + 11, "bytes are always aligned");
});

transfer("A8.8.320 Rm: none, the bytes that are moved, or a register", () => {
  const machine = machineWith();
  assert.is(run(machine, 0xf422078f, DATA), DATA); // vld1.32 {d0}, [r2]
  assert.is(run(machine, 0xf422020d, DATA), DATA + 32); // vld1.8 {d0-d3}, [r2]!
  assert.is(run(machine, 0xf4220203, DATA), DATA + 0x100); // vld1.8 {d0-d3}, [r2], r3
  assert.is(run(machine, 0xf4a2000d, DATA), DATA + 1); // vld1.8 {d0[0]}, [r2]!
  assert.is(run(machine, 0xf4a20f0d, DATA), DATA + 4); // vld4.8 … all lanes, [r2]!
});

transfer("B1.8.8 an abort leaves the base register, wherever the transfer meets it", () => {
  for (const offset of [0, 4, 31]) {
    const machine = machineWith();
    assert.is(run(machine, 0xf402020d, NOWHERE - offset), NOWHERE - offset); // vst1.8 {d0-d3}, [r2]!
    assert.is(aborts(machine), 1);
  }
});

transfer("A7.7 the debugger knows the bytes of every store: it changes all of them and no other", () => {
  const random = new Random(1);
  const machine = machineWith();
  for (const form of NEON_TRANSFERS.filter(({ name }) => name.includes("VST"))) {
    for (let round = 0; round < 20; round++) {
      let word = neonWord(form, random);
      // A store at r2, without write-back.
      word = ((word & 0xffd0_fff0) | (2 << 16) | 15) >>> 0;
      if (neonFields(form, word)["L"] !== 0) continue;
      machine.bytes.fill(0x5a, VFP_STATE, VFP_STATE + 256);
      machine.writeRam(DATA, new Uint8Array(128));
      run(machine, word, DATA + 32);
      const changed = [...machine.readRam(DATA, 128)].flatMap((byte, at) => (byte === 0 ? [] : [at]));
      assert.equal(
        changed,
        Array.from({ length: structureBytes(word) }, (_, i) => 32 + i),
        `${form.name} ${word.toString(16)}`,
      );
      machine.reset();
      machine.execute([0xe3a0060f, 0xee010f50, 0xe3a00101, 0xeee80a10]);
    }
  }
});

transfer.run();
