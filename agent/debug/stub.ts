// GDB's remote serial protocol, the part that a stub answers ("Packets", "Stop Reply Packets" there). One CPU is one thread, 1.
//
// All-stop: while the guest runs, the only thing a debugger may say is Ctrl-C. Breakpoints live in the machine, so software (Z0)
// and hardware (Z1) ones are the same here. Watchpoints (Z2 write, Z3 read, Z4 access) stop before the access, as ARM's do.

import { REGISTERS, REGISTER_BYTES, TARGET_XML } from "./description.ts";
import { PACKET_BYTES_MAX } from "./packet.ts";
import { SIGNAL_TRAP, type DebugTarget, type Watchpoint } from "./target.ts";

/** As many as the machine takes (kernel/abi/layout.ts, BREAKPOINT_MAX). */
export const BREAKPOINT_COUNT_MAX = 64;
export const WATCHPOINT_COUNT_MAX = 16;
/** What one may cover: a structure, or a page. */
const WATCHPOINT_BYTES_MAX = 4096;
const WATCHPOINTS = { "2": "write", "3": "read", "4": "access" } as const;
const STOPS = { write: "watch", read: "rwatch", access: "awatch" } as const;
// Error numbers as in errno.
const ERROR_FAULT = "E0e";
const ERROR_BUSY = "E10";
const ERROR_INVALID = "E16";
const ERROR_SPACE = "E1c";
const THREADS_SAME = ["-1", "0", "1"];

export interface StubEvents {
  /** Sends a packet's data. */
  send(data: string): void;
  /** The peer acknowledges no more, and wants no acknowledgements, once the packet in hand is answered. */
  withoutAcknowledgement(): void;
  /** The peer is done: the guest goes on without it. */
  detached(): void;
}

export class Stub {
  private readonly target: DebugTarget;
  private readonly events: StubEvents;
  private readonly breakpoints = new Set<number>();
  private readonly watchpoints = new Map<string, Watchpoint>();
  private running = false;
  /** The peer has ended the guest. */
  private killed = false;
  private signal = SIGNAL_TRAP;
  private watched: Watchpoint | null = null;

  /** Halts the guest. What the target is asked from here on finds it halted. */
  constructor(target: DebugTarget, events: StubEvents) {
    this.target = target;
    this.events = events;
    target.onStopped = (signal, watched) => this.stopped(signal, watched);
    target.halt();
  }

  /** Answers a packet. Packets are handed in one at a time. */
  async packet(data: string): Promise<void> {
    if (this.running) return this.events.send(ERROR_BUSY);
    const answer = await this.answer(data);
    if (answer !== null) this.events.send(answer);
  }

  /** Ctrl-C. */
  interrupt(): void {
    if (this.running) this.target.halt();
  }

  /** Takes all breakpoints out and lets the guest go on; false when there is none any more. */
  async leave(): Promise<boolean> {
    this.target.onStopped = null;
    if (this.killed) return false;
    this.breakpoints.clear();
    this.watchpoints.clear();
    await this.target.breakpoints([]);
    await this.target.watchpoints([]);
    this.target.resume(false);
    return true;
  }

  /** The guest has ended: with a status, when it ended of itself (0 … 255). */
  ended(status: number): void {
    if (this.running) this.events.send(`W${hexByte(status)}`);
    this.running = false;
  }

  private stopped(signal: number, watched: Watchpoint | null): void {
    this.signal = signal;
    this.watched = watched;
    if (!this.running) return;
    this.running = false;
    this.events.send(this.stopReply());
  }

  private stopReply(): string {
    const { watched } = this;
    const why = watched === null ? "" : `${STOPS[watched.kind]}:${watched.address.toString(16)};`;
    return `T${hexByte(this.signal)}${why}thread:1;`;
  }

