// The oracle: Debian's user-mode QEMU as a Cortex-A7.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The oracle is absent or did not run the program to its end. `code` tells which. */
export class OracleError extends Error {
  constructor(
    readonly code: "ORACLE_ABSENT" | "ORACLE_FAILED",
    message: string,
  ) {
    super(message);
  }
}

/** QEMU's version line, or undefined when qemu-arm is not installed. */
export function qemuArmVersion(): string | undefined {
  const result = spawnSync("qemu-arm", ["--version"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.split("\n")[0] : undefined;
}

/** Runs an ELF file under `qemu-arm -cpu cortex-a7`; returns what it writes to standard output. */
export function qemuArmRun(elf: Uint8Array, timeoutMs = 120_000): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-oracle-"));
  try {
    const file = join(folder, "program");
    writeFileSync(file, elf, { mode: 0o700 });
    const result = spawnSync("qemu-arm", ["-cpu", "cortex-a7", file], { maxBuffer: 1 << 30, timeout: timeoutMs });
    if (result.error && (result.error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new OracleError("ORACLE_ABSENT", "qemu-arm is not installed: apt install qemu-user");
    }
    if (result.status !== 0) {
      const how = result.signal ?? `status ${result.status}`;
      throw new OracleError("ORACLE_FAILED", `qemu-arm ended with ${how}: ${result.stderr.toString().slice(0, 400)}`);
    }
    return new Uint8Array(result.stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
