// machine.wasm with a few instructions of guest code, as a partition of the hypervisor.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as abi from "../../kernel/abi/layout.js";
import { INIT_OK } from "../../kernel/abi/reasons.js";
import type { GuestMachine } from "./table-module.js";

const WASM = fileURLToPath(new URL("../../build/machine.wasm", import.meta.url));
let compiled: WebAssembly.Module | undefined;

interface Exports extends Required<GuestMachine> {
  machineInit(): number;
  machineTick(): void;
  channelAnswer(status: number, value: number): void;
  channelRaise(port: number): void;
}

export interface MachinePartitionOptions {
  ramBytes?: number;
  mode?: number;
  devices?: number;
  now?: () => number;
}

export class MachinePartition implements GuestMachine {
  readonly memory: WebAssembly.Memory;
  readonly view: DataView;
  readonly exports: Exports;

  /** `code` is A32 words, or a flat binary, for the start of RAM. */
  constructor(code: readonly number[] | Uint8Array, options: MachinePartitionOptions = {}) {
    const ramBytes = options.ramBytes ?? 1 << 16;
    const pages = ramBytes / abi.WASM_PAGE + 8;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.view = new DataView(this.memory.buffer);
    compiled ??= new WebAssembly.Module(readFileSync(WASM));
    const imports = { env: { memory: this.memory }, host: { now: options.now ?? (() => 0) } };
    this.exports = new WebAssembly.Instance(compiled, imports).exports as unknown as Exports;
    const config: [number, number][] = [
      [abi.CONFIG_ABI_VERSION, abi.ABI_VERSION],
      [abi.CONFIG_MODE, options.mode ?? abi.MODE_SCHEDULED],
      [abi.CONFIG_RAM_BYTES, ramBytes],
      [abi.CONFIG_TLB_ENTRIES, 16],
      [abi.CONFIG_TLB_CONTEXTS, 4],
      [abi.CONFIG_BLOCK_CACHE_BYTES, 0x10000],
      [abi.CONFIG_DEVICES, options.devices ?? 0],
      [abi.CONFIG_ENTRY, abi.RAM_BASE],
    ];
    for (const [at, value] of config) this.view.setUint32(at, value, true);
    const refusal = this.exports.machineInit();
    if (refusal !== INIT_OK) throw new Error(`machineInit() refused with ${refusal}`);
    const bytes = code instanceof Uint8Array ? code : new Uint8Array(Uint32Array.from(code).buffer);
    new Uint8Array(this.memory.buffer).set(bytes, this.offset(abi.RAM_BASE));
  }

  /** Where a guest physical address lies in linear memory. */
  offset(address: number): number {
    return this.view.getUint32(abi.CONFIG_RAM_OFFSET, true) + address - abi.RAM_BASE;
  }
  read32(address: number): number {
    return this.view.getUint32(this.offset(address), true);
  }
  get instructions(): bigint {
    return this.view.getBigUint64(abi.CLOCK_STATE, true);
  }

  run(fuel: number): number {
    return this.exports.run(fuel);
  }
  runExecuted(): number {
    return this.exports.runExecuted();
  }
  runWork(): number {
    return this.exports.runWork();
  }
  machineDeadline(): number {
    return this.exports.machineDeadline();
  }
  machineAdvance(ticks: number): void {
    this.exports.machineAdvance(ticks);
  }
}
