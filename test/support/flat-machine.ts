// A machine with a flat guest in it, in deterministic mode, as `pocketvisor run --kernel FILE` would load it.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { loadImages } from "../../agent/host/machine/load.js";
import { loadPlan, RNG_SEED_BYTES } from "../../agent/host/loader/plan.js";
import { NO_FIRMWARE } from "../../agent/host/loader/firmware.js";
import { Machine } from "../../agent/host/machine/machine.js";
import { CACHE_SIZES } from "../../agent/host/machine/memory.js";
import { CPU_STATE, RAM_BASE } from "../../kernel/abi/layout.js";

const RAM_BYTES = 16 << 20;
const module = new WebAssembly.Module(readFileSync(new URL("../../build/machine.wasm", import.meta.url)));

/** A machine that is about to execute the guest's first instruction. */
export function flatMachine(path: string): Machine {
  const plan = loadPlan({
    ramBytes: RAM_BYTES,
    devices: 0,
    kernel: { path, sha256: null, offset: null, bssBytes: 0 },
    firmware: null,
    initrd: null,
    commandLine: null,
    deviceTree: null,
    rngSeed: new Uint8Array(RNG_SEED_BYTES),
  });
  const machine = new Machine(
    module,
    {
      mode: "deterministic",
      ramBytes: RAM_BYTES,
      firmware: NO_FIRMWARE,
      caches: CACHE_SIZES.small,
      devices: 0,
      disk: null,
      consolePorts: 1,
      entry: plan.entry,
      r0: plan.r0,
      r1: plan.r1,
      r2: plan.r2,
      wallOrigin: 0,
    },
    () => 0,
  );
  loadImages(machine, plan);
  return machine;
}

/** What the PL011 printed since the last time. */
export function flatOutput(machine: Machine): string {
  let text = "";
  for (let chunk = machine.consoleOutput(0, Infinity); chunk.length > 0; chunk = machine.consoleOutput(0, Infinity)) {
    text += Buffer.from(chunk).toString("latin1");
    machine.consoleOutputTaken(0, chunk.length);
  }
  if (text !== "") machine.tick();
  return text;
}

/** Of the registers and all RAM. */
export function flatDigest(machine: Machine): string {
  return createHash("sha256")
    .update(machine.bytes.subarray(CPU_STATE, CPU_STATE + 64))
    .update(machine.guestBytes(RAM_BASE, RAM_BYTES))
    .digest("hex");
}
