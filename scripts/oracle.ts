// npm run oracle: compares the machine's instructions with qemu-arm -cpu cortex-a7, for as long as one likes.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { OracleError, qemuArmVersion } from "../test/isa/qemu-arm.js";
import { vfpMachine } from "../test/isa/vfp-machine.js";
import { VFP_RECORD, vfpCompareLive, vfpRecord, type VfpRecord } from "../test/isa/vfp-recorded.js";
import { VFP_FORMS } from "../test/isa/vfp-vectors.js";

const HELP = `npm run oracle -- [options]

Compares random instructions on the machine and on qemu-arm (Debian package qemu-user) as a Cortex-A7.

  --count N   instructions to compare (default 1000000)
  --seed S    seed of the random choice (default 1); the same seed makes the same run
  --record    write what the oracle says about the fixed sample to test/isa/recorded (npm test compares with it)
  --check     compare that record with the live oracle
  --help      this text

Exit code: 0 all equal, 1 a difference, 2 the oracle is absent or failed, 64 bad arguments.
`;

const RECORD_SEED = 20261122;
const VFP_RECORD_COUNT = 250;
const VFP_ROUND = 2000;

function positive(text: string, option: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  process.stderr.write(`oracle: ${option} wants a positive whole number, not "${text}"\n`);
  process.exit(64);
}

function record(version: string): void {
  writeFileSync(VFP_RECORD, JSON.stringify(vfpRecord(version, RECORD_SEED, VFP_RECORD_COUNT), null, 1) + "\n");
  process.stdout.write("recorded test/isa/recorded/vfp.json\n");
}

/** Number of records that the live oracle contradicts. */
function check(version: string): number {
  const old = JSON.parse(readFileSync(VFP_RECORD, "utf8")) as VfpRecord;
  const live = vfpRecord(version, old.seed, old.count);
  const names = Object.keys(live.hashes).filter((name) => live.hashes[name] !== old.hashes[name]);
  for (const name of names) process.stdout.write(`vfp: ${name}: recorded from ${old.oracle}, ${version} differs\n`);
  return names.length;
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
  const count = positive(options.count, "--count");
  const seed = positive(options.seed, "--seed");
  const version = qemuArmVersion();
  if (!version) throw new OracleError("ORACLE_ABSENT", "qemu-arm is not installed: apt install qemu-user");
  if (options.record) {
    record(version);
    return 0;
  }
  if (options.check) return check(version) === 0 ? 0 : 1;
  return (await compareVfp(seed, count)) === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof OracleError)) throw error;
  process.stderr.write(`oracle: ${error.message}\n`);
  process.exitCode = 2;
}
