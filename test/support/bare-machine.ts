// A machine with no guest, and a clock that the test turns: the real machine.wasm, reached through the exports that the
// hypervisor uses. Tests of devices play the guest's CPU (read32, write32) and the host (console, disk, entropy) in turn.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Translator } from "../../agent/host/machine/translator.js";
import * as abi from "../../kernel/abi/layout.js";
import { INIT_OK, RUN_FUEL } from "../../kernel/abi/reasons.js";

const WASM = fileURLToPath(new URL("../../build/machine.wasm", import.meta.url));
const COUNTER_HZ = 24e6;
let compiled: WebAssembly.Module | undefined;

function machineModule(): WebAssembly.Module {
  if (!existsSync(WASM)) throw new Error(`${WASM} is missing: run "npm run build" before the tests`);
  return (compiled ??= new WebAssembly.Module(readFileSync(WASM)));
}

interface MachineExports {
  machineInit(): number;
  machineReset(): void;
  machineTick(): void;
  debugStep(): number;
  debugAddress(address: number): number;
  machineDeadline(): number;
  run(fuel: number): number;
  physicalRead(address: number, size: number): number;
  physicalWrite(address: number, value: number, size: number): void;
  physicalFaulted(): number;
  powerKeyPress(): number;
  blockComplete(index: number, status: number): void;
  machineSettle(): void;
  runExecuted(): number;
  runWork(): number;
}

/** What a test may choose. Everything has a small default: 1 MiB of RAM and every device, in realtime mode. */
export interface BareMachineOptions {
  hostSeconds?: number;
  ramBytes?: number;
  romBytes?: number;
  /** Bytes behind the second bank of flash. */
  bank1Bytes?: number;
  /** fw_cfg's table and files. */
  fwCfg?: Uint8Array;
  legacy?: boolean;
  mode?: number;
  /** DEVICE_* bits. */
  devices?: number;
  diskSectors?: bigint;
  diskFlags?: number;
  diskSerial?: string;
  consolePorts?: number;
  /** Bytes for the translator; none: off. */
  translateBytes?: number;
  /** False: translated modules have none of WebAssembly's vectors, as on an engine without them. */
  vectors?: boolean;
  blockCacheBytes?: number;
  /** Bytes of both network rings; none: no network card. */
  networkBytes?: number;
}

/** A frame in a network ring. */
export interface RingFrame {
  header: Uint8Array;
  frame: Uint8Array;
}

/** A block request as the host sees it in the table. */
export interface BlockRequest {
  index: number;
  state: number;
  operation: number;
  sector: bigint;
  sectorCount: number;
  segments: { offset: number; length: number }[];
}

const ALL_DEVICES =
  abi.DEVICE_BLOCK | abi.DEVICE_CONSOLE | abi.DEVICE_ENTROPY | abi.DEVICE_BALLOON | abi.DEVICE_WATCHDOG;

export class BareMachine {
  readonly memory: WebAssembly.Memory;
  readonly exports: MachineExports;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly ramBytes: number;
  readonly translator: Translator | null;
  /** The monotonic clock, nanoseconds. Not zero at the start: a machine must not take an origin of 0 for "now". */
  private nanoseconds = 5e9;
  private pausedAt: number | undefined;
  private codeEnd = abi.RAM_BASE;

