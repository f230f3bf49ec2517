// Every way into a partition: its console, its log, a debugger, a profile, the registers of a failure. All go through the same rules, and each
// use is in the audit: nobody gets in where a policy denies it or a lock is in between; one to an exclusive console, and one debugger; who is
// inside when that changes is let go.

import {
  ACCESS_CONSOLE,
  ACCESS_DEBUG,
  ACCESS_LOG,
  ACCESS_PROFILE,
  ACCESS_REGISTERS,
} from "../../../kernel/abi/reasons.ts";
import { UsageError } from "../../failure.ts";
import type { DeviceUse } from "../../handset/devices.ts";
import type { ConsoleLog } from "../between/console-log.ts";
import type { DebugLink } from "../debug/link.ts";
import type { ProfileResult } from "../machine/profile.ts";
import type { ConsoleGuard } from "./lock.ts";
import { ConsoleReader } from "./reader.ts";

/** How long a guest waits for a client that takes nothing of its console. */
const PATIENCE_MS = 10_000;

export type Way = "console" | "log" | "debug" | "profile" | "registers";

const REASONS: Record<Way, number> = {
  console: ACCESS_CONSOLE,
  log: ACCESS_LOG,
  debug: ACCESS_DEBUG,
  profile: ACCESS_PROFILE,
  registers: ACCESS_REGISTERS,
};

/** The handset's side. */
export interface ConsoleHost {
  /** In virtual time nobody waits for a client: time would stand for all. */
  readonly mode: "realtime" | "deterministic";
  /** Outlives the partition's machine. */
  consoleLog(id: number): ConsoleLog;
  readonly orders: {
    /** Returns how many bytes were taken. */
    input(id: number, bytes: Uint8Array): Promise<number>;
    /** Begins or ends a profile; returns what was sampled before. */
    profile(id: number, on: boolean): Promise<ProfileResult | null>;
  };
  /** The console log of a partition has grown. */
  on(event: "console", listener: (id: number) => void): unknown;
  off(event: "console", listener: (id: number) => void): unknown;
  /** Wakes the worker. */
  ring(): void;
  /** Puts a use of a partition into the audit: ACCESS_*. */
  note(id: number, reason: number): void;
  /** See Handset. */
  debugger(id: number, end: () => void): Promise<DebugLink>;
  leaveDebugger(id: number): Promise<void>;
}

export interface AccessRules {
  /** Why a policy denies a partition's console, and with it every way in; null: none does. */
  refusal(partition: string): string | null;
  /** Why a policy denies a debugger and a profile; null: none does. */
  debugRefusal(partition: string): string | null;
  /** Null: no policy locks anything. */
  readonly guard: ConsoleGuard | null;
}

/** Whose door it is. */
export interface Door {
  id: number;
  name: string;
  /** Of its console, by its handset file. */
  use: DeviceUse;
}

interface Inside {
  id: number;
  way: Way;
  /** Lets go of it, saying why. */
  end: (why: string) => void;
}

export class ConsoleAccess {
  private readonly host: ConsoleHost;
  private readonly rules: AccessRules;
  private readonly inside = new Set<Inside>();

  constructor(host: ConsoleHost, rules: AccessRules) {
    this.host = host;
    this.rules = rules;
  }

  /** Whether this way in is open, without going in. */
  isOpen(way: Way, door: Door): boolean {
    try {
      this.check(way, door);
      return true;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return false;
    }
  }

  /** Goes in for a moment: to read a log, or registers. Throws UsageError, with the reason. */
  enter(way: Way, door: Door): void {
    this.check(way, door);
    this.host.note(door.id, REASONS[way]);
  }

