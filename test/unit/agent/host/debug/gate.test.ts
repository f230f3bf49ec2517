// The kernel loop's side of a debugger, over a real machine with a flat guest.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DebugGate } from "../../../../../agent/host/debug/gate.js";
import type { DebugAnswer, DebugRequest } from "../../../../../agent/host/between/debug-messages.js";
import type { Watchpoint } from "../../../../../agent/debug/target.js";
import type { Machine } from "../../../../../agent/host/machine/machine.js";
import {
  REGISTERS,
  REGISTER_BYTES,
  REGISTER_CPSR_AT,
  REGISTER_FPSCR_AT,
  REGISTER_PC_AT,
} from "../../../../../agent/debug/description.js";
import { CPU_PC, CPU_STATE } from "../../../../../kernel/abi/layout.js";
import { RUN_BREAK, RUN_FUEL } from "../../../../../kernel/abi/reasons.js";
import { flatMachine } from "../../../../support/flat-machine.js";
import { Random } from "../../../../support/random.js";
import { temporaryFile } from "../../../../support/temporary.js";

const ENTRY = 0x4001_0000;
// add r0, r0, #1 · b to it
const CODE = temporaryFile(new Uint8Array(Uint32Array.from([0xe2800001, 0xeafffffd]).buffer));
const ADD_2 = Uint8Array.from([0x02, 0x00, 0x80, 0xe2]);

interface Stage {
  gate: DebugGate;
  machine: Machine;
  clock: { now: number };
  sent: DebugAnswer[];
  /** What a request is answered with. */
  ask(request: DebugRequest): Uint8Array | null;
  tell(request: DebugRequest): void;
}

function stage(code = CODE): Stage {
  const requests: DebugRequest[] = [];
  const sent: DebugAnswer[] = [];
  const clock = { now: 1000 };
  const door = { receive: () => requests.shift() ?? null, send: (answer: DebugAnswer) => void sent.push(answer) };
  const gate = new DebugGate(door, () => clock.now);
  const machine = flatMachine(code);
  gate.machine = machine;
  const tell = (request: DebugRequest): void => {
    requests.push(request);
    gate.mayRun();
  };
  const ask = (request: DebugRequest): Uint8Array | null => {
    tell(request);
    const answer = sent.pop()!;
    if (answer.kind !== "answer" || !("id" in request)) throw new Error("no answer");
    assert.is(answer.id, request.id);
    return answer.bytes;
  };
  return { gate, machine, clock, sent, ask, tell };
}

const gates = suite("debug gate");

gates("the guest stands from the start, and its clock with it", () => {
  const { gate, clock, sent, tell } = stage();
  assert.not(gate.mayRun());
  const first = gate.now();
  clock.now += 500;
  assert.is(gate.now(), first);
  tell({ kind: "resume", step: false });
  assert.ok(gate.mayRun() && !gate.stepping);
  clock.now += 20;
  assert.is(gate.now(), first + 20);
  tell({ kind: "halt" });
  tell({ kind: "halt" });
  assert.equal(sent, [{ kind: "stopped", signal: 2, watched: null }], "told once");
  clock.now += 7000;
  assert.is(gate.now(), first + 20);
  tell({ kind: "resume", step: false });
  tell({ kind: "resume", step: false });
  clock.now += 3;
  assert.is(gate.now(), first + 23);
});

gates("a step is one slice; a breakpoint stops, a step leaves it", () => {
  const { gate, machine, sent, ask, tell } = stage();
  ask({ kind: "breakpoints", id: 1, addresses: [ENTRY] });
  tell({ kind: "resume", step: false });
  assert.not(gate.stepping);
  gate.sliceEnded(machine.run(100));
  assert.equal(
    [sent.pop(), machine.instructions, gate.mayRun()],
    [{ kind: "stopped", signal: 5, watched: null }, 0, false],
  );
  tell({ kind: "resume", step: true });
  assert.ok(gate.stepping);
  assert.is(machine.run(1), RUN_FUEL);
  gate.sliceEnded(RUN_FUEL);
  assert.equal(
    [sent.pop(), machine.instructions, machine.word(CPU_PC)],
    [{ kind: "stopped", signal: 5, watched: null }, 1, ENTRY + 4],
  );
  tell({ kind: "resume", step: false });
  assert.equal([machine.run(100), machine.instructions], [RUN_BREAK, 2]);
});

