// One instance of machine.wasm and its memory: the only file that knows how TypeScript calls a machine.

import {
  ABI_VERSION,
  CLOCK_STATE,
  CLOCK_WORK,
  CONFIG_BANK1_BYTES,
  CONFIG_BANK1_OFFSET,
  CONFIG_ABI_VERSION,
  CONFIG_BLOCK_CACHE_BYTES,
  CONFIG_CONSOLE_PORTS,
  CONFIG_CPU,
  CONFIG_DEVICES,
  CONFIG_DISK_FLAGS,
  CONFIG_DISK_SECTORS_HIGH,
  CONFIG_DISK_SECTORS_LOW,
  CONFIG_DISK_SERIAL,
  CONFIG_ENTRY,
  CONFIG_ENTRY_R0,
  CONFIG_ENTRY_R1,
  CONFIG_ENTRY_R2,
  CONFIG_FW_CFG_BYTES,
  CONFIG_FW_CFG_OFFSET,
  CONFIG_MODE,
  CONFIG_NETWORK_BYTES,
  CONFIG_NETWORK_MAC,
  CONFIG_NETWORK_MTU,
  CONFIG_RAM_BYTES,
  CONFIG_RAM_OFFSET,
  CONFIG_ROM_BYTES,
  CONFIG_ROM_OFFSET,
  CONFIG_TLB_CONTEXTS,
  CONFIG_TLB_ENTRIES,
  CONFIG_TRANSLATE_BYTES,
  CPU_WITHOUT_NEON,
  CONFIG_TRANSLATE_CODE_BYTES,
  CONFIG_VIRTIO,
  CONSOLE_INPUT,
  CONSOLE_INPUT_BYTES,
  CONSOLE_INPUT_INDEX,
  CONSOLE_OUTPUT,
  CONSOLE_OUTPUT_BYTES,
  CONSOLE_OUTPUT_INDEX,
  DEVICE_FLASH,
  DISK_PRESENT,
  DISK_READ_ONLY,
  ENTROPY_POOL,
  ENTROPY_POOL_CAPACITY,
  MODE_DETERMINISTIC,
  MODE_REALTIME,
  MODE_SCHEDULED,
  RAM_BASE,
  ROM_BASE,
  VIRTIO_LEGACY,
  VIRTIO_MODERN,
} from "../../../kernel/abi/layout.ts";
import {
  INIT_ABI_MISMATCH,
  INIT_BAD_CACHE_SIZE,
  INIT_BAD_DEVICES,
  INIT_BAD_MODE,
  INIT_BAD_NETWORK_SIZE,
  INIT_BAD_RAM_SIZE,
  INIT_BAD_ROM_SIZE,
  INIT_BAD_TLB_SIZE,
  INIT_MEMORY_TOO_SMALL,
  INIT_OK,
} from "../../../kernel/abi/reasons.ts";
import { BANK1 } from "../../../kernel/machine/memory-map.ts";
import { HostError } from "../../failure.ts";
import { FW_CFG_FILES, firmwareBytes, type FirmwareConfig } from "../loader/firmware.ts";
import type { EntropySource } from "./entropy.ts";
import { partitionMemory, type CacheSizes } from "./memory.ts";
import { Translator } from "./translator.ts";

export interface MachineConfig {
  /** scheduled: deterministic, with the hypervisor as the owner of time. */
  mode: "realtime" | "deterministic" | "scheduled";
  ramBytes: number;
  firmware: FirmwareConfig;
  caches: CacheSizes;
  /** The processor has no Advanced SIMD. */
  withoutNeon?: boolean;
  /** DEVICE_* bits. */
  devices: number;
  disk: { sectors: number; readOnly: boolean; serial: string } | null;
  /** The network card; its rings are `caches.networkBytes`. */
  network?: { card: Uint8Array; mtu: number } | null;
  /** Ports of the virtio-console. */
  consolePorts: number;
  entry: number;
  r0: number;
  r1: number;
  r2: number;
  /** Seconds since 1970 when the counter was zero. */
  wallOrigin: number;
}

/** What the hypervisor calls through its table. */
export interface MachineEntries {
  run(fuel: number): number;
  /** Units that the last run() used: instructions and device work. */
  runExecuted(): number;
  /** The part of them that was device work. */
  runWork(): number;
  machineDeadline(): number;
  machineAdvance(ticks: number): void;
}

