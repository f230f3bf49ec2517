// A debugged guest that is a test's: registers and 64 KiB of memory at 0x8000, and a note of what was asked.

import { REGISTER_BYTES } from "../../agent/debug/description.js";
import type { DebugTarget, Watchpoint } from "../../agent/debug/target.js";

export const MEMORY_AT = 0x8000;

export class FakeTarget implements DebugTarget {
  onStopped: DebugTarget["onStopped"] = null;
  readonly asked: string[] = [];
  readonly file = Uint8Array.from({ length: REGISTER_BYTES }, (_, n) => n & 0xff);
  readonly ram = Uint8Array.from({ length: 0x10000 }, (_, n) => (n * 7) & 0xff);
  stops: number[] = [];
  watches: Watchpoint[] = [];

  halt(): void {
    this.asked.push("halt");
  }
  resume(step: boolean): void {
    this.asked.push(step ? "step" : "run");
  }
  registers(): Promise<Uint8Array> {
    return Promise.resolve(this.file.slice());
  }
  setRegisters(offset: number, bytes: Uint8Array): Promise<void> {
    this.file.set(bytes, offset);
    return Promise.resolve();
  }
  memory(address: number, length: number): Promise<Uint8Array> {
    const from = address - MEMORY_AT;
    return Promise.resolve(from < 0 ? new Uint8Array(0) : this.ram.slice(from, from + length));
  }
  setMemory(address: number, bytes: Uint8Array): Promise<boolean> {
    const from = address - MEMORY_AT;
    const fits = from >= 0 && from + bytes.length <= this.ram.length;
    if (fits) this.ram.set(bytes, from);
    return Promise.resolve(fits);
  }
  breakpoints(addresses: number[]): Promise<void> {
    this.stops = addresses;
    return Promise.resolve();
  }
  watchpoints(points: Watchpoint[]): Promise<void> {
    this.watches = points;
    return Promise.resolve();
  }
  kill(): void {
    this.asked.push("kill");
  }
}
