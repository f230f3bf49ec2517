// What a debugger takes for an instruction's memory access, against what the machine does: every line of the instruction table with random
// fields and registers. Bytes of RAM that change are among those that were to be written; an abort's address is in what was to be
// accessed; what lies where nothing is aborts; and nothing else does.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { accessOf, type AccessView } from "../../agent/debug/access.js";
import { REGISTER_CPSR_AT, REGISTER_PC_AT } from "../../agent/debug/description.js";
import { debugRegisters, debugSetMemory, debugSetRegisters } from "../../agent/host/debug/machine.js";
import {
  CPU_STATE,
  RAM_BASE,
  STATS_DATA_ABORTS,
  STATS_PREFETCH_ABORTS,
  STATS_UNDEFINED,
} from "../../kernel/abi/layout.js";
import { PCIE, PCIE_BYTES } from "../../kernel/machine/memory-map.js";
import { debugStackOf } from "../../agent/host/debug/watch.js";
import { flatMachine } from "../support/flat-machine.js";
import { temporaryFile } from "../support/temporary.js";
import {
  encode,
  instructionTable,
  isDecodedAs,
  randomFields,
  satisfied,
  type Fields,
  type Instruction,
} from "./instruction-table.js";
import { Random } from "./random.js";

const ROUNDS = 40_000;
const ENTRY = 0x4001_0000;
const RAM_END = 0x4100_0000;
/** Where the data lies that registers point to; nothing else is looked at. */
const DATA = 0x4080_0000;
const DATA_BYTES = 0x4000;
/** DFAR (kernel/machine/arm/cp15-state). */
const FAULT_ADDRESS = CPU_STATE + 0x200 + 44;
const SUPERVISOR = 0x1d3;
const MODES = [0x10, 0x11, 0x12, 0x13, 0x17, 0x1b, 0x1f];
/** Of the lines that random sequences must not have, those that access memory. */
const SPECIAL = /^(a32|t32)(Swap|Rfe|Srs|TableBranch|LoadExclusive|StoreExclusive)$/;
/** CPACR and FPEXC: VFP on. */
const VFP_ON = [0xe3a0060f, 0xee010f50, 0xe3a00101, 0xeee80a10];

const table = instructionTable();
const chosen = table.filter(({ constraints, decoding }) => {
  if (SPECIAL.test(decoding) || constraints.includes("memory")) return true;
  return !["never", "branch", "it"].some((word) => constraints.includes(word));
});
const accessing = chosen.filter(
  ({ constraints, decoding }) => SPECIAL.test(decoding) || constraints.includes("memory"),
);

/** Whether it is UNPREDICTABLE beyond what the table says: writeback and lists that make no sense. */
function unpredictable({ name, set, decoding }: Instruction, fields: Fields): boolean {
  const { Rn, Rt, Rt2, Rm, Rd, list, W, P, imm8, mode } = fields;
  if (mode !== undefined && !MODES.includes(mode)) return true;
  if (list !== undefined && (list === 0 || (set === "T32" && (list & 0xa000) !== 0) || ((list >>> Rn!) & 1) === 1))
    return true;
  if (Rn === 15 && !/literal/.test(name) && !/TableBranch/.test(decoding)) return true;
  if ([Rm, Rt2].includes(15)) return true;
  if (Rt !== undefined && (Rt === 15 || Rt === Rn || Rt2 === Rn || Rt === Rt2)) return true;
  if (Rd !== undefined && /Exclusive/.test(decoding) && (Rd === Rn || Rd === Rt)) return true;
  if (/Vfp/.test(decoding)) return imm8 === 0 || imm8! > 32 || (P === 1 && W === 1 && fields["U"] === 1);
  return false;
}

const access = suite("memory access of an instruction");

