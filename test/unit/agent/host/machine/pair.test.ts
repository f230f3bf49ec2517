// Interpreted and translated side by side: no difference where there is none, and every kind of difference is found.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NO_FIRMWARE } from "../../../../../agent/host/loader/firmware.js";
import { DivergenceError, MachinePair } from "../../../../../agent/host/machine/pair.js";
import { CACHE_SIZES, TRANSLATION } from "../../../../../agent/host/machine/memory.js";
import { buildProduct } from "../../../../../agent/paths.js";
import {
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_REQUESTS,
  BLOCK_REQUEST_OPERATION,
  BLOCK_REQUEST_SEGMENTS,
  BLOCK_REQUEST_SEGMENT_COUNT,
  CONFIG_RAM_OFFSET,
  CPU_FLAGS,
  CPU_STATE,
  CPU_THUMB,
  RAM_BASE,
  TIMER_STATE,
  VFP_STATE,
} from "../../../../../kernel/abi/layout.js";

const module = new WebAssembly.Module(readFileSync(buildProduct("machine.wasm")));
const pairs = suite("machine-pair");

/** A loop over r0 to r3: two additions, an exclusive or, a store. */
const LOOP = [
  0xe3a00000, // mov r0, #0
  0xe3a01000, // mov r1, #0
  0xe3a03441, // mov r3, #0x41000000 (rotated: 0x41 << 24)
  0xe2800003, // loop: add r0, r0, #3
  0xe0211000, // eor r1, r1, r0
  0xe0802001, // add r2, r0, r1
  0xe5832000, // str r2, [r3]
  0xeafffffa, // b loop
];

function pair(code = LOOP, seed = 1): MachinePair {
  const config = {
    mode: "deterministic",
    ramBytes: 32 << 20,
    firmware: NO_FIRMWARE,
    caches: { ...CACHE_SIZES.small, ...TRANSLATION },
    devices: 0,
    disk: null,
    consolePorts: 1,
    entry: RAM_BASE,
    r0: 0,
    r1: 0,
    r2: 0,
    wallOrigin: 0,
  } as const;
  const machines = new MachinePair(module, config, () => 0, seed);
  machines.guestBytes(RAM_BASE, 4 * code.length).set(new Uint8Array(Uint32Array.from(code).buffer));
  machines.copyMemory();
  return machines;
}

/** The names of the lines that a report marks. */
function marked(error: DivergenceError): string[] {
  const rows = error.message.split("\n").filter((line) => line.startsWith("* "));
  return rows.map((row) => row.slice(2, 26).trim());
}

function divergence(act: () => void): DivergenceError {
  try {
    act();
  } catch (error) {
    if (error instanceof DivergenceError) return error;
    throw error;
  }
  throw new Error("no difference was found");
}

function runs(machines: MachinePair, slices: number): void {
  for (let n = 0; n < slices; n++) machines.run();
}

pairs("a translation that is right differs nowhere, wherever slices end; most of the work is translated code's", () => {
  for (const seed of [1, 2, 3]) {
    const machines = pair(LOOP, seed);
    runs(machines, 600);
    machines.compareAll();
    const { executed, functions } = machines.translator!.stats();
    assert.ok(functions > 0, "something was translated");
    assert.ok(executed > machines.instructions / 2, `${executed} of ${machines.instructions}`);
    assert.is(machines.instructions, machines.twin.instructions);
  }
});

pairs("a translator that emits a subtraction for an addition is found, with both states", () => {
  const machines = pair();
  const { twin } = machines;
  const translator = twin.translator as unknown as { machine: Record<string, unknown> };
  const real = translator.machine as unknown as { translateEverything(): number; translateOffset(): number };
  let changed = 0;
  translator.machine = {
    ...translator.machine,
    translateEverything: () => {
      const length = real.translateEverything();
      const bytes = twin.bytes.subarray(real.translateOffset(), real.translateOffset() + length);
      // i32.const 3 · i32.add, the loop's first instruction.
      for (let at = 0; at + 2 < length; at++) {
        if (bytes[at] !== 0x41 || bytes[at + 1] !== 3 || bytes[at + 2] !== 0x6a) continue;
        bytes[at + 2] = 0x6b;
        changed++;
      }
      return length;
    },
  };
  const error = divergence(() => runs(machines, 2000));
  assert.ok(changed > 0, "the module was changed");
  assert.ok(marked(error).includes("r0"), error.message);
  assert.not(marked(error).includes("r4"));
  assert.match(error.message, /disagree after \d+ instructions: their states differ\n/);
  assert.match(error.message, /began after \d+ instructions at pc 0x400000[0-9a-f]{2} \(ARM state\), with fuel \d+\n/);
});

