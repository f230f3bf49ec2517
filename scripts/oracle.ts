// npm run oracle: compares the machine's instructions with qemu-arm -cpu cortex-a7, for as long as one likes.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { compareBatch, harnessInstructions } from "../test/isa/compare-sequences.js";
import { compareTranslated } from "../test/isa/compare-translated.js";
import type { MachineRunOptions } from "../test/isa/machine-runner.js";
import { OracleError, qemuArmVersion } from "../test/isa/qemu-arm.js";
import {
  NEON_RECORD,
  sequenceRecord,
  SEQUENCE_RECORD,
  type SequenceRecord,
  recordedHashes,
} from "../test/isa/sequences-recorded.js";
import { ARCHITECTURE_GUESTS, liveOutput, recordOutput, recordedOutput } from "../test/guest/architecture/oracle.js";
import { systemCompare } from "../test/isa/system/system-sequences.js";
import {
  recordedSystemHashes,
  systemRecord,
  SYSTEM_LONG_RECORD,
  SYSTEM_RECORD,
  type SystemRecord,
} from "../test/isa/system/system-recorded.js";
import type { SystemTables } from "../test/isa/system/system-program.js";
import { qemuSystemVersion } from "../test/isa/system/system-run.js";
import type { SequenceKind } from "../test/isa/sequences.js";
import { compareNeonUndefined } from "../test/isa/neon-undefined.js";
import { vfpMachine } from "../test/isa/vfp-machine.js";
import { VFP_RECORD, vfpCompareLive, vfpRecord, type VfpRecord } from "../test/isa/vfp-recorded.js";
import { VFP_FORMS } from "../test/isa/vfp-vectors.js";

const HELP = `npm run oracle -- [options]

Compares the machine with a Cortex-A7 of QEMU. With qemu-arm (Debian package qemu-user): random sequences of A32, T32 and VFP
instructions, and of Advanced SIMD, then VFP data processing on chosen operands. With qemu-system-arm, when it is installed: random sequences of
privileged code with its exceptions. Wants build/machine.wasm (npm run build).

  --translate N  no oracle but the interpreter: N instructions of fresh sequences, interpreted and as translated code
  --count N   instructions to compare of each kind (default 1000000)
  --only K    core or neon: sequences without, or of, Advanced SIMD alone; without it both
  --seed S    seed of the random choice (default 1); the same seed makes the same run
  --record    write what the oracles say about the fixed sample to test/isa/recorded, and what the guests of
              test/guest/architecture print on qemu-system-arm (npm test compares with both)
  --check     compare that record with the live oracle
  --help      this text

Exit code: 0 all equal, 1 a difference, 2 the oracle is absent or failed, 64 bad arguments.
`;

const RECORD_SEED = 20261122;
const SEQUENCE_RECORD_COUNT = 1500;
const NEON_RECORD_COUNT = 1000;
const SYSTEM_RECORD_COUNT = 1000;
const SYSTEM_LONG_RECORD_COUNT = 500;
const UNDEFINED_WORDS_MAX = 1_000_000;
const SYSTEM_ROUND = 1000;
/** Instructions that one privileged sequence stands for: about as many are in it. */
const SYSTEM_SEQUENCE_INSTRUCTIONS = 50;
const VFP_RECORD_COUNT = 250;
const VFP_ROUND = 2000;
const SEQUENCE_ROUND = 2000;
/** All of a round must be translated at once; sequences of Advanced SIMD are twice as long. */
const TRANSLATED_ROUND = { core: 2000, neon: 400 };
/** Privileged sequences, by turns too. */
const TABLES: SystemTables[] = ["short", "long", "long-split"];
/** The rounds take turns: whole blocks, single steps and odd slices, with the MMU on and off. */
const WAYS: MachineRunOptions[] = [
  { fuel: 50_000_000, mmu: true },
  { fuel: 1, mmu: true },
  { fuel: 50_000_000, mmu: false },
  { fuel: 97, mmu: true },
];

/** As translated code: slices that end between blocks only, and anywhere. */
const TRANSLATED_WAYS: MachineRunOptions[] = [50_000_000, 997, 97].flatMap((fuel) => [
  { fuel, mmu: true },
  { fuel, mmu: false },
]);

function positive(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  process.stderr.write(`oracle: ${option} wants a positive whole number, not "${text}"\n`);
  process.exit(64);
}