interface MachineExports extends MachineEntries {
  machineInit(): number;
  machineReset(): void;
  machineTick(): void;
  machineSettle(): void;
  blockComplete(index: number, status: number): void;
  channelAnswer(status: number, value: number): void;
  channelRaise(port: number): void;
  powerKeyPress(): number;
  debugBreakpoints(): void;
  debugPass(address: number): void;
  debugStep(): number;
  debugAddress(address: number): number;
  debugWritten(at: number, length: number): void;
  debugStatus(): number;
  debugSetStatus(value: number): void;
}

/** What a debugger calls, between two slices. */
export type DebugEntries = Pick<
  MachineExports,
  "debugBreakpoints" | "debugPass" | "debugStep" | "debugAddress" | "debugWritten" | "debugStatus" | "debugSetStatus"
>;

const MODES = { realtime: MODE_REALTIME, deterministic: MODE_DETERMINISTIC, scheduled: MODE_SCHEDULED };
const CLOCK_INSTRUCTIONS = CLOCK_STATE + 0;
const CLOCK_WALL_ORIGIN = CLOCK_STATE + 24;
const DISK_SERIAL_BYTES = 20;

const REFUSALS: Record<number, string> = {
  [INIT_ABI_MISMATCH]: "it was built against another abi version: run npm run build",
  [INIT_BAD_RAM_SIZE]: "bad RAM size",
  [INIT_BAD_ROM_SIZE]: "bad firmware size",
  [INIT_BAD_TLB_SIZE]: "bad TLB size",
  [INIT_BAD_CACHE_SIZE]: "bad block cache size",
  [INIT_MEMORY_TOO_SMALL]: "the linear memory is too small",
  [INIT_BAD_MODE]: "unknown mode",
  [INIT_BAD_DEVICES]: "unknown devices",
  [INIT_BAD_NETWORK_SIZE]: "bad size of the network rings",
};

export class Machine {
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly exports: MachineExports;
  private readonly ownTranslator: Translator | null;
  /** Where in linear memory what has a guest physical address lies. */
  private readonly regions: readonly { base: number; bytes: number; offset: number }[];