  constructor(options: BareMachineOptions = {}) {
    this.ramBytes = options.ramBytes ?? 1 << 20;
    const romBytes = options.romBytes ?? 0;
    const bank1Bytes = options.bank1Bytes ?? 0;
    const fwCfgBytes = Math.ceil((options.fwCfg?.length ?? 0) / abi.WASM_PAGE) * abi.WASM_PAGE;
    const firmwareBytes = romBytes + bank1Bytes + fwCfgBytes;
    const cacheBytes = options.blockCacheBytes ?? 0x10000;
    const translateBytes = options.translateBytes ?? 0;
    const networkBytes = options.networkBytes ?? 0;
    const caches = Math.ceil((1.125 * cacheBytes + translateBytes) / abi.WASM_PAGE);
    const pages =
      16 +
      networkBytes / abi.WASM_PAGE +
      caches +
      ((this.ramBytes + firmwareBytes) >>> 16) +
      Math.ceil(abi.STATIC_END / abi.WASM_PAGE);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.view = new DataView(this.memory.buffer);
    this.bytes = new Uint8Array(this.memory.buffer);
    const imports = { env: { memory: this.memory }, host: { now: () => this.nanoseconds } };
    const { exports } = new WebAssembly.Instance(machineModule(), imports);
    this.exports = exports as unknown as MachineExports;
    this.translator =
      translateBytes > 0 ? new Translator(exports, this.memory, () => this.nanoseconds, options.vectors ?? true) : null;

    this.store32(abi.CONFIG_ABI_VERSION, abi.ABI_VERSION);
    this.store32(abi.CONFIG_MODE, options.mode ?? abi.MODE_REALTIME);
    this.store32(abi.CONFIG_RAM_BYTES, this.ramBytes);
    this.store32(abi.CONFIG_ROM_BYTES, romBytes);
    this.store32(abi.CONFIG_BANK1_BYTES, bank1Bytes);
    this.store32(abi.CONFIG_FW_CFG_BYTES, fwCfgBytes);
    this.store32(abi.CONFIG_VIRTIO, options.legacy === true ? abi.VIRTIO_LEGACY : abi.VIRTIO_MODERN);
    this.store32(abi.CONFIG_TLB_ENTRIES, 16);
    this.store32(abi.CONFIG_TLB_CONTEXTS, 4);
    this.store32(abi.CONFIG_BLOCK_CACHE_BYTES, cacheBytes);
    this.store32(abi.CONFIG_TRANSLATE_BYTES, translateBytes);
    this.store32(abi.CONFIG_TRANSLATE_CODE_BYTES, 64 << 20);
    this.store32(abi.CONFIG_DEVICES, (options.devices ?? ALL_DEVICES) | (networkBytes > 0 ? abi.DEVICE_NETWORK : 0));
    this.store32(abi.CONFIG_NETWORK_BYTES, networkBytes);
    this.store32(abi.CONFIG_NETWORK_MTU, 1500);
    this.store32(abi.CONFIG_NETWORK_LINK, networkBytes > 0 ? 1 : 0);
    if (networkBytes > 0) this.bytes.set([0x52, 0x54, 0, 1, 2, 3], abi.CONFIG_NETWORK_MAC);
    this.view.setBigUint64(abi.CONFIG_DISK_SECTORS_LOW, options.diskSectors ?? 2048n, true);
    this.store32(abi.CONFIG_DISK_FLAGS, abi.DISK_PRESENT | (options.diskFlags ?? 0));
    this.bytes.set(new TextEncoder().encode(options.diskSerial ?? "bare-disk").subarray(0, 20), abi.CONFIG_DISK_SERIAL);
    this.store32(abi.CONFIG_ENTRY, abi.RAM_BASE);
    this.store32(abi.CONFIG_CONSOLE_PORTS, options.consolePorts ?? 2);
    this.store32(abi.CLOCK_STATE + 24, options.hostSeconds ?? 0);
    const refusal = this.exports.machineInit();
    if (refusal !== INIT_OK) throw new Error(`machineInit() refused with ${refusal}: see INIT_* in kernel/abi/reasons`);
    if (options.fwCfg) this.bytes.set(options.fwCfg, this.load32(abi.CONFIG_FW_CFG_OFFSET));
  }

  // ---- The guest's side -------------------------------------------------------------------------------------------

  read8(address: number): number {
    return this.exports.physicalRead(address, 1) >>> 0;
  }
  read16(address: number): number {
    return this.exports.physicalRead(address, 2) >>> 0;
  }
  read32(address: number): number {
    return this.exports.physicalRead(address, 4) >>> 0;
  }
  write8(address: number, value: number): void {
    this.exports.physicalWrite(address, value, 1);
  }
  write16(address: number, value: number): void {
    this.exports.physicalWrite(address, value, 2);
  }
  write32(address: number, value: number): void {
    this.exports.physicalWrite(address, value, 4);
  }
  /** Whether the last access found no device. */
  get faulted(): boolean {
    return this.exports.physicalFaulted() === 1;
  }
  /** The GIC's signal to the CPU. */
  get irqLine(): boolean {
    return this.load32(abi.IRQ_LINE) === 1;
  }
  /** A copy of guest RAM. */
  readRam(address: number, length: number): Uint8Array {
    return this.bytes.slice(this.ramOffset(address), this.ramOffset(address) + length);
  }
  writeRam(address: number, data: Uint8Array): void {
    this.bytes.set(data, this.ramOffset(address));
  }
  /** Where a guest physical RAM address lies in linear memory. */
  ramOffset(address: number): number {
    return this.load32(abi.CONFIG_RAM_OFFSET) + (address - abi.RAM_BASE);
  }

  /** Runs A32 instructions (supervisor mode, MMU off) and returns r0. The code of one machine lies end to end from the start of RAM,
   *  and the CPU waits at its end for more. */
  execute(code: readonly number[]): number {
    const result = abi.RAM_BASE + 0x8000;
    const tail = [0xe59f1004, 0xe5810000, 0xeafffffe, result]; // ldr r1, [pc, #4]; str r0, [r1]; b .; the address
    [...code, ...tail].forEach((word, n) => this.write32(this.codeEnd + n * 4, word));
    this.codeEnd += (code.length + 2) * 4;
    this.runInstructions(code.length + 2);
    return this.read32(result);
  }

