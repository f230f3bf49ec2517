// Who is attached to the consoles of a handset: several to a shared one, one to an exclusive one, nobody where a policy denies it or a lock is in between;
// and letting go of them when that changes.

import { UsageError } from "../../failure.ts";
import type { DeviceUse } from "../../handset/devices.ts";
import type { ConsoleGuard } from "./lock.ts";
import type { ConsoleLog } from "../between/console-log.ts";

/** A console that a client is attached to sends what it has in chunks of at most this. */
const CONSOLE_CHUNK_BYTES = 16 << 10;

/** The consoles of a handset. */
export interface Consoles {
  /** Outlives the partition's machine. */
  consoleLog(id: number): ConsoleLog;
  /** Returns how many bytes were taken. */
  input(id: number, bytes: Uint8Array): Promise<number>;
  /** The console log of a partition has grown. */
  on(event: "console", listener: (id: number) => void): unknown;
  off(event: "console", listener: (id: number) => void): unknown;
}

export interface AccessRules {
  /** Why a policy denies a partition's console; null: none does. */
  refusal(partition: string): string | null;
  /** Null: no policy locks anything. */
  readonly guard: ConsoleGuard | null;
}

export class ConsoleAccess {
  private readonly handset: Consoles;
  private readonly rules: AccessRules;
  /** How to let go of each that is attached, saying why. */
  private readonly attached = new Set<{ id: number; end: (why: string) => void }>();

  constructor(handset: Consoles, rules: AccessRules) {
    this.handset = handset;
    this.rules = rules;
  }

  /** See ControlHandlers.attach(). Throws UsageError. */
  attach(
    { id, name, use }: { id: number; name: string; use: DeviceUse },
    output: (bytes: Buffer) => void,
    ended: (why: string) => void,
  ): { input: (bytes: Buffer) => void; detach: () => void } {
    const { handset, rules } = this;
    const denied = rules.refusal(name);
    if (denied !== null) throw new UsageError("POLICY", `nobody may attach to ${name}: ${denied}`);
    if (use === "none") {
      throw new UsageError("CONSOLE_NONE", `${name} has no console to attach to`, "See: pocketvisor log");
    }
    rules.guard?.check(name);
    if (use === "exclusive" && [...this.attached].some((each) => each.id === id)) {
      throw new UsageError("CONSOLE_TAKEN", `somebody is attached to ${name}, whose console is exclusive`);
    }
    const log = handset.consoleLog(id);
    let cursor = 0;
    const here = {
      id,
      end: (why: string): void => {
        handset.off("console", pump);
        if (this.attached.delete(here)) ended(why);
      },
    };
    this.attached.add(here);
    const pump = (of: number): void => {
      if (of !== id || !this.attached.has(here)) return;
      const part = log.readFrom(cursor);
      cursor = part.cursor;
      for (let at = 0; at < part.bytes.length; at += CONSOLE_CHUNK_BYTES) {
        output(part.bytes.subarray(at, at + CONSOLE_CHUNK_BYTES));
      }
    };
    handset.on("console", pump);
    setImmediate(pump, id);
    return {
      input: (bytes) => {
        if (!this.attached.has(here)) return;
        rules.guard?.touch(name);
        void handset.input(id, bytes).catch(() => undefined);
      },
      detach: () => {
        handset.off("console", pump);
        this.attached.delete(here);
      },
    };
  }

  /** Lets go of everybody who is attached to a partition's console. */
  end(id: number, why: string): void {
    for (const each of [...this.attached]) if (each.id === id) each.end(why);
  }

  /** Another policy is in force: who is attached may not be any more. */
  review(id: number, name: string): void {
    const state = this.rules.guard?.state(name) ?? "free";
    const denied = this.rules.refusal(name);
    if (denied !== null) this.end(id, denied);
    else if (state !== "free" && state !== "unlocked") this.end(id, "its policy locks it");
  }
}
