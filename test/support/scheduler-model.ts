// The scheduler, written a second time: slowly, with lists that are searched anew each time, and nothing shared with
// kernel/hypervisor but the rules. What it says of who runs when, and for how long, must be what the real one does.

import * as reasons from "../../kernel/abi/reasons.js";
import type { GuestMachine } from "./table-module.js";

const QUANTUM = 100_000;
const TURN = 2_000_000;
const SLICE_MIN = 2_000;
const INSTRUCTION = 10;
const INSTRUCTIONS_IN_QUANTUM = 10_000n;

/** The rules' inputs, in the units of the contract: µs, µW, pJ. */
export interface ModelContract {
  guaranteed: boolean;
  budget: number;
  period: number;
  ceiling: number | undefined;
  weight: number;
  energy?: { capacity: bigint; rate: number };
  restartMax: number;
  backoffFirst: number;
  backoffMax: number;
}

/** One call of run(). */
export interface Slice {
  id: number;
  at: number;
  fuel: number;
  executed: number;
}

/** A sporadic server as a plain list. */
class Server {
  refills: { time: number; amount: number; first: number }[];

  constructor(
    readonly amount: number,
    readonly period: number,
    now: number,
  ) {
    this.refills = [{ time: now, amount, first: now }];
  }

  /** The same server under another contract. */
  changed(amount: number, period: number, now: number): Server {
    const usable = this.time <= now ? Math.min(this.left, amount) : 0;
    const next = new Server(amount, period, now);
    if (usable === amount) return next;
    if (usable === 0) {
      next.refills = [{ time: now + period, amount, first: now + period }];
    } else {
      next.refills = [{ time: now, amount: usable, first: now }];
      next.add(now + period, amount - usable);
    }
    return next;
  }

  get time(): number {
    return this.refills[0]!.time;
  }
  get left(): number {
    return this.refills[0]!.amount;
  }

  /** Whether it can be spent from; a wait of more than a period is forgotten. */
  usable(now: number): boolean {
    if (this.time > now) return false;
    if (now > this.period) this.activate(now - this.period);
    return true;
  }

  activate(moment: number): void {
    if (this.time >= moment) return;
    this.refills[0]!.time = moment;
    while (this.refills.length > 1 && this.refills[1]!.time <= moment + this.left) {
      const gone = this.refills.shift()!;
      this.refills[0] = { ...this.refills[0]!, time: moment, amount: this.left + gone.amount };
    }
  }

  charge(used: number): void {
    while (used >= this.amount) {
      used -= this.amount;
      for (const refill of this.refills) {
        refill.time += this.period;
        refill.first += this.period;
      }
    }
    while (used > 0) {
      const { time } = this.refills[0]!;
      const part = Math.min(used, this.left);
      used -= part;
      if (part === this.left) this.refills.shift();
      else this.refills[0] = { ...this.refills[0]!, time: time + part, amount: this.left - part };
      this.add(time + this.period, part);
    }
  }

  private add(time: number, amount: number): void {
    const last = this.refills.at(-1);
    if (last !== undefined) {
      const touches = time <= last.time + last.amount;
      if (touches || time - last.first <= Math.floor(this.period / 6) || this.refills.length === 8) {
        if (!touches) last.time = time - last.amount;
        last.amount += amount;
        return;
      }
    }
    this.refills.push({ time, amount, first: time });
  }
}

export class ModelPartition {
  state = reasons.STATE_RUNNING;
  want = 0;
  sleeping = false;
  wake = Infinity;
  server: Server | undefined;
  cap: Server | undefined;
  fairTime = 0;
  /** Where it waits: ready in this class with this key, or until the alarm. */
  ready: "deadline" | "fair" | undefined;
  key = 0;
  alarm = Infinity;
  origin: number;
  startedAt: number;
  restartAt = 0;
  streak = 0;
  cpu = 0;
  level = 0n;
  spent = 0n;
  exhausted = false;
  private filled: number;
  private fraction = 0n;

  constructor(
    readonly id: number,
    public guest: GuestMachine,
    public contract: ModelContract,
    now: number,
  ) {
    this.origin = this.startedAt = this.filled = now;
    this.take(contract, now);
  }

  take(contract: ModelContract, now: number): void {
    const period = contract.period * 1000;
    if (contract.guaranteed) {
      const amount = contract.budget * 1000;
      this.server = this.server?.changed(amount, period, now) ?? new Server(amount, period, now);
    } else {
      this.server = undefined;
    }
    if (contract.ceiling !== undefined && contract.ceiling > 0) {
      const amount = contract.ceiling * 1000;
      this.cap = this.cap?.changed(amount, period, now) ?? new Server(amount, period, now);
    } else {
      this.cap = undefined;
    }
    this.contract = contract;
    if (contract.energy === undefined) this.level = 0n;
    else if (this.level > contract.energy.capacity) this.level = contract.energy.capacity;
  }