  /** Instructions executed since the machine was made. */
  get instructions(): bigint {
    return this.view.getBigUint64(abi.CLOCK_STATE, true);
  }
  /** Units of device work that were paid for. */
  get work(): bigint {
    return this.view.getBigUint64(abi.CLOCK_WORK, true);
  }

  /** Executes `count` instructions, however much device work they take, and pays for that of all but the last. Returns what run() came
   *  back for: RUN_FUEL, or sooner. */
  runInstructions(count: number): number {
    const goal = this.instructions + BigInt(count);
    for (;;) {
      const reason = this.exports.run(Number(goal - this.instructions));
      if (reason !== RUN_FUEL || this.instructions === goal) return reason;
    }
  }

  // ---- Time -------------------------------------------------------------------------------------------------------

  /** Lets time pass, in counter ticks (24 MHz), without a look at the devices. */
  advance(ticks: number): void {
    this.nanoseconds += (ticks * 1e9) / COUNTER_HZ;
  }
  /** Wall-clock seconds. Setting them forward lets that time pass; backward sets the host's clock back. */
  get hostSeconds(): number {
    return this.load32(abi.CLOCK_STATE + 24) + Math.floor((this.nanoseconds - this.origin) / 1e9);
  }
  set hostSeconds(seconds: number) {
    const delta = seconds - this.hostSeconds;
    if (delta > 0) this.nanoseconds += delta * 1e9;
    else this.store32(abi.CLOCK_STATE + 24, this.load32(abi.CLOCK_STATE + 24) + delta);
  }
  private get origin(): number {
    return this.view.getFloat64(abi.CLOCK_STATE + 16, true);
  }
  /** Nothing looks at the partition until resume(). */
  pause(): void {
    this.pausedAt = this.nanoseconds;
  }
  resume(): void {
    if (this.pausedAt === undefined) throw new Error("resume() without pause()");
    this.pausedAt = undefined;
    this.tick();
  }
  tick(): void {
    if (this.pausedAt !== undefined) throw new Error("a paused machine is not looked at: resume() it");
    this.exports.machineTick();
    this.exports.machineSettle();
  }
  /** Ticks to the next timer event, -1 for none. */
  get deadline(): number {
    return this.exports.machineDeadline();
  }
  reset(): void {
    this.codeEnd = abi.RAM_BASE;
    this.exports.machineReset();
  }

  // ---- The host's side --------------------------------------------------------------------------------------------

  load32(offset: number): number {
    return this.view.getUint32(offset, true);
  }
  store32(offset: number, value: number): void {
    this.view.setUint32(offset, value >>> 0, true);
  }
  /** The pending exit reason, cleared by the look, as by the return of run(). */
  takeExit(): number {
    const reason = this.load32(abi.EXIT_REQUEST);
    this.store32(abi.EXIT_REQUEST, 0);
    return reason;
  }

  /** Presses the power key; false when the guest does not listen. */
  pressPowerKey(): boolean {
    return this.exports.powerKeyPress() === 1;
  }

  /** Puts text into a console port's input ring and looks. */
  consoleInput(port: number, text: string): void {
    const index = abi.CONSOLE_INPUT_INDEX + port * 8;
    for (const byte of new TextEncoder().encode(text)) {
      const head = this.load32(index);
      if ((head - this.load32(index + 4)) >>> 0 >= abi.CONSOLE_INPUT_BYTES) throw new Error("the input ring is full");
      this.bytes[abi.CONSOLE_INPUT + port * abi.CONSOLE_INPUT_BYTES + (head % abi.CONSOLE_INPUT_BYTES)] = byte;
      this.store32(index, head + 1);
    }
    this.tick();
  }
  /** Bytes in a console port's input ring. */
  consoleInputCount(port: number): number {
    const index = abi.CONSOLE_INPUT_INDEX + port * 8;
    return (this.load32(index) - this.load32(index + 4)) >>> 0;
  }
  /** Drains a console port's output ring, without a look. */
  consoleOutput(port: number): string {
    const index = abi.CONSOLE_OUTPUT_INDEX + port * 8;
    const out: number[] = [];
    let tail = this.load32(index + 4);
    for (const head = this.load32(index); tail !== head; tail = (tail + 1) >>> 0) {
      out.push(this.bytes[abi.CONSOLE_OUTPUT + port * abi.CONSOLE_OUTPUT_BYTES + (tail % abi.CONSOLE_OUTPUT_BYTES)]!);
    }
    this.store32(index + 4, tail);
    return new TextDecoder("latin1").decode(Uint8Array.from(out));
  }

