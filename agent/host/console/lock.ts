// The lock of a governed partition's console, as far as a handset without a screen has one: a code that a person types. The partition runs on
// behind it; what it says can be read, and be answered, only while its console is unlocked. Unlocked is a state of this process alone:
// after a start every console is locked.
//
//   no code ──set──► unlocked ──idle, lock──► locked ──right code──► unlocked
//                                               └── too many wrong ones ──► the partition is wiped, key first, its code too

import { join } from "node:path";
import { UsageError } from "../../failure.ts";
import {
  codeFault,
  IDLE_LOCK_SECONDS,
  TRIES_MOST,
  unmetKey,
  waitSeconds,
  wantsCode,
  type CodeFacts,
  type UnlockSection,
} from "../../policy/unlock.ts";
import { CodeFile } from "./code-file.ts";

export interface GuardOptions {
  /** Where codes lie. */
  folder: string;
  /** The unlock section of the policy in force; null: there is none. */
  section: (partition: string) => UnlockSection | null;
  /** Whether a code was set, kept apart from the codes: one that is missing then is damage. */
  codes: { isCoded(partition: string): boolean; setCoded(partition: string, coded: boolean): void };
  /** Seconds since 1970, as the device believes. */
  now: () => number;
  /** Monotonic milliseconds. */
  clock: () => number;
  /** Wipes the partition: the tries are used up. */
  wipe: (partition: string) => Promise<void>;
  /** Its console was unlocked, locked, or a try was wrong: how many in a row. */
  happened: (kind: "unlocked" | "console-locked" | "unlock-failed", partition: string, wrongCount: number) => void;
}

/** How a console stands: no code is asked for; one is, and none is set or it is not good enough any more; locked; unlocked. */
export type ConsoleState = "free" | "unset" | "weak" | "locked" | "unlocked";