  fill(now: number): void {
    const elapsed = BigInt(now - this.filled);
    this.filled = now;
    if (this.contract.energy === undefined) return;
    const total = BigInt(this.contract.energy.rate) * elapsed + this.fraction;
    this.fraction = total % 1000n;
    const room = this.contract.energy.capacity - this.level;
    if (total / 1000n > room) this.fraction = 0n;
    this.level += total / 1000n < room ? total / 1000n : room;
  }

  /** Whether energy lets it run, else when to look again. */
  energyWait(now: number, cost: bigint): number | undefined {
    const { energy } = this.contract;
    if (energy === undefined) return undefined;
    this.fill(now);
    const quantum = INSTRUCTIONS_IN_QUANTUM * cost;
    const worth = quantum < energy.capacity ? quantum : energy.capacity;
    let enough = worth;
    if (!this.exhausted && worth / 50n + 1n < worth) enough = worth / 50n + 1n;
    this.exhausted = this.level < enough;
    if (!this.exhausted) return undefined;
    if (energy.rate === 0) return Infinity;
    const need = (worth - this.level) * 1000n - this.fraction;
    const rate = BigInt(energy.rate);
    return now + Number((need + rate - 1n) / rate);
  }
}

export class SchedulerModel {
  now = 0;
  idle = 0;
  readonly partitions: ModelPartition[] = [];
  readonly trace: Slice[] = [];
  private fairClock = 0;
  private turn: ModelPartition | undefined;
  private queue: number[] = [];
  /** What the host does when a restart is due: a new guest, or undefined for none. */
  onRestart: (id: number) => GuestMachine = () => {
    throw new Error("no restart was expected");
  };

  constructor(private readonly cost: bigint) {}

  start(guest: GuestMachine, contract: ModelContract): number {
    const partition = new ModelPartition(this.partitions.length, guest, contract, this.now);
    this.partitions.push(partition);
    this.place(partition);
    return partition.id;
  }

  // ---- Commands -----------------------------------------------------------------------------------------------------------

  pause(id: number): void {
    this.put(id, reasons.STATE_RUNNING, reasons.STATE_PAUSED);
  }
  resume(id: number): void {
    this.put(id, reasons.STATE_PAUSED, reasons.STATE_RUNNING);
  }
  private put(id: number, from: number, to: number): void {
    const partition = this.partitions[id]!;
    if (partition.state !== from) return;
    partition.state = to;
    this.place(partition);
  }
  stop(id: number): void {
    const partition = this.partitions[id]!;
    partition.state = reasons.STATE_STOPPED;
    partition.want = partition.restartAt = 0;
    partition.level = 0n;
    this.place(partition);
  }
  budget(id: number, contract: ModelContract): void {
    const partition = this.partitions[id]!;
    partition.fill(this.now);
    partition.exhausted = false;
    partition["fraction"] = 0n;
    partition.take(contract, this.now);
    this.place(partition);
  }
  wake(id: number): void {
    const partition = this.partitions[id]!;
    if (!partition.sleeping) return;
    this.awake(partition);
    this.place(partition);
  }
  topUp(id: number, amount: bigint): void {
    const partition = this.partitions[id]!;
    if (partition.contract.energy) {
      partition.fill(this.now);
      const room = partition.contract.energy.capacity - partition.level;
      partition.level += amount < room ? amount : room;
    }
    this.place(partition);
  }

  // ---- Time ---------------------------------------------------------------------------------------------------------------

  runTo(until: number): void {
    for (;;) {
      const due = this.step(until);
      const queue = this.queue;
      this.queue = [];
      let served = false;
      for (const id of queue) {
        const partition = this.partitions[id]!;
        if (!partition.want) continue;
        served = true;
        if (partition.want === reasons.WANT_RESTART) {
          partition.guest = this.onRestart(id);
          partition.want = 0;
          partition.sleeping = false;
          partition.state = reasons.STATE_RUNNING;
          partition.origin = partition.startedAt = this.now;
          this.place(partition);
        } else {
          partition.want = 0;
          if (partition.state !== reasons.STATE_FAILED) this.place(partition);
        }
      }
      if (!served && (due > until || this.now >= until)) return;
    }
  }

  private step(until: number): number {
    for (;;) {
      for (const guaranteed of [true, false]) {
        for (;;) {
          const due = this.first(
            (p) => p.alarm <= this.now && p.contract.guaranteed === guaranteed,
            (p) => p.alarm,
          );
          if (due === undefined) break;
          this.place(due);
        }
      }
      if (this.queue.length > 0) return this.now;
      const byKey = (p: ModelPartition): number => p.key;
      const next = this.first((p) => p.ready === "deadline", byKey) ?? this.first((p) => p.ready === "fair", byKey);
      if (next !== undefined) {
        if (this.now >= until) return this.now;
        this.slice(next.ready === "fair" ? this.turnOf(next) : next);
        continue;
      }
      const due = Math.min(...this.partitions.map((p) => p.alarm), Infinity);
      const to = Math.min(due, until);
      if (to > this.now) {
        this.idle += to - this.now;
        this.now = to;
      }
      if (due > until) return due;
    }
  }