access("what is worked out is what the machine does", () => {
  const random = new Random(20261123);
  const machine = flatMachine(temporaryFile(new Uint8Array(64)));
  const file = new Uint8Array(debugRegisters(machine).length);
  const view = new DataView(file.buffer);
  const place = (code: number[], wide: boolean): void => {
    const bytes = wide ? new Uint8Array(Uint32Array.from(code).buffer) : new Uint8Array(Uint16Array.from(code).buffer);
    assert.ok(debugSetMemory(machine, ENTRY, bytes));
  };
  place(VFP_ON, true);
  view.setUint32(REGISTER_PC_AT, ENTRY, true);
  view.setUint32(REGISTER_CPSR_AT, SUPERVISOR, true);
  debugSetRegisters(machine, 0, file);
  machine.run(VFP_ON.length);
  const counts = { writes: 0, aborts: 0, none: 0, undefined: 0, read: 0 };
  const lines = new Set<Instruction>();
  for (let round = 0; round < ROUNDS; round++) {
    const line = random.pick(random.oneIn(4) ? chosen : accessing);
    const fields = randomFields(line, random);
    if (line.set === "A32" && random.below(2) === 0) fields["cond"] = 14;
    const word = encode(line, fields);
    if (line.set === "A32" && word >>> 28 === 15) continue;
    if (
      (!line.constraints.includes("never") && !satisfied(line, fields)) ||
      !isDecodedAs(table, line, word) ||
      unpredictable(line, fields)
    )
      continue;
    const thumb = line.set === "T16" || line.set === "T32";
    const condition = thumb && random.below(2) === 0 ? random.below(14) : 14;
    // One instruction of an IT block, or none (B1.3.3).
    const it = condition === 14 ? 0 : (condition << 4) | 8;
    const cpsr =
      (SUPERVISOR | (thumb ? 0x20 : 0) | (random.below(16) << 28) | ((it & 0xfc) << 8) | ((it & 3) << 25)) >>> 0;
    place(thumb ? (line.set === "T16" ? [word] : [word >>> 16, word & 0xffff]) : [word], !thumb);
    for (let n = 0; n < 15; n++) {
      const value = random.oneIn(3)
        ? random.below(256) * 4
        : random.oneIn(6)
          ? random.word()
          : DATA + 0x1000 + random.below(512) * 8;
      view.setUint32(4 * n, value, true);
    }
    view.setUint32(REGISTER_PC_AT, ENTRY, true);
    view.setUint32(REGISTER_CPSR_AT, cpsr, true);
    for (let at = 68; at < 68 + 256; at += 4) view.setUint32(at, random.word(), true);
    debugSetRegisters(machine, 0, file);
    const data = machine.guestBytes(DATA, DATA_BYTES);
    const before = Buffer.from(data);
    const now: AccessView = {
      register: (n) => view.getUint32(4 * n, true),
      pc: ENTRY,
      cpsr,
      stackOf: (mode) => debugStackOf(machine, mode),
    };
    const found = accessOf(word, now);
    const count = (at: number): number => machine.count(at);
    const [aborts, undefineds, fetches] = [STATS_DATA_ABORTS, STATS_UNDEFINED, STATS_PREFETCH_ABORTS].map(count);
    machine.debug.debugStep();
    assert.is(count(STATS_PREFETCH_ABORTS), fetches);
    const what = `${line.set} ${line.name} ${word.toString(16)}, cpsr ${cpsr.toString(16)}: ${JSON.stringify(found)}`;
    lines.add(line);
    if (count(STATS_UNDEFINED) > undefineds!) {
      counts.undefined++;
      continue;
    }
    const first = before.findIndex((byte, at) => byte !== data[at]);
    if (count(STATS_DATA_ABORTS) > aborts!) {
      const at = machine.word(FAULT_ADDRESS);
      assert.ok(
        found !== null && at >= found.address && at < found.address + found.bytes,
        `${what} aborts at ${at.toString(16)}`,
      );
      counts.aborts++;
      continue;
    }
    if (found === null) {
      assert.is(first, -1, `${what} writes`);
      counts.none++;
      continue;
    }
    const end = found.address + found.bytes;
    // A store-exclusive without a monitor accesses nothing (A3.4.1).
    if (!/StoreExclusive/.test(line.decoding)) {
      assert.not(found.address >= RAM_END && end < 2 ** 32, `${what} does not abort`);
      assert.not(found.address >= PCIE + PCIE_BYTES && end <= RAM_BASE, `${what} does not abort`);
    }
    if (first < 0) counts.read++;
    else {
      const last =
        data.length -
        1 -
        Buffer.from(data)
          .reverse()
          .findIndex((byte, at) => byte !== before[data.length - 1 - at]);
      assert.ok(found.write, `${what} writes`);
      assert.ok(DATA + first >= found.address && DATA + last < end, `${what} writes ${(DATA + first).toString(16)}`);
      counts.writes++;
    }
  }
  // Not vacuous: all of these were seen, and nearly every line.
  assert.ok(
    counts.writes > 2_000 && counts.aborts > 2_000 && counts.none > 5_000 && counts.read > 2_000,
    JSON.stringify(counts),
  );
  assert.ok(lines.size > 0.95 * chosen.length, `${lines.size} of ${chosen.length} lines`);
});

access.run();
