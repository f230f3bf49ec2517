// Flat binaries from assembler sources, with Debian's binutils for ARM.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

export const ASSEMBLER = "arm-linux-gnueabihf-as";

/** Assembles one source and returns its .text as it lies in memory. Throws when the tools refuse. */
export function assembleFlat(source: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-assemble-"));
  try {
    const run = (program: string, ...args: string[]): void => {
      const result = spawnSync(program, args, { encoding: "utf8" });
      if (result.status !== 0) throw new Error(`${program}: ${result.error?.message ?? result.stderr}`);
    };
    run(ASSEMBLER, "-I", dirname(source), "-o", join(folder, "object"), source);
    run("arm-linux-gnueabihf-objcopy", "-O", "binary", "-j", ".text", join(folder, "object"), join(folder, "flat"));
    return readFileSync(join(folder, "flat"));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