  /** See ControlHandlers.attach(). Throws UsageError. */
  attach(
    door: Door,
    output: (bytes: Buffer) => Promise<void> | void,
    ended: (why: string) => void,
  ): { input: (bytes: Buffer) => void; detach: () => void } {
    const { host, rules } = this;
    const { id, name, use } = door;
    if (use === "none") {
      throw new UsageError("CONSOLE_NONE", `${name} has no console to attach to`, "See: pocketvisor log");
    }
    if (use === "exclusive" && this.others(id, "console").length > 0) {
      throw new UsageError("CONSOLE_TAKEN", `somebody is attached to ${name}, whose console is exclusive`);
    }
    this.enter("console", door);
    const hold = host.mode === "realtime" && this.others(id, "console").length === 0;
    const reader = new ConsoleReader(host.consoleLog(id), {
      ...{ output, ring: () => host.ring(), hold, patienceMs: PATIENCE_MS },
    });
    const pump = (of: number): void => {
      if (of === id) void reader.pump();
    };
    const here = this.goIn(id, "console", (why) => {
      leave();
      ended(why);
    });
    const leave = (): void => {
      host.off("console", pump);
      reader.close();
      this.inside.delete(here);
    };
    host.on("console", pump);
    setImmediate(pump, id);
    return {
      input: (bytes) => {
        if (!this.inside.has(here)) return;
        rules.guard?.touch(name);
        void host.orders.input(id, bytes).catch(() => undefined);
      },
      detach: leave,
    };
  }

  /** Lets a debugger come: the guest stands until it says otherwise, and goes on when it has left. `kill` is called when it wishes the guest's
   *  end, `ended` when it is let go. Throws UsageError and RefusalError. */
  async debug(
    door: Door,
    kill: () => void,
    ended: (why: string) => void,
  ): Promise<{ link: DebugLink; leave: () => Promise<void> }> {
    const { id, name } = door;
    if (this.others(id, "debug").length > 0) throw new UsageError("DEBUG_TAKEN", `somebody debugs ${name} already`);
    this.enter("debug", door);
    const here = this.goIn(id, "debug", (why) => void leave().then(() => ended(why)));
    let link: DebugLink | null = null;
    const leave = async (): Promise<void> => {
      if (!this.inside.delete(here)) return;
      await this.host.leaveDebugger(id).catch(() => undefined);
      link?.close();
    };
    try {
      link = await this.host.debugger(id, kill);
    } catch (error) {
      this.inside.delete(here);
      throw error;
    }
    return { link, leave };
  }

  /** Samples where a guest spends its time, for `milliseconds`. Throws UsageError and RefusalError: also when it is let go before. */
  async profile(door: Door, milliseconds: number): Promise<ProfileResult> {
    const { id, name } = door;
    if (this.others(id, "profile").length > 0) {
      throw new UsageError("PROFILE_TAKEN", `somebody takes a profile of ${name} already`);
    }
    this.enter("profile", door);
    let wake: (why: string | null) => void = () => undefined;
    const over = new Promise<string | null>((resolve) => (wake = resolve));
    const here = this.goIn(id, "profile", wake);
    const timer = setTimeout(() => wake(null), milliseconds);
    try {
      await this.host.orders.profile(id, true);
      const why = await over;
      const result = await this.host.orders.profile(id, false);
      if (why !== null) throw new UsageError("PROFILE_ENDED", `the profile of ${name} was ended: ${why}`);
      return result ?? { places: [], lost: 0 };
    } finally {
      clearTimeout(timer);
      this.inside.delete(here);
    }
  }

  /** Lets go of everybody who is inside a partition. */
  end(id: number, why: string): void {
    for (const each of [...this.inside]) if (each.id === id) each.end(why);
  }

  /** Another policy is in force: who is inside may not be any more. */
  review(id: number, name: string): void {
    const state = this.rules.guard?.state(name) ?? "free";
    const denied = this.rules.refusal(name);
    const noDebug = this.rules.debugRefusal(name);
    if (denied !== null) this.end(id, denied);
    else if (state !== "free" && state !== "unlocked") this.end(id, "its policy locks it");
    else if (noDebug !== null) {
      for (const each of [...this.inside]) {
        if (each.id === id && (each.way === "debug" || each.way === "profile")) each.end(noDebug);
      }
    }
  }

  private check(way: Way, { name }: Door): void {
    const { rules } = this;
    const denied = rules.refusal(name);
    if (denied !== null) throw new UsageError("POLICY", `nobody may use ${name}'s ${way}: ${denied}`);
    const noDebug = way === "debug" || way === "profile" ? rules.debugRefusal(name) : null;
    if (noDebug !== null) throw new UsageError("POLICY", `nobody may ${way} ${name}: ${noDebug}`);
    rules.guard?.check(name);
  }

  private others(id: number, way: Way): Inside[] {
    return [...this.inside].filter((each) => each.id === id && each.way === way);
  }

  private goIn(id: number, way: Way, end: (why: string) => void): Inside {
    const here = { id, way, end };
    this.inside.add(here);
    return here;
  }
}