export class ConsoleGuard {
  private readonly options: GuardOptions;
  private readonly files = new Map<string, CodeFile>();
  /** Until when, by the clock. */
  private readonly unlocked = new Map<string, number>();
  /** Before when no try is taken, by the clock. */
  private readonly waits = new Map<string, number>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: GuardOptions) {
    this.options = options;
  }

  state(partition: string): ConsoleState {
    const section = this.options.section(partition);
    if (!wantsCode(section)) return "free";
    const { facts, damage } = this.file(partition);
    if (damage !== null) return "locked";
    if (facts === null) return "unset";
    if (!this.isUnlocked(partition)) return "locked";
    return unmetKey(facts, section, this.options.now()) === null ? "unlocked" : "weak";
  }

  /** What is known of a partition's code; null: none is set. */
  facts(partition: string): CodeFacts | null {
    return this.file(partition).facts;
  }

  /** Throws UsageError unless the console may be used. */
  check(partition: string): void {
    const code = `pocketvisor code ${partition}`;
    switch (this.state(partition)) {
      case "unset":
        throw new UsageError(
          "CODE_UNSET",
          `${partition}'s policy wants an unlock code, and none is set`,
          `Set: ${code}`,
        );
      case "weak":
        throw new UsageError(
          "CODE_WEAK",
          `${partition}'s policy wants another unlock code than this`,
          `Change: ${code}`,
        );
      case "locked":
        throw new UsageError("CODE_LOCKED", `${partition} is locked`, `See: pocketvisor unlock ${partition}`);
    }
  }

  /** The console is in use: it does not lock for a while. */
  touch(partition: string): void {
    if (this.isUnlocked(partition)) this.unlocked.set(partition, this.idleAt(partition));
  }

  /** Throws UsageError when the code is wrong, or comes too early after wrong ones. */
  unlock(partition: string, code: string): Promise<void> {
    return this.inTurn(async () => {
      if (this.state(partition) === "free") throw new UsageError("CODE_NONE", `nothing locks ${partition}`);
      await this.try(partition, code);
      this.open(partition);
    });
  }

  /** Sets the code, or changes it: then `old` must be the present one. Throws UsageError for one that the policy does not take. */
  setCode(partition: string, code: string, old: string | null): Promise<void> {
    return this.inTurn(async () => {
      const section = this.options.section(partition);
      if (!wantsCode(section)) throw new UsageError("CODE_NONE", `no policy wants a code for ${partition}`);
      const fault = codeFault(code, section);
      if (fault !== null) throw new UsageError("CODE_FAULT", `that is no code for ${partition}: ${fault}`);
      const file = this.file(partition);
      if (file.facts !== null || file.damage !== null) await this.try(partition, old ?? "");
      if (!(await file.set(code, section.historyCount ?? 0, this.options.now()))) {
        throw new UsageError("CODE_FAULT", `that is no code for ${partition}: it was used before`);
      }
      this.options.codes.setCoded(partition, true);
      this.open(partition);
    });
  }

  /** Locks a console. */
  lock(partition: string): void {
    if (this.unlocked.delete(partition)) this.options.happened("console-locked", partition, 0);
  }

  /** Locks what nobody has used for long enough. To be called now and then. */
  lockIdle(): void {
    for (const partition of [...this.unlocked.keys()]) if (!this.isUnlocked(partition)) this.lock(partition);
  }

  /** Before anything starts: wipes what a cut has kept from being wiped when its tries were used up. */
  async settle(partitions: readonly string[]): Promise<void> {
    for (const partition of partitions) {
      if (!wantsCode(this.options.section(partition))) continue;
      const { wrongCount } = this.file(partition);
      if (this.isUsedUp(partition)) await this.options.wipe(partition);
      else this.waits.set(partition, this.options.clock() + waitSeconds(wrongCount) * 1000);
    }
  }

  /** Its partition was wiped, or belongs to no fleet any more. */
  forget(partition: string): void {
    const file = this.file(partition);
    this.options.codes.setCoded(partition, false);
    file.forget();
    this.files.delete(partition);
    this.waits.delete(partition);
    this.lock(partition);
  }

  private async try(partition: string, code: string): Promise<void> {
    const { options } = this;
    const file = this.file(partition);
    if (file.damage !== null) throw file.damage;
    if (file.facts === null) this.check(partition);
    const waitMs = (this.waits.get(partition) ?? 0) - options.clock();
    if (waitMs > 0) {
      const what = `${file.wrongCount} wrong tries: the next in ${Math.ceil(waitMs / 1000)} s`;
      throw new UsageError("CODE_WAIT", `${partition} takes no code now`, `${what}.`);
    }
    if (await file.isRight(code)) return;
    const { wrongCount } = file;
    options.happened("unlock-failed", partition, wrongCount);
    if (this.isUsedUp(partition)) {
      await options.wipe(partition);
      throw new UsageError("CODE_WIPED", `that was the last try: ${partition} has been wiped`);
    }
    this.waits.set(partition, options.clock() + waitSeconds(wrongCount) * 1000);
    const most = this.triesMost(partition);
    const left = most === 0 ? "" : `${most - wrongCount} tries are left before ${partition} is wiped.`;
    throw new UsageError("CODE_WRONG", `that is not the code of ${partition}`, left);
  }

  private open(partition: string): void {
    this.waits.delete(partition);
    this.unlocked.set(partition, this.idleAt(partition));
    this.options.happened("unlocked", partition, 0);
  }

  private isUnlocked(partition: string): boolean {
    return (this.unlocked.get(partition) ?? -Infinity) > this.options.clock();
  }

  private idleAt(partition: string): number {
    const seconds = this.options.section(partition)?.idleLockSeconds ?? IDLE_LOCK_SECONDS;
    return this.options.clock() + seconds * 1000;
  }

  private triesMost(partition: string): number {
    return this.options.section(partition)?.triesMost ?? TRIES_MOST;
  }

  private isUsedUp(partition: string): boolean {
    const most = this.triesMost(partition);
    return most > 0 && this.file(partition).wrongCount >= most;
  }

  private file(partition: string): CodeFile {
    let file = this.files.get(partition);
    if (file !== undefined) return file;
    const { folder, codes } = this.options;
    file = new CodeFile(join(folder, partition), codes.isCoded(partition));
    // A cut between the code and the note of it.
    if (file.facts !== null) codes.setCoded(partition, true);
    this.files.set(partition, file);
    return file;
  }

  /** One try at a time: the second must see what the first has counted. */
  private inTurn(step: () => Promise<void>): Promise<void> {
    const next = this.last.then(step, step);
    this.last = next.catch(() => undefined);
    return next;
  }
}