const single: [what: string, at: number, name: string][] = [
  ["a register", CPU_STATE + 4 * 7, "r7"],
  ["the Q flag", CPU_FLAGS + 16, "Q"],
  ["ITSTATE", CPU_THUMB + 4, "ITSTATE"],
  ["a banked stack pointer", CPU_STATE + 128 + 20 + 8 * 3, "sp_svc"],
  ["a saved status register", CPU_STATE + 128 + 68 + 4, "spsr_irq"],
  ["a word of CP15", CPU_STATE + 0x200 + 24, "CP15 state +0x18"],
  ["half of a VFP register", VFP_STATE + 8 * 9 + 4, "d9 high"],
  ["FPSCR", VFP_STATE + 256, "FPSCR"],
  ["a device", TIMER_STATE + 8, "machine state 0x00002008"],
];
for (const [what, at, name] of single) {
  pairs(`${what} that differs after a slice is found and marked, alone`, () => {
    const machines = pair([0xeafffffe]); // b .
    machines.run();
    machines.twin.setWord(at, machines.twin.word(at) ^ 1);
    assert.equal(marked(divergence(() => machines.compareAll())), [name]);
  });
}

pairs("memory that differs is found at the latest in the end, by its guest physical address", () => {
  const machines = pair([0xeafffffe]);
  const at = machines.word(CONFIG_RAM_OFFSET) + 0x123_4564;
  runs(machines, 10);
  machines.twin.setWord(at, 0xabcd);
  const error = divergence(() => machines.compareAll());
  assert.equal(marked(error), ["[0x41234564]"]);
  assert.match(error.message, /0x00000000 {3}0x0000abcd/);
  assert.match(divergence(() => machines.reset()).message, "memories", "and before a reset");
  assert.match(divergence(() => runs(machines, 1024)).message, "memories", "and every now and then");
});

pairs("N and Z are flags, however their result words are kept", () => {
  const machines = pair([0xeafffffe]);
  machines.run();
  const [n, z] = [CPU_FLAGS, CPU_FLAGS + 4];
  for (const [mine, other] of [
    [0x8000_0000, 0xffff_ffff],
    [0, 0x7fff_ffff],
  ]) {
    machines.setWord(n, mine!);
    machines.twin.setWord(n, other!);
    machines.run();
  }
  machines.setWord(z, 1);
  machines.twin.setWord(z, 2);
  machines.run();
  machines.twin.setWord(z, 0);
  assert.equal(marked(divergence(() => machines.run())), ["Z"]);
  machines.twin.setWord(z, 5);
  machines.twin.setWord(n, 0xffff_ffff);
  assert.equal(marked(divergence(() => machines.run())), ["N"]);
});

pairs("what the host serves goes to both: console input, random numbers, a disk's data", () => {
  const machines = pair([0xeafffffe]);
  machines.consoleInput(0, Buffer.from("typed"));
  machines.fillEntropy((target) => void target.fill(0x5a));
  const at = BLOCK_REQUESTS;
  const data = machines.word(CONFIG_RAM_OFFSET) + 0x10000;
  for (const machine of [machines, machines.twin]) {
    // setWord() is each machine's own.
    machine.setWord(at, BLOCK_PENDING);
    machine.setWord(at + BLOCK_REQUEST_OPERATION, BLOCK_READ);
    machine.setWord(at + BLOCK_REQUEST_SEGMENT_COUNT, 1);
    machine.setWord(at + BLOCK_REQUEST_SEGMENTS, data);
    machine.setWord(at + BLOCK_REQUEST_SEGMENTS + 4, 512);
  }
  machines.bytes.fill(0x77, data, data + 512);
  machines.blockComplete(0, 0);
  machines.run();
  machines.compareAll();
  assert.equal(machines.twin.guestBytes(RAM_BASE + 0x10000, 512), new Uint8Array(512).fill(0x77));
});

pairs.run();