  /** The best-effort one that ran last goes on until it is a turn ahead of the least served one. */
  private turnOf(least: ModelPartition): ModelPartition {
    this.fairClock = least.key;
    const ahead = Math.floor((TURN * 65536) / Math.max(1, this.turn?.contract.weight ?? 1));
    if (this.turn?.ready !== "fair" || this.turn.fairTime - least.key >= ahead) this.turn = least;
    return this.turn;
  }

  private first(which: (p: ModelPartition) => boolean, key: (p: ModelPartition) => number): ModelPartition | undefined {
    return this.partitions.filter(which).sort((a, b) => key(a) - key(b) || a.id - b.id)[0];
  }

  private slice(p: ModelPartition): void {
    const fair = p.ready === "fair";
    let span = QUANTUM;
    if (!fair) span = Math.min(span, p.server!.left);
    if (p.contract.ceiling !== undefined) span = Math.min(span, p.cap!.left);
    for (const other of this.partitions) {
      if (other.contract.guaranteed) span = Math.min(span, other.alarm - this.now);
    }
    let fuel = Math.floor(Math.max(span, SLICE_MIN) / INSTRUCTION);
    if (p.contract.energy && this.cost) fuel = Math.min(fuel, Number(p.level / this.cost));
    p.guest.machineAdvance(ticksIn(this.now - p.origin));
    const entry = { id: p.id, at: this.now, fuel, executed: 0 };
    this.trace.push(entry);
    let reason: number;
    let executed: number;
    try {
      reason = p.guest.run(fuel);
      executed = p.guest.runExecuted();
    } catch {
      reason = -1;
      executed = fuel;
    }
    entry.executed = executed;
    this.account(p, executed, executed * INSTRUCTION, fair);
    if (reason === reasons.RUN_WAIT) {
      p.guest.machineAdvance(ticksIn(this.now - p.origin));
      const ticks = p.guest.machineDeadline();
      if (ticks !== 0) {
        p.sleeping = true;
        p.wake = ticks > 0 ? this.now + Math.floor(((ticks + 1) * 1000 + 23) / 24) : Infinity;
      } else if (executed === 0) this.account(p, 0, SLICE_MIN, fair);
    } else if (reason === -1) {
      this.fail(p);
    } else if (reason !== reasons.RUN_FUEL) {
      p.want = reason;
      this.queue.push(p.id);
    } else if (executed === 0) {
      this.account(p, 0, SLICE_MIN, fair);
    }
    this.place(p);
  }

  private account(p: ModelPartition, executed: number, time: number, fair: boolean): void {
    this.now += time;
    p.cpu += time;
    const cost = BigInt(executed) * this.cost;
    if (p.contract.energy) p.level -= cost;
    p.spent += cost;
    if (fair) p.fairTime += Math.floor((time * 65536) / Math.max(1, p.contract.weight));
    else p.server!.charge(time);
    if (p.contract.ceiling) p.cap!.charge(time);
  }

  /** Every failure restarts at partition level and stops at handset level. */
  private fail(p: ModelPartition): void {
    if (this.now - p.startedAt >= p.contract.backoffMax * 1e6) p.streak = 0;
    p.state = reasons.STATE_FAILED;
    p.want = 0;
    if (p.streak < p.contract.restartMax) {
      const wait = Math.min(p.contract.backoffFirst * 2 ** p.streak, p.contract.backoffMax) * 1e6;
      p.streak++;
      p.restartAt = this.now + wait;
    } else {
      p.level = 0n;
    }
  }

  private awake(p: ModelPartition): void {
    p.sleeping = false;
    this.turn = undefined;
    if (p.contract.guaranteed) p.server!.activate(this.now);
    if (p.contract.ceiling !== undefined) p.cap?.activate(this.now);
  }

  private place(p: ModelPartition): void {
    const { now } = this;
    const { contract } = p;
    p.ready = undefined;
    p.alarm = Infinity;
    if (p.state === reasons.STATE_FAILED && p.restartAt > 0) {
      if (p.restartAt > now) p.alarm = p.restartAt;
      else {
        p.restartAt = 0;
        p.want = reasons.WANT_RESTART;
        this.queue.push(p.id);
      }
    }
    if (p.state !== reasons.STATE_RUNNING || p.want) return;
    if (p.sleeping && p.wake <= now) this.awake(p);
    if (p.sleeping) {
      p.alarm = p.wake;
      return;
    }
    if (contract.ceiling === 0) return;
    const energy = p.energyWait(now, this.cost);
    if (energy !== undefined) {
      p.alarm = energy;
      return;
    }
    if (contract.ceiling !== undefined && !p.cap!.usable(now)) {
      p.alarm = p.cap!.time;
      return;
    }
    if (contract.guaranteed && p.server!.usable(now)) {
      p.ready = "deadline";
      p.key = p.server!.time + p.server!.period;
      return;
    }
    if (contract.guaranteed) p.alarm = p.server!.time;
    if (contract.weight > 0) {
      p.ready = "fair";
      p.fairTime = p.key = Math.max(p.fairTime, this.fairClock);
    }
  }
}

function ticksIn(time: number): number {
  return Math.floor((time * 24) / 1000);
}
