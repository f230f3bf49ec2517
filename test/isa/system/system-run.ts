// Runs system programs: on the bare machine, and on qemu-system-arm -M virt with a Cortex-A7.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONFIG_ENTRY, CONFIG_ROM_OFFSET, MODE_DETERMINISTIC, RAM_BASE } from "../../../kernel/abi/layout.js";
import { RUN_FUEL, RUN_POWER_OFF } from "../../../kernel/abi/reasons.js";
import { bareMachine } from "../../support/bare-machine.js";
import { QEMU, virtArguments } from "../../support/qemu-virt.js";
import { MachineRunError } from "../machine-runner.js";
import { OracleError } from "../qemu-arm.js";
import { SYSTEM_BASE, systemFirmware, type SystemProgram } from "./system-program.js";

/** Final states on the machine. `fuel` is the length of each slice. */
export function systemMachineRun(program: SystemProgram, fuel: number, limit = 400_000_000): Uint8Array {
  const ramBytes = (SYSTEM_BASE - RAM_BASE + program.memoryBytes + 0x1ffff) & ~0xffff;
  const machine = bareMachine({ ramBytes, romBytes: 0x10000, mode: MODE_DETERMINISTIC });
  machine.bytes.set(systemFirmware(), machine.load32(CONFIG_ROM_OFFSET));
  machine.writeRam(SYSTEM_BASE, program.image);
  machine.store32(CONFIG_ENTRY, 0);
  machine.reset();
  for (let left = limit; ; left -= fuel) {
    const reason = machine.exports.run(fuel);
    if (reason === RUN_POWER_OFF) return machine.readRam(SYSTEM_BASE + program.resultsAt, program.resultBytes);
    if (reason !== RUN_FUEL) throw new MachineRunError("MACHINE_EXIT", `run() returned ${reason}`);
    if (left <= 0) throw new MachineRunError("MACHINE_STUCK", `the program has not ended after ${limit} instructions`);
  }
}

/** QEMU's version line, or undefined when qemu-system-arm is not installed. */
export function qemuSystemVersion(): string | undefined {
  const result = spawnSync(QEMU, ["--version"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.split("\n")[0] : undefined;
}

/** Final states on the oracle. The program must have been built with semihosting. */
export function systemOracleRun(program: SystemProgram, timeoutMs = 60_000): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-oracle-"));
  try {
    writeFileSync(join(folder, "firmware"), systemFirmware(), { mode: 0o600 });
    writeFileSync(join(folder, "image"), program.image, { mode: 0o600 });
    const options = virtArguments("cortex-a7", 128, "none");
    options.push("-semihosting-config", "enable=on,target=native", "-bios", join(folder, "firmware"));
    options.push("-device", `loader,file=${join(folder, "image")},addr=0x${SYSTEM_BASE.toString(16)},force-raw=on`);
    const result = spawnSync(QEMU, options, { maxBuffer: 1 << 30, timeout: timeoutMs });
    if (result.error && (result.error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new OracleError("ORACLE_ABSENT", "qemu-system-arm is not installed: apt install qemu-system-arm");
    }
    if (result.status !== 0 || result.stdout.length !== program.resultBytes) {
      const how = `${result.signal ?? `status ${result.status}`}, ${result.stdout.length} of ${program.resultBytes} bytes`;
      throw new OracleError(
        "ORACLE_FAILED",
        `qemu-system-arm ended with ${how}: ${result.stderr.toString().slice(0, 400)}`,
      );
    }
    return new Uint8Array(result.stdout);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