  /** The answer; null when it comes later, or never. Unknown packets get the empty one. */
  private async answer(data: string): Promise<string | null> {
    const rest = data.slice(1);
    switch (data[0]) {
      case "?":
        return this.stopReply();
      case "g":
        return Buffer.from(await this.target.registers()).toString("hex");
      case "G":
        return this.writeRegisters(0, REGISTER_BYTES, rest);
      case "p":
        return this.readRegister(rest);
      case "P":
        return this.writeRegister(rest);
      case "m":
        return this.readMemory(rest);
      case "M":
        return this.writeMemory(rest);
      case "Z":
      case "z":
        return this.changeBreakpoint(data[0] === "Z", rest);
      case "c":
      case "s":
        return this.resumeAt(data[0] === "s", rest);
      case "C":
      case "S":
        // A signal for the guest: there is no such thing, and GDB is free to pass its own SIGTRAP back.
        return this.resumeAt(data[0] === "S", rest.split(";")[1] ?? "");
      case "D":
        this.events.send("OK");
        await this.leave();
        this.events.detached();
        return null;
      case "k":
        this.killed = true;
        this.target.kill();
        return null;
      case "H":
        return /^[cg]/.test(rest) && THREADS_SAME.includes(rest.slice(1)) ? "OK" : ERROR_INVALID;
      case "T":
        return rest === "1" ? "OK" : ERROR_INVALID;
      case "v":
        return this.verbose(data);
      case "q":
      case "Q":
        return this.query(data);
      default:
        return "";
    }
  }