function record(version: string): void {
  const write = (url: URL, value: unknown) => {
    writeFileSync(url, JSON.stringify(value, null, 2) + "\n");
    process.stdout.write(`recorded ${url.pathname}\n`);
  };
  write(VFP_RECORD, vfpRecord(version, RECORD_SEED, VFP_RECORD_COUNT));
  write(SEQUENCE_RECORD, sequenceRecord(version, RECORD_SEED, SEQUENCE_RECORD_COUNT));
  write(NEON_RECORD, sequenceRecord(version, RECORD_SEED, NEON_RECORD_COUNT, "neon"));
  const system = qemuSystemVersion();
  if (system) {
    write(SYSTEM_RECORD, systemRecord(system, RECORD_SEED, SYSTEM_RECORD_COUNT));
    write(SYSTEM_LONG_RECORD, systemRecord(system, RECORD_SEED, SYSTEM_LONG_RECORD_COUNT, "long"));
  } else process.stdout.write("qemu-system-arm is not installed: the record of privileged sequences stays as it is\n");
}

/** Number of records that the live oracle contradicts. */
function check(version: string): number {
  const vfp = JSON.parse(readFileSync(VFP_RECORD, "utf8")) as VfpRecord;
  const vfpNow = vfpRecord(version, vfp.seed, vfp.count);
  const names = Object.keys(vfpNow.hashes).filter((name) => vfpNow.hashes[name] !== vfp.hashes[name]);
  for (const name of names) process.stdout.write(`vfp: ${name}: recorded from ${vfp.oracle}, ${version} differs\n`);

  const [core, neon] = [SEQUENCE_RECORD, NEON_RECORD].map((url) => checkSequences(url, version));
  const guests = ARCHITECTURE_GUESTS.filter((name) => liveOutput(name) !== recordedOutput(name));
  for (const name of guests) process.stdout.write(`guest ${name}: qemu-system-arm differs from the record\n`);
  process.stdout.write(
    `checked ${Object.keys(vfp.hashes).length} VFP forms, ${core!.count + neon!.count} sequences and ${ARCHITECTURE_GUESTS.length} guests\n`,
  );
  return names.length + core!.different + neon!.different + guests.length + checkSystem();
}

function checkSequences(url: URL, version: string): { count: number; different: number } {
  const old = JSON.parse(readFileSync(url, "utf8")) as SequenceRecord;
  const hashes = recordedHashes(old);
  const now = recordedHashes(sequenceRecord(version, old.seed, hashes.length, old.kind));
  const different = hashes.flatMap((hash, i) => (hash === now[i] ? [] : [i]));
  for (const i of different)
    process.stdout.write(`${old.kind ?? "core"} sequence ${i}: recorded from ${old.oracle}, ${version} differs\n`);
  return { count: hashes.length, different: different.length };
}

function checkSystem(): number {
  const version = qemuSystemVersion();
  if (!version) {
    process.stdout.write("qemu-system-arm is not installed: privileged sequences were not checked\n");
    return 0;
  }
  let differences = 0;
  for (const url of [SYSTEM_RECORD, SYSTEM_LONG_RECORD]) {
    const old = JSON.parse(readFileSync(url, "utf8")) as SystemRecord;
    const hashes = recordedSystemHashes(old);
    const now = recordedSystemHashes(systemRecord(version, old.seed, hashes.length, old.tables));
    const different = hashes.flatMap((hash, i) => (hash === now[i] ? [] : [i]));
    for (const i of different)
      process.stdout.write(`system sequence ${i}: recorded from ${old.oracle}, ${version} differs\n`);
    process.stdout.write(`checked ${hashes.length} privileged sequences, ${old.tables ?? "short"} descriptors\n`);
    differences += different.length;
  }
  return differences;
}

/** Number of privileged sequences that differ. */
function compareSystem(seed: number, count: number): number {
  if (!qemuSystemVersion()) {
    process.stdout.write("qemu-system-arm is not installed: privileged sequences were not compared\n");
    return 0;
  }
  let sequences = 0;
  for (let round = 0; sequences * SYSTEM_SEQUENCE_INSTRUCTIONS < count; round++) {
    const { fuel } = WAYS[round % WAYS.length]!;
    const tables = TABLES[round % TABLES.length]!;
    const reports = systemCompare((seed + round * 0x9e3779b1) | 0, 0, SYSTEM_ROUND, fuel, tables);
    for (const report of reports) process.stdout.write(`(fuel ${fuel}, ${tables} descriptors)\n${report}\n`);
    if (reports.length > 0) return reports.length;
    sequences += SYSTEM_ROUND;
  }
  process.stdout.write(`privileged sequences: ${sequences}, all equal\n`);
  return 0;
}

/** Number of sequences that differ. */
function compareSequences(seed: number, count: number, kind: SequenceKind): number {
  const started = Date.now();
  let instructions = 0;
  let sequences = 0;
  for (let round = 0; instructions < count; round++) {
    const options = WAYS[round % WAYS.length]!;
    const result = compareBatch((seed + round * 0x9e3779b1) | 0, 0, SEQUENCE_ROUND, options, kind);
    for (const report of result.reports)
      process.stdout.write(`(fuel ${options.fuel}, MMU ${options.mmu})\n${report}\n`);
    if (result.reports.length > 0) return result.reports.length;
    sequences += SEQUENCE_ROUND;
    instructions += Number(result.instructions) - SEQUENCE_ROUND * harnessInstructions();
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `${kind} sequences: ${sequences} of ${instructions} instructions executed, all equal, ${seconds} s\n`,
  );
  return 0;
}

