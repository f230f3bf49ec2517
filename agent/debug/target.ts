// What a debugger can do to a machine, whoever carries it out. Numbers of registers are those of description.ts.

/** Signals as GDB numbers them. */
export const SIGNAL_INTERRUPT = 2;
export const SIGNAL_TRAP = 5;

/** Guest memory that is watched, by its virtual address. A write is a store, whether it changes anything or not. */
export interface Watchpoint {
  kind: "write" | "read" | "access";
  address: number;
  bytes: number;
}

export interface DebugTarget {
  /** Stops the guest; onStopped tells when it stands. Nothing happens when it does. */
  halt(): void;
  /** Lets the guest run until a breakpoint, or for one instruction. */
  resume(step: boolean): void;
  /** All registers, end to end in the order of description.ts. */
  registers(): Promise<Uint8Array>;
  /** Writes bytes of the register file, from `offset` on. */
  setRegisters(offset: number, bytes: Uint8Array): Promise<void>;
  /** Guest memory at a virtual address, as the CPU's present state maps it; shorter where it ends, empty where there is none. */
  memory(address: number, length: number): Promise<Uint8Array>;
  /** Writes guest memory; false when not all of it is RAM, and then nothing was written. */
  setMemory(address: number, bytes: Uint8Array): Promise<boolean>;
  /** These virtual addresses and no others are breakpoints. */
  breakpoints(addresses: number[]): Promise<void>;
  /** These places and no others are watched: the guest stops before an instruction that accesses one. */
  watchpoints(points: Watchpoint[]): Promise<void>;
  /** Ends the guest. */
  kill(): void;
  /** Called with a signal whenever the guest came to a halt; with what it was about to access, if that is why. */
  onStopped: ((signal: number, watched: Watchpoint | null) => void) | null;
}