  private query(data: string): string {
    if (data.startsWith("qSupported")) {
      return `PacketSize=${PACKET_BYTES_MAX.toString(16)};qXfer:features:read+;QStartNoAckMode+;vContSupported+`;
    }
    if (data === "QStartNoAckMode") {
      this.events.withoutAcknowledgement();
      return "OK";
    }
    if (data === "qC") return "QC1";
    if (data === "qfThreadInfo") return "m1";
    if (data === "qsThreadInfo") return "l";
    if (data === "qAttached" || data.startsWith("qAttached:")) return "1";
    const window = /^qXfer:features:read:([^:]{1,40}):([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(data);
    if (window === null) return "";
    if (window[1] !== "target.xml") return "E00";
    const [from, length] = [Number.parseInt(window[2]!, 16), Number.parseInt(window[3]!, 16)];
    // Two of the characters that a packet escapes take two bytes; none of them is in the text.
    const part = TARGET_XML.slice(from, from + Math.min(length, PACKET_BYTES_MAX - 1));
    return `${from + part.length < TARGET_XML.length ? "m" : "l"}${part}`;
  }

  private async verbose(data: string): Promise<string | null> {
    if (data === "vCont?") return "vCont;c;C;s;S";
    if (!data.startsWith("vCont;")) return "";
    // One thread: the first action that names it, or names none, is its.
    for (const action of data.slice("vCont;".length).split(";")) {
      const match = /^([cs]|[CS][0-9a-f]{2})(?::(?:p1\.)?(-1|0|1))?$/i.exec(action);
      if (match === null) return ERROR_INVALID;
      return this.resumeAt(match[1]![0]!.toLowerCase() === "s", "");
    }
    return ERROR_INVALID;
  }

  /** Answers when the guest stands again. `address` is empty, or where to go on. */
  private async resumeAt(step: boolean, address: string): Promise<string | null> {
    if (address !== "") {
      const pc = hexNumber(address);
      if (pc === null) return ERROR_INVALID;
      await this.target.setRegisters(REGISTERS[15]!.offset, littleEndian(pc));
    }
    this.running = true;
    this.target.resume(step);
    return null;
  }

  private async readRegister(text: string): Promise<string> {
    const place = REGISTERS[hexNumber(text) ?? -1];
    if (place === undefined) return ERROR_INVALID;
    const all = await this.target.registers();
    return Buffer.from(all.subarray(place.offset, place.offset + place.bytes)).toString("hex");
  }

  private async writeRegister(text: string): Promise<string> {
    const [number, value] = text.split("=");
    const place = REGISTERS[hexNumber(number ?? "") ?? -1];
    return place === undefined ? ERROR_INVALID : this.writeRegisters(place.offset, place.bytes, value ?? "");
  }

  private async writeRegisters(offset: number, length: number, text: string): Promise<string> {
    const bytes = hexBytes(text);
    if (bytes === null || bytes.length !== length) return ERROR_INVALID;
    await this.target.setRegisters(offset, bytes);
    return "OK";
  }

  private async readMemory(text: string): Promise<string> {
    const [address, length, ...more] = text.split(",").map(hexNumber);
    if (typeof address !== "number" || typeof length !== "number" || more.length > 0) return ERROR_INVALID;
    if (length === 0) return "";
    const bytes = await this.target.memory(address, Math.min(length, PACKET_BYTES_MAX / 2));
    return bytes.length === 0 ? ERROR_FAULT : Buffer.from(bytes).toString("hex");
  }

  private async writeMemory(text: string): Promise<string> {
    const match = /^([0-9a-f]{1,8}),([0-9a-f]{1,8}):(.*)$/i.exec(text);
    const bytes = match === null ? null : hexBytes(match[3]!);
    if (match === null || bytes === null || bytes.length !== Number.parseInt(match[2]!, 16)) return ERROR_INVALID;
    return (await this.target.setMemory(Number.parseInt(match[1]!, 16), bytes)) ? "OK" : ERROR_FAULT;
  }

  private async changeBreakpoint(insert: boolean, text: string): Promise<string> {
    // The kind is the size of the instruction, which a breakpoint in the machine need not know. Conditions would stand behind it.
    const match = /^([0-4]),([0-9a-f]{1,8}),([0-9a-f]{1,8})$/i.exec(text);
    if (match === null) return ERROR_INVALID;
    const kind = WATCHPOINTS[match[1] as keyof typeof WATCHPOINTS] as Watchpoint["kind"] | undefined;
    if (kind !== undefined) {
      return this.changeWatchpoint(insert, {
        kind,
        address: Number.parseInt(match[2]!, 16),
        bytes: Number.parseInt(match[3]!, 16),
      });
    }
    const address = (Number.parseInt(match[2]!, 16) & ~1) >>> 0;
    if (insert && !this.breakpoints.has(address) && this.breakpoints.size === BREAKPOINT_COUNT_MAX) return ERROR_SPACE;
    if (insert) this.breakpoints.add(address);
    else this.breakpoints.delete(address);
    await this.target.breakpoints([...this.breakpoints]);
    return "OK";
  }

  private async changeWatchpoint(insert: boolean, point: Watchpoint): Promise<string> {
    const { kind, address, bytes } = point;
    if (bytes === 0 || bytes > WATCHPOINT_BYTES_MAX) return ERROR_INVALID;
    const key = `${kind} ${address} ${bytes}`;
    if (insert && !this.watchpoints.has(key) && this.watchpoints.size === WATCHPOINT_COUNT_MAX) return ERROR_SPACE;
    if (insert) this.watchpoints.set(key, point);
    else this.watchpoints.delete(key);
    await this.target.watchpoints([...this.watchpoints.values()]);
    return "OK";
  }
}

function hexByte(value: number): string {
  return (value & 0xff).toString(16).padStart(2, "0");
}

function hexNumber(text: string): number | null {
  return /^[0-9a-f]{1,8}$/i.test(text) ? Number.parseInt(text, 16) : null;
}

function hexBytes(text: string): Uint8Array | null {
  return text.length % 2 === 0 && /^[0-9a-f]*$/i.test(text) ? Buffer.from(text, "hex") : null;
}

function littleEndian(value: number): Uint8Array {
  return Uint8Array.from([value, value >>> 8, value >>> 16, value >>> 24]);
}