gates("a watchpoint stops before the access, and who goes on from there goes on through it", () => {
  // ldr r1, [r2] · str r0, [r2, #4] · add r0, r0, #1 · b to the first
  const code = temporaryFile(new Uint8Array(Uint32Array.from([0xe5921000, 0xe5820004, 0xe2800001, 0xeafffffb]).buffer));
  const { gate, machine, sent, ask, tell } = stage(code);
  const WORD = ENTRY + 0x100;
  machine.setWord(CPU_STATE + 8, WORD);
  machine.setWord(CPU_STATE, 7);
  const points = (...kinds: Watchpoint[]): unknown => ask({ kind: "watchpoints", id: 1, points: kinds });
  const goOn = (step = false): unknown => {
    tell({ kind: "resume", step });
    gate.sliceEnded(gate.run(machine, 1000));
    return sent.pop();
  };
  const stopped = (watched: Watchpoint | null): DebugAnswer => ({ kind: "stopped", signal: 5, watched });
  const store: Watchpoint = { kind: "write", address: WORD + 6, bytes: 1 };
  points(store);
  assert.equal(goOn(), stopped(store), "one byte of the word");
  assert.equal([machine.word(CPU_PC), machine.instructions], [ENTRY + 4, 1]);
  assert.is(new DataView(machine.guestBytes(WORD + 4, 4).slice().buffer).getUint32(0, true), 0, "not yet");
  assert.equal(goOn(true), stopped(null), "a step goes through");
  assert.is(machine.guestBytes(WORD + 4, 1)[0], 7);
  assert.equal(goOn(), stopped(store), "the next round");
  assert.equal(goOn(), stopped(store), "and the one after it");
  assert.is(machine.word(CPU_STATE), 9);
  points({ kind: "read", address: WORD, bytes: 8 });
  assert.equal(goOn(), stopped({ kind: "read", address: WORD, bytes: 8 }));
  assert.is(machine.word(CPU_PC), ENTRY);
  points({ kind: "access", address: WORD + 4, bytes: 4 });
  assert.equal(goOn(), stopped({ kind: "access", address: WORD + 4, bytes: 4 }));
  points({ kind: "write", address: WORD, bytes: 4 }, { kind: "read", address: WORD + 4, bytes: 4 });
  tell({ kind: "resume", step: false });
  assert.is(gate.run(machine, 1000), RUN_FUEL, "neither is accessed so");
  assert.ok(machine.instructions > 1000);
});

gates("registers: what was written is read, as far as the architecture has it", () => {
  const random = new Random(3);
  const { ask } = stage();
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: REGISTER_BYTES }, () => random.below(256));
    const view = new DataView(bytes.buffer);
    const mode = random.pick([0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f]);
    view.setUint32(REGISTER_CPSR_AT, (view.getUint32(REGISTER_CPSR_AT, true) & ~0x1f) | mode, true);
    assert.ok(ask({ kind: "set-registers", id: round, offset: 0, bytes: bytes.slice() }));
    // E and J (B1.3.3) are not there; pc is aligned as T says; FPSCR has no trap enables (B4.1.58).
    const cpsr = (view.getUint32(REGISTER_CPSR_AT, true) & 0xfe0f_fdff) >>> 0;
    view.setUint32(REGISTER_CPSR_AT, cpsr, true);
    view.setUint32(REGISTER_PC_AT, view.getUint32(REGISTER_PC_AT, true) & (cpsr & 0x20 ? ~1 : ~3), true);
    view.setUint32(REGISTER_FPSCR_AT, view.getUint32(REGISTER_FPSCR_AT, true) & 0xfff7_009f, true);
    assert.equal(ask({ kind: "registers", id: round }), bytes);
  }
});

gates("sp that is written together with a mode is that mode's", () => {
  const { ask } = stage();
  const file = (cpsr: number, sp: number): Uint8Array => {
    const words = new Uint32Array(17);
    [words[13], words[16]] = [sp, cpsr];
    return new Uint8Array(words.buffer);
  };
  const spNow = (): number => Buffer.from(ask({ kind: "registers", id: 9 })!).readUInt32LE(REGISTERS[13]!.offset);
  ask({ kind: "set-registers", id: 1, offset: 0, bytes: file(0x1d3, 0x1111) });
  ask({ kind: "set-registers", id: 2, offset: 0, bytes: file(0x1d7, 0x2222) });
  assert.is(spNow(), 0x2222);
  ask({ kind: "set-registers", id: 3, offset: REGISTER_CPSR_AT, bytes: Uint8Array.from([0xd3, 1, 0, 0]) });
  assert.is(spNow(), 0x1111);
});

gates("memory: RAM, and neither a device nor nothing; a write changes code that has run", () => {
  const { machine, ask } = stage();
  assert.equal(ask({ kind: "memory", id: 1, address: ENTRY, length: 4 }), Uint8Array.from([0x01, 0x00, 0x80, 0xe2]));
  assert.is(ask({ kind: "memory", id: 2, address: 0x0900_0000, length: 4 })!.length, 0);
  assert.is(ask({ kind: "memory", id: 3, address: 0x4100_0000 - 6, length: 64 })!.length, 6, "16 MiB of RAM");
  assert.is(ask({ kind: "memory", id: 4, address: 0xffff_fffe, length: 64 })!.length, 0);
  assert.is(ask({ kind: "set-memory", id: 5, address: 0x4100_0000 - 2, bytes: ADD_2 }), null, "all or nothing");
  assert.equal(ask({ kind: "memory", id: 6, address: 0x4100_0000 - 2, length: 2 }), new Uint8Array(2));
  machine.run(20);
  assert.is(Buffer.from(ask({ kind: "registers", id: 7 })!).readUInt32LE(0), 10);
  assert.ok(ask({ kind: "set-memory", id: 8, address: ENTRY, bytes: ADD_2 }));
  machine.run(20);
  assert.is(Buffer.from(ask({ kind: "registers", id: 9 })!).readUInt32LE(0), 30);
});

gates.run();
