// What a governed partition runs first is what the fleet was told of, or is not loaded: its kernel, or its firmware.

import { createHash } from "node:crypto";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { define, type Definer } from "../../../../../agent/host/monitor/definition.js";
import type { PartitionPlan } from "../../../../../agent/host/monitor/handset.js";
import { parseHandsetFile } from "../../../../../agent/handset/file.js";
import { temporaryFile } from "../../../../support/temporary.js";

const definitions = suite("agent/host/monitor/definition");
const BYTES = Buffer.alloc(64, 7);
const SHA256 = createHash("sha256").update(BYTES).digest("hex");
type Image = PartitionPlan["image"];

/** What the handset is asked to add for a partition of this kind. */
async function added(kind: "work" | "personal", part: Partial<Image>): Promise<PartitionPlan> {
  const text = `handset: small\npartitions:\n  - { name: one, kind: ${kind}, kernel: k, memory: 1M, cpu: { budget: 30ms, period: 100ms } }\n`;
  const file = parseHandsetFile(text, "small.yaml");
  const plans: PartitionPlan[] = [];
  const definer = {
    file,
    handset: { add: (plan: PartitionPlan) => plans.push(plan), memoryOf: () => ({ ramBytes: 0, overheadBytes: 0 }) },
    members: { add: () => undefined },
    disks: { diskOf: () => null },
    management: { plan: () => null, limitsOf: () => null, defined: () => undefined },
  } as unknown as Definer;
  const image: Image = {
    ...{
      ramBytes: 1 << 20,
      kernel: null,
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk: null,
    },
    ...{ overhead: "small", ...part },
  };
  await define(definer, file.partitions[0]!, image);
  return plans[0]!;
}

const source = (): { path: string; sha256: null } => ({ path: temporaryFile(BYTES), sha256: null });

definitions("a governed partition's kernel, or else its firmware, has the hash that the fleet is told", async () => {
  const kernel = await added("work", { kernel: { ...source(), offset: null, bssBytes: 0 } });
  assert.is(kernel.imageHash!(), SHA256);
  assert.is(kernel.image.kernel!.sha256, SHA256);
  const firmware = await added("work", { firmware: source() });
  assert.is(firmware.imageHash!(), SHA256);
  assert.is(firmware.image.firmware!.sha256, SHA256);
});

definitions("a personal partition's owner changes its files at will", async () => {
  const { image } = await added("personal", { firmware: source() });
  assert.is(image.firmware!.sha256, null);
});

definitions.run();