/** Number of words of Advanced SIMD's space that the manual and the oracle take differently. */
function compareUndefined(seed: number, count: number): number {
  const differences = compareNeonUndefined(seed, count);
  for (const difference of differences) process.stdout.write(difference + "\n");
  process.stdout.write(`neon: ${count} words, ${differences.length} are Undefined on one side only\n`);
  return differences.length;
}

/** Number of sequences that end otherwise as translated code. */
function compareTranslations(seed: number, count: number, kind: SequenceKind): number {
  const started = Date.now();
  let [instructions, translated, sequences] = [0, 0, 0];
  for (let round = 0; instructions < count; round++) {
    const options = TRANSLATED_WAYS[round % TRANSLATED_WAYS.length]!;
    const roundSeed = (seed + round * 0x9e3779b1) | 0;
    const result = compareTranslated(roundSeed, TRANSLATED_ROUND[kind], options, kind);
    for (const index of result.different) {
      process.stdout.write(
        `sequence ${index} of seed ${roundSeed} differs (fuel ${options.fuel}, MMU ${options.mmu})\n`,
      );
    }
    if (!result.countsEqual)
      process.stdout.write(`seed ${roundSeed}: instruction counts differ (fuel ${options.fuel})\n`);
    if (result.different.length > 0 || !result.countsEqual) return Math.max(1, result.different.length);
    sequences += TRANSLATED_ROUND[kind];
    const harness = TRANSLATED_ROUND[kind] * harnessInstructions();
    instructions += result.instructions - harness;
    translated += result.translated;
  }
  const seconds = ((Date.now() - started) / 1000).toFixed(0);
  process.stdout.write(
    `translated: ${sequences} ${kind} sequences of ${instructions} instructions, all as interpreted; ` +
      `${translated} instructions were executed by translated code, the harness's included; ${seconds} s\n`,
  );
  return 0;
}

/** Number of forms that differ. */
async function compareVfp(seed: number, count: number): Promise<number> {
  const machine = await vfpMachine();
  let vectors = 0;
  let different = 0;
  for (let round = 0; vectors < count && different === 0; round++) {
    const perForm = Math.min(VFP_ROUND, Math.ceil((count - vectors) / VFP_FORMS.length));
    const result = vfpCompareLive(machine, (seed + round * 0x9e3779b1) | 0, perForm);
    vectors += result.vectors;
    different += result.differences.length;
    for (const difference of result.differences) process.stdout.write(difference + "\n");
  }
  process.stdout.write(`vfp: ${vectors} vectors, ${different} forms differ\n`);
  return different;
}

async function main(): Promise<number> {
  let options;
  try {
    options = parseArgs({
      options: {
        count: { type: "string", default: "1000000" },
        seed: { type: "string", default: "1" },
        translate: { type: "string" },
        only: { type: "string" },
        record: { type: "boolean", default: false },
        check: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    process.stderr.write(`oracle: ${(error as Error).message}\n${HELP}`);
    return 64;
  }
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (options.only !== undefined && options.only !== "core" && options.only !== "neon") {
    process.stderr.write(`oracle: --only wants core or neon, not "${options.only}"\n`);
    return 64;
  }
  const kinds: SequenceKind[] = options.only === undefined ? ["core", "neon"] : [options.only];
  const count = positive(options.count, "--count");
  const seed = positive(options.seed, "--seed");
  if (options.translate !== undefined) {
    const instructions = positive(options.translate, "--translate");
    return kinds.every((kind) => compareTranslations(seed, instructions, kind) === 0) ? 0 : 1;
  }
  const version = qemuArmVersion();
  if (!version) throw new OracleError("ORACLE_ABSENT", "qemu-arm is not installed: apt install qemu-user");
  if (options.record) {
    record(version);
    for (const name of ARCHITECTURE_GUESTS) recordOutput(name);
    return 0;
  }
  if (options.check) return check(version) === 0 ? 0 : 1;
  let different = 0;
  for (const kind of kinds) different += compareSequences(seed, count, kind);
  if (kinds.includes("neon")) different += compareUndefined(seed, Math.min(count, UNDEFINED_WORDS_MAX));
  if (kinds.includes("core")) different += compareSystem(seed, count) + (await compareVfp(seed, count));
  return different === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof OracleError)) throw error;
  process.stderr.write(`oracle: ${error.message}\n`);
  process.exitCode = 2;
}
