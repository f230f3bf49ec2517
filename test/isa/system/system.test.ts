// Random privileged sequences against recorded results of qemu-system-arm -M virt (Cortex-A7): every mode's registers, SPSRs,
// exceptions with their return addresses and fault status, exception returns, SRS and RFE, user registers from other modes,
// domains, permissions, alignment, the VFP's enable. ARM DDI 0406C chapters B1, B3, B9.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { systemBatch } from "./system-sequences.js";
import { systemTwinsRun } from "./system-twins.js";
import { systemCompareRecord, SYSTEM_LONG_RECORD, SYSTEM_RECORD, type SystemRecord } from "./system-recorded.js";

const system = suite("isa system");
const [record, long] = [SYSTEM_RECORD, SYSTEM_LONG_RECORD].map(
  (url) => JSON.parse(readFileSync(url, "utf8")) as SystemRecord,
) as [SystemRecord, SystemRecord];
const HOW = "sequences that differ from the oracle: npm run oracle shows how";

system("whole blocks: every sequence ends as on the oracle, its exceptions included", () => {
  assert.equal(systemCompareRecord(record, 50_000_000), [], HOW);
});

system("single steps and slices of 97 instructions give the same states", () => {
  assert.equal(systemCompareRecord(record, 1), [], HOW);
  assert.equal(systemCompareRecord(record, 97), [], HOW);
});

system("translated, the second time: every state of the interpreter, after slices that end anywhere", () => {
  const share = systemTwinsRun(systemBatch(record.seed, 0, 150).program(false), [997, 97, 7]);
  assert.ok(share > 0.2, `translated code executed a share of ${share}`);
});

system("long descriptors: the same in whole blocks, single steps and slices of 97 instructions (B3.6)", () => {
  for (const fuel of [50_000_000, 1, 97]) assert.equal(systemCompareRecord(long, fuel), [], HOW);
});

system("long descriptors in two regions, translated: every state of the interpreter", () => {
  const share = systemTwinsRun(systemBatch(record.seed, 0, 100, "long-split").program(false), [997, 97]);
  assert.ok(share > 0.2, `translated code executed a share of ${share}`);
});

system.run();
