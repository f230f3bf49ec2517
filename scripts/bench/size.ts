// How large things are: the machine, and what a partition costs beside its RAM.

import { statSync } from "node:fs";
import { join } from "node:path";
import { root } from "../stale.mjs";
import { LOOPS, startOurs } from "./ours.ts";
import { RAM_MIB } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

export async function measureSize(): Promise<Measurement[]> {
  const size = rowStart("machine-size", "bytes", "build/machine.wasm, release", 262_144);
  size.ours.push(statSync(join(root, "build/machine.wasm")).size);
  const rows = [size];
  for (const [kind, target] of [
    ["normal", 4 * 2 ** 20],
    ["small", 2 ** 20],
  ] as const) {
    const overhead = rowStart(
      `overhead-${kind}`,
      "bytes",
      `beside ${RAM_MIB} MiB of guest RAM, --overhead ${kind}`,
      target,
    );
    const { guest, stats } = startOurs(["--kernel", LOOPS, "--memory", `${RAM_MIB}M`, "--overhead", kind]);
    await guest.ended();
    overhead.ours.push(stats()["overheadBytes"]!);
    rows.push(overhead);
  }
  return rows;
}