  /** Instantiates and initialises a machine. `now` is host monotonic time in nanoseconds.
   *  Throws HostError when the memory cannot be had or the machine refuses its configuration. */
  constructor(module: WebAssembly.Module, config: MachineConfig, now: () => number) {
    const { pages } = partitionMemory(config.ramBytes, firmwareBytes(config.firmware), config.caches);
    try {
      // Growing is slow and makes budgets soft: the maximum is the limit, and it is there from the start.
      this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    } catch (error) {
      throw new HostError("HOST_MEMORY", `no memory for a partition of ${pages / 16} MiB: ${(error as Error).message}`);
    }
    this.bytes = new Uint8Array(this.memory.buffer);
    this.view = new DataView(this.memory.buffer);
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory }, host: { now } });
    this.exports = instance.exports as unknown as MachineExports;
    this.configure(config);
    const refusal = this.exports.machineInit();
    if (refusal !== INIT_OK) {
      throw new HostError(
        "HOST_MACHINE_REFUSED",
        `the machine refused to start: ${REFUSALS[refusal] ?? `reason ${refusal}`}`,
      );
    }
    this.ownTranslator = config.caches.translateBytes > 0 ? new Translator(instance.exports, this.memory, now) : null;
    const { romBytes, bank1Bytes, fwCfgBytes } = config.firmware;
    this.regions = [
      { base: RAM_BASE, bytes: config.ramBytes, offset: this.word(CONFIG_RAM_OFFSET) },
      { base: ROM_BASE, bytes: romBytes, offset: this.word(CONFIG_ROM_OFFSET) },
      { base: BANK1, bytes: bank1Bytes, offset: this.word(CONFIG_BANK1_OFFSET) },
      { base: FW_CFG_FILES, bytes: fwCfgBytes, offset: this.word(CONFIG_FW_CFG_OFFSET) },
    ];
    // Flash that holds nothing is erased.
    const flash = this.word(CONFIG_ROM_OFFSET);
    if (config.devices & DEVICE_FLASH) this.bytes.fill(0xff, flash, flash + romBytes + bank1Bytes);
  }

  private configure(config: MachineConfig): void {
    const words: [at: number, value: number][] = [
      [CONFIG_ABI_VERSION, ABI_VERSION],
      [CONFIG_MODE, MODES[config.mode]],
      [CONFIG_RAM_BYTES, config.ramBytes],
      [CONFIG_ROM_BYTES, config.firmware.romBytes],
      [CONFIG_BANK1_BYTES, config.firmware.bank1Bytes],
      [CONFIG_FW_CFG_BYTES, config.firmware.fwCfgBytes],
      [CONFIG_VIRTIO, config.firmware.virtio === "legacy" ? VIRTIO_LEGACY : VIRTIO_MODERN],
      [CONFIG_TLB_ENTRIES, config.caches.tlbEntries],
      [CONFIG_TLB_CONTEXTS, config.caches.tlbContexts],
      [CONFIG_BLOCK_CACHE_BYTES, config.caches.blockCacheBytes],
      [CONFIG_TRANSLATE_BYTES, config.caches.translateBytes],
      [CONFIG_TRANSLATE_CODE_BYTES, config.caches.translateCodeBytes],
      [CONFIG_DEVICES, config.devices],
      [CONFIG_CPU, config.withoutNeon === true ? CPU_WITHOUT_NEON : 0],
      [CONFIG_ENTRY, config.entry],
      [CONFIG_ENTRY_R0, config.r0],
      [CONFIG_ENTRY_R1, config.r1],
      [CONFIG_ENTRY_R2, config.r2],
      [CONFIG_CONSOLE_PORTS, config.consolePorts],
      [CLOCK_WALL_ORIGIN, config.wallOrigin],
    ];
    for (const [at, value] of words) this.setWord(at, value);
    if (config.network !== undefined && config.network !== null) {
      this.setWord(CONFIG_NETWORK_BYTES, config.caches.networkBytes ?? 0);
      this.setWord(CONFIG_NETWORK_MTU, config.network.mtu);
      this.bytes.set(config.network.card.subarray(0, 6), CONFIG_NETWORK_MAC);
    }
    if (config.disk === null) return;
    this.setWord(CONFIG_DISK_SECTORS_LOW, config.disk.sectors % 2 ** 32);
    this.setWord(CONFIG_DISK_SECTORS_HIGH, Math.floor(config.disk.sectors / 2 ** 32));
    this.setWord(CONFIG_DISK_FLAGS, DISK_PRESENT | (config.disk.readOnly ? DISK_READ_ONLY : 0));
    Buffer.from(config.disk.serial, "latin1").copy(
      this.bytes.subarray(CONFIG_DISK_SERIAL, CONFIG_DISK_SERIAL + DISK_SERIAL_BYTES),
    );
  }

  /** Null while translation is off. */
  get translator(): Translator | null {
    return this.ownTranslator;
  }

  /** From now on at most so many bytes of translated code. When that is less than before, all that there is goes: what is allowed
   *  of it becomes hot again. The guest notices nothing. */
  limitTranslation(codeBytes: number): void {
    if (this.ownTranslator === null) return;
    const before = this.word(CONFIG_TRANSLATE_CODE_BYTES);
    this.setWord(CONFIG_TRANSLATE_CODE_BYTES, codeBytes);
    this.ownTranslator.enabled = codeBytes > 0;
    // As if every byte of code had been written: what was decoded and translated from it is not used again.
    if (codeBytes < before) this.exports.debugWritten(this.word(CONFIG_ROM_OFFSET), this.codeBytes);
  }

  /** Bytes of memory that code may lie in, end to end. */
  private get codeBytes(): number {
    const [ram, rom, bank1] = this.regions;
    return ram!.bytes + rom!.bytes + bank1!.bytes;
  }

  /** The functions that go into the hypervisor's table. */
  get entries(): MachineEntries {
    return this.exports;
  }

  get debug(): DebugEntries {
    return this.exports;
  }

  /** Power-on reset; memory contents stay. */
  reset(): void {
    this.exports.machineReset();
  }

  /** Executes until `fuel` units are used up, instructions and device work; returns RUN_*. A trap inside comes out as an exception. */
  run(fuel: number): number {
    return this.exports.run(fuel);
  }

  /** As run(1), and what the instruction owes is done at no cost to the guest: for a debugger that looks at each. */
  step(): number {
    this.exports.machineSettle();
    const reason = this.exports.run(1);
    this.exports.machineSettle();
    return reason;
  }

  /** Devices look at time, console input and room for output. */
  tick(): void {
    this.exports.machineTick();
  }

  /** Mode "scheduled": the guest's counter moves on to `ticks`. */
  advance(ticks: number): void {
    this.exports.machineAdvance(ticks);
  }

  /** Counter ticks (24 MHz) until a timer can fire; 0 while an interrupt is signalled; -1 when no timer is armed. */
  deadline(): number {
    return this.exports.machineDeadline();
  }

  /** A block request is done; status as in VIRTIO 1.2 §5.2.6 (0 good, 1 error, 2 unsupported). */
  blockComplete(index: number, status: number): void {
    this.exports.blockComplete(index, status);
  }

  /** Answers the guest's question about a channel: a status, or a count of bytes, and a value. */
  channelAnswer(status: number, value: number): void {
    this.exports.channelAnswer(status, value);
  }

  /** Sets a channel port's pending bit: an interrupt to the guest. */
  channelRaise(port: number): void {
    this.exports.channelRaise(port);
  }

  /** Presses the guest's power key. False when the guest does not listen for it: then nothing was done. */
  pressPowerKey(): boolean {
    return this.exports.powerKeyPress() === 1;
  }

  /** Little-endian word of linear memory. */
  word(at: number): number {
    return this.view.getUint32(at, true);
  }

  setWord(at: number, value: number): void {
    this.view.setUint32(at, value >>> 0, true);
  }

  /** u64 of linear memory as a number: exact below 2^53. */
  count(at: number): number {
    return this.word(at) + this.word(at + 4) * 2 ** 32;
  }

  /** Guest instructions since the machine was made. */
  get instructions(): number {
    return this.count(CLOCK_INSTRUCTIONS);
  }

  /** Units of device work that the guest has paid for, beside its instructions. */
  get work(): number {
    return this.count(CLOCK_WORK);
  }

  /** The bytes of RAM, flash or fw_cfg at a guest physical address. Throws HostError when they are not all there. */
  guestBytes(address: number, length: number): Uint8Array {
    for (const { base, bytes, offset } of this.regions) {
      const start = address - base;
      if (start >= 0 && start + length <= bytes) return this.bytes.subarray(offset + start, offset + start + length);
    }
    throw new HostError("HOST_ADDRESS", `guest memory 0x${address.toString(16)} + ${length} bytes is not there`);
  }

  /** Moves bytes into a console port's input ring; returns how many fitted. */
  consoleInput(port: number, source: Uint8Array): number {
    const index = CONSOLE_INPUT_INDEX + port * 8;
    const head = this.word(index);
    const fill = (head - this.word(index + 4)) >>> 0;
    const length = Math.min(source.length, Math.max(0, CONSOLE_INPUT_BYTES - fill));
    const ring = CONSOLE_INPUT + port * CONSOLE_INPUT_BYTES;
    for (let n = 0; n < length; n++) this.bytes[ring + ((head + n) % CONSOLE_INPUT_BYTES)] = source[n]!;
    if (length > 0) this.setWord(index, head + length);
    return length;
  }

  /** Bytes that fit into a port's input ring now. */
  consoleInputRoom(port: number): number {
    const index = CONSOLE_INPUT_INDEX + port * 8;
    return Math.max(0, CONSOLE_INPUT_BYTES - ((this.word(index) - this.word(index + 4)) >>> 0));
  }

  /** Bytes of a port's output that wait for the host. */
  consoleOutputCount(port: number): number {
    const index = CONSOLE_OUTPUT_INDEX + port * 8;
    return Math.min((this.word(index) - this.word(index + 4)) >>> 0, CONSOLE_OUTPUT_BYTES);
  }

  /** The guest's output of a port that waits, at most `limit` bytes, as a view into its ring: empty when there is none. It is
   *  consumed by consoleOutputTaken(). A second view may follow where the ring wraps. */
  consoleOutput(port: number, limit: number): Uint8Array {
    const at = this.word(CONSOLE_OUTPUT_INDEX + port * 8 + 4) % CONSOLE_OUTPUT_BYTES;
    const ring = CONSOLE_OUTPUT + port * CONSOLE_OUTPUT_BYTES;
    const length = Math.min(this.consoleOutputCount(port), limit, CONSOLE_OUTPUT_BYTES - at);
    return this.bytes.subarray(ring + at, ring + at + length);
  }

  consoleOutputTaken(port: number, count: number): void {
    const index = CONSOLE_OUTPUT_INDEX + port * 8;
    this.setWord(index + 4, this.word(index + 4) + count);
  }

  /** Tops the entropy pool up. */
  fillEntropy(source: EntropySource): void {
    const left = Math.min(this.word(ENTROPY_POOL), ENTROPY_POOL_CAPACITY);
    if (left === ENTROPY_POOL_CAPACITY) return;
    source(this.bytes.subarray(ENTROPY_POOL + 4 + left, ENTROPY_POOL + 4 + ENTROPY_POOL_CAPACITY));
    this.setWord(ENTROPY_POOL, ENTROPY_POOL_CAPACITY);
  }
}