  /** Puts random bytes into the entropy pool and looks. */
  fillEntropy(bytes: Uint8Array): void {
    const count = this.load32(abi.ENTROPY_POOL);
    this.bytes.set(bytes, abi.ENTROPY_POOL + 4 + count);
    this.store32(abi.ENTROPY_POOL, count + bytes.length);
    this.tick();
  }
  get entropyCount(): number {
    return this.load32(abi.ENTROPY_POOL);
  }

  /** The frames that the guest has sent, taken out of the ring, without a look. */
  networkSent(): RingFrame[] {
    const ring = this.load32(abi.CONFIG_NETWORK_OFFSET);
    const size = this.load32(abi.CONFIG_NETWORK_BYTES) / 2;
    const frames: RingFrame[] = [];
    let tail = this.load32(abi.NETWORK_SENT_TAIL);
    for (const head = this.load32(abi.NETWORK_SENT_HEAD); tail !== head;) {
      const at = ring + (tail % size);
      const length = this.load32(at);
      if (length === abi.NETWORK_SKIP) {
        tail = (tail + size - (tail % size)) >>> 0;
        continue;
      }
      const from = at + abi.NETWORK_HEADER_BYTES;
      frames.push({ header: this.bytes.slice(at + 4, from), frame: this.bytes.slice(from, from + length) });
      tail = (tail + ((abi.NETWORK_HEADER_BYTES + length + 15) & ~15)) >>> 0;
    }
    this.store32(abi.NETWORK_SENT_TAIL, tail);
    return frames;
  }

  /** Puts a frame into the ring for the guest and looks. False when it does not fit. */
  networkBring(frame: Uint8Array, header: Uint8Array = new Uint8Array(12)): boolean {
    const size = this.load32(abi.CONFIG_NETWORK_BYTES) / 2;
    const ring = this.load32(abi.CONFIG_NETWORK_OFFSET) + size;
    let head = this.load32(abi.NETWORK_RECEIVED_HEAD);
    const tail = this.load32(abi.NETWORK_RECEIVED_TAIL);
    const record = (abi.NETWORK_HEADER_BYTES + frame.length + 15) & ~15;
    const rest = size - (head % size);
    const skip = record > rest ? rest : 0;
    if (((head - tail) >>> 0) + skip + record > size) return false;
    if (skip > 0) this.store32(ring + (head % size), abi.NETWORK_SKIP);
    head = (head + skip) >>> 0;
    const at = ring + (head % size);
    this.store32(at, frame.length);
    this.bytes.set(header, at + 4);
    this.bytes.set(frame, at + abi.NETWORK_HEADER_BYTES);
    this.store32(abi.NETWORK_RECEIVED_HEAD, head + record);
    this.tick();
    return true;
  }

  /** The block requests that are not free. */
  blockRequests(): BlockRequest[] {
    const requests: BlockRequest[] = [];
    for (let index = 0; index < abi.BLOCK_REQUEST_COUNT; index++) {
      const at = abi.BLOCK_REQUESTS + index * abi.BLOCK_REQUEST_BYTES;
      const state = this.load32(at + abi.BLOCK_REQUEST_STATE);
      if (state === abi.BLOCK_FREE) continue;
      const segments = Array.from({ length: this.load32(at + abi.BLOCK_REQUEST_SEGMENT_COUNT) }, (_, n) => ({
        offset: this.load32(at + abi.BLOCK_REQUEST_SEGMENTS + n * 8),
        length: this.load32(at + abi.BLOCK_REQUEST_SEGMENTS + n * 8 + 4),
      }));
      requests.push({
        index,
        state,
        operation: this.load32(at + abi.BLOCK_REQUEST_OPERATION),
        sector: this.view.getBigUint64(at + abi.BLOCK_REQUEST_SECTOR_LOW, true),
        sectorCount: this.load32(at + abi.BLOCK_REQUEST_SECTOR_COUNT),
        segments,
      });
    }
    return requests;
  }
  /** The host takes a request: its memory is in use until blockComplete(). */
  blockTake(index: number): void {
    this.store32(abi.BLOCK_REQUESTS + index * abi.BLOCK_REQUEST_BYTES, abi.BLOCK_TAKEN);
  }
  blockState(index: number): number {
    return this.load32(abi.BLOCK_REQUESTS + index * abi.BLOCK_REQUEST_BYTES);
  }
  blockComplete(index: number, status: number): void {
    this.exports.blockComplete(index, status);
    this.exports.machineSettle();
  }
}

export function bareMachine(options: BareMachineOptions = {}): BareMachine {
  return new BareMachine(options);
}
