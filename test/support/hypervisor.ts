// The real hypervisor.wasm with partitions whose machines are written by the test. Virtual time unless asked otherwise: the same test
// gives the same schedule.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as abi from "../../kernel/abi/hypervisor.js";
import * as reasons from "../../kernel/abi/reasons.js";
import type { HypervisorExports } from "../../agent/host/hypervisor/exports.js";
import { functionsOf, type GuestMachine } from "./table-module.js";

const WASM = fileURLToPath(new URL("../../build/hypervisor.wasm", import.meta.url));
const NEVER = 0xffff_ffff_ffff_ffffn;
let compiled: WebAssembly.Module | undefined;

function hypervisorModule(): WebAssembly.Module {
  if (!existsSync(WASM)) throw new Error(`${WASM} is missing: run "npm run build" before the tests`);
  return (compiled ??= new WebAssembly.Module(readFileSync(WASM)));
}

export interface BoardOptions {
  mode?: number;
  ram?: bigint;
  reserve?: bigint;
  cpuLimit?: number;
  /** µW */
  energyRate?: number;
  /** pJ by CHARGE_*. */
  costs?: Partial<Record<number, number>>;
  now?: () => number;
  /** The thread's processor time; the same as `now` if not said. */
  cpu?: () => number;
  abiVersion?: number;
}

/** A partition's contract; everything has a default that never limits. */
export interface Contract {
  class?: number;
  budget?: number;
  period?: number;
  ceiling?: number;
  weight?: number;
  memory?: bigint;
  energy?: { capacity: bigint; rate?: number; share?: number };
  noProgress?: number;
  restartMax?: number;
  backoffFirst?: number;
  backoffMax?: number;
  /** ACTION_* for each FAIL_*, at partition level and at handset level. */
  actions?: [partition: number[], handset: number[]];
  /** {rate, burst} by CHARGE_* kind. */
  buckets?: Partial<Record<number, { rate: number; burst: number }>>;
}

export interface ChannelContract {
  capacity?: number;
  bytes?: { rate: number; burst: number };
  messages?: { rate: number; burst: number };
}

export interface HypervisorEvent {
  kind: number;
  partition: number;
  reason: number;
  time: bigint;
  value: bigint;
}

export interface AuditRecord {
  sequence: bigint;
  time: bigint;
  kind: number;
  partition: number;
  reason: number;
  value: bigint;
  bytes: Uint8Array;
}

const u64 = (value: bigint): [low: number, high: number] => [Number(value & 0xffff_ffffn), Number(value >> 32n)];

export class Hypervisor {
  readonly memory = new WebAssembly.Memory({ initial: abi.HYPERVISOR_PAGES, maximum: abi.HYPERVISOR_PAGES });
  readonly table = new WebAssembly.Table({
    element: "anyfunc",
    initial: abi.TABLE_FIRST + abi.PARTITION_MAX * abi.TABLE_STRIDE,
  });
  readonly view = new DataView(this.memory.buffer);
  readonly exports: HypervisorExports;
  /** What the host does about a want, before serviced(). */
  onWant: (id: number, want: number) => void = () => {};
  /** Wants that were served, in order. */
  readonly wants: { id: number; want: number; time: number }[] = [];
  /** Whom retries() named, in order. */
  readonly retried: { id: number; time: number }[] = [];

  constructor(options: BoardOptions = {}) {
    const imports = {
      env: { memory: this.memory, table: this.table },
      host: { now: options.now ?? (() => 0), cpu: options.cpu ?? options.now ?? (() => 0) },
    };
    this.exports = new WebAssembly.Instance(hypervisorModule(), imports).exports as unknown as HypervisorExports;
    this.view.setUint32(abi.BOARD_ABI_VERSION, options.abiVersion ?? abi.HYPERVISOR_ABI_VERSION, true);
    this.view.setUint32(abi.BOARD_MODE, options.mode ?? abi.CLOCK_VIRTUAL, true);
    this.view.setBigUint64(abi.BOARD_RAM, options.ram ?? 1n << 40n, true);
    this.view.setBigUint64(abi.BOARD_RESERVE, options.reserve ?? 0n, true);
    this.view.setUint32(abi.BOARD_CPU_LIMIT, options.cpuLimit ?? 0, true);
    this.view.setUint32(abi.BOARD_ENERGY_RATE, options.energyRate ?? 0xffff_ffff, true);
    for (const [kind, cost] of Object.entries(options.costs ?? {})) this.setCost(Number(kind), cost!);
    const reason = this.exports.hypervisorInit();
    if (reason !== reasons.DONE) throw new Error(`hypervisorInit() refused with ${reason}`);
  }

  setCost(kind: number, picojoules: number): void {
    this.view.setUint32(abi.BOARD_COSTS + kind * 4, picojoules, true);
  }

  // ---- Partitions -------------------------------------------------------------------------------------------------------

  /** Fills in the definition block. */
  contract(contract: Contract): void {
    const put = (at: number, value: number): void => this.view.setUint32(at, value, true);
    new Uint8Array(this.memory.buffer, abi.DEFINITION, abi.DEFINITION_BYTES).fill(0);
    put(abi.DEFINITION_CLASS, contract.class ?? (contract.budget === undefined ? 0 : abi.CLASS_GUARANTEED));
    put(abi.DEFINITION_BUDGET, contract.budget ?? 0);
    put(abi.DEFINITION_PERIOD, contract.period ?? 10_000);
    put(abi.DEFINITION_CEILING, contract.ceiling ?? abi.CEILING_NONE);
    put(abi.DEFINITION_WEIGHT, contract.weight ?? (contract.budget === undefined ? 100 : 0));
    this.view.setBigUint64(abi.DEFINITION_MEMORY, contract.memory ?? 1n << 20n, true);
    if (contract.energy) {
      put(abi.DEFINITION_ENERGY, 1);
      this.view.setBigUint64(abi.DEFINITION_ENERGY_CAPACITY, contract.energy.capacity, true);
      put(abi.DEFINITION_ENERGY_RATE, contract.energy.rate ?? 0);
      put(abi.DEFINITION_ENERGY_SHARE, contract.energy.share ?? 0);
    }
    put(abi.DEFINITION_NO_PROGRESS, contract.noProgress ?? 0);
    put(abi.DEFINITION_RESTART_MAX, contract.restartMax ?? 3);
    put(abi.DEFINITION_BACKOFF_FIRST, contract.backoffFirst ?? 100);
    put(abi.DEFINITION_BACKOFF_MAX, contract.backoffMax ?? 10_000);
    const actions = contract.actions ?? [
      Array<number>(reasons.FAIL_COUNT).fill(reasons.ACTION_RESTART),
      Array<number>(reasons.FAIL_COUNT).fill(reasons.ACTION_STOP),
    ];
    actions.flat().forEach((action, index) => this.view.setUint8(abi.DEFINITION_ACTIONS + index, action));
    for (const [kind, limit] of Object.entries(contract.buckets ?? {})) {
      put(abi.DEFINITION_BUCKETS + Number(kind) * 8, limit!.rate);
      put(abi.DEFINITION_BUCKETS + Number(kind) * 8 + 4, limit!.burst);
    }
  }

  /** Defines a partition: its id, or -(reason). */
  define(contract: Contract = {}): number {
    this.contract(contract);
    return this.exports.partitionDefine();
  }

  /** Defines, admits and starts a partition with this machine. Throws when it is refused. */
  start(machine: GuestMachine, contract: Contract = {}): number {
    const id = this.define(contract);
    if (id < 0) throw new Error(`partitionDefine() refused with ${-id}`);
    this.must(this.exports.partitionAdmit(id), "partitionAdmit");
    this.install(id, machine);
    this.must(this.exports.partitionStart(id), "partitionStart");
    return id;
  }

  must(reason: number, what: string): void {
    if (reason !== reasons.DONE) throw new Error(`${what}() refused with ${reason}`);
  }

  /** Puts a machine's functions into the partition's slots. */
  install(id: number, machine: GuestMachine): void {
    const { run, runExecuted, machineDeadline, machineAdvance, runWork } = functionsOf(machine);
    const slot = abi.TABLE_FIRST + id * abi.TABLE_STRIDE;
    this.table.set(slot + abi.TABLE_RUN, run);
    this.table.set(slot + abi.TABLE_EXECUTED, runExecuted);
    this.table.set(slot + abi.TABLE_WORK, runWork);
    this.table.set(slot + abi.TABLE_DEADLINE, machineDeadline);
    this.table.set(slot + abi.TABLE_ADVANCE, machineAdvance);
  }

  budget(id: number, contract: Contract): number {
    this.contract(contract);
    return this.exports.partitionBudget(id);
  }

  grant(from: number, port: number, to: number, toPort: number, contract: ChannelContract = {}): number {
    this.view.setUint32(abi.DEFINITION_CHANNEL_CAPACITY, contract.capacity ?? 4096, true);
    for (const [at, limit] of [
      [abi.DEFINITION_CHANNEL_BYTES, contract.bytes],
      [abi.DEFINITION_CHANNEL_MESSAGES, contract.messages],
    ] as const) {
      this.view.setUint32(at, limit?.rate ?? 0, true);
      this.view.setUint32(at + 4, limit?.burst ?? 0, true);
    }
    return this.exports.channelGrant(from, port, to, toPort);
  }

  drained(picojoules: bigint): void {
    this.exports.drained(...u64(picojoules));
  }

  topUp(id: number, picojoules: bigint): number {
    return this.exports.energyTopUp(id, ...u64(picojoules));
  }

  layAside(id: number, picojoules: bigint): number {
    return this.exports.energyLayAside(id, ...u64(picojoules));
  }

  payEnergy(id: number, picojoules: bigint, owe: boolean): number {
    return this.exports.energyPay(id, ...u64(picojoules), owe);
  }

  // ---- Running ------------------------------------------------------------------------------------------------------------

  /** The hypervisor's time, ns. */
  get now(): number {
    return this.exports.hypervisorNow();
  }

  /** Runs to `until` (ns), serving wants and faults as a host does. Returns what step() returned last. */
  runTo(until: number): number {
    for (;;) {
      const due = this.stepGuarded(until);
      let served = false;
      for (let want = this.exports.wants(); want !== -1; want = this.exports.wants()) {
        const id = want & 0xffff;
        this.wants.push({ id, want: want >>> 16, time: this.now });
        this.onWant(id, want >>> 16);
        this.exports.serviced(id);
        served = true;
      }
      for (let id = this.exports.retries(); id >= 0; id = this.exports.retries()) {
        this.retried.push({ id, time: this.now });
        served = true;
      }
      if (!served && (due < 0 || due > until || this.now >= until)) return due;
    }
  }

  /** One step(), and faulted() for each trap that comes out of it. */
  stepGuarded(until: number): number {
    for (;;) {
      try {
        return this.exports.step(until);
      } catch (error) {
        if (this.exports.faulted(reasons.FAIL_TRAP) < 0) throw error;
      }
    }
  }

  /** Runs for so many virtual milliseconds. */
  runFor(milliseconds: number): number {
    return this.runTo(this.now + milliseconds * 1e6);
  }

  // ---- What can be read ---------------------------------------------------------------------------------------------------

  u32(id: number, field: number): number {
    return this.view.getUint32(abi.PARTITIONS + id * abi.PARTITION_BYTES + field, true);
  }

  u64(id: number, field: number): bigint {
    return this.view.getBigUint64(abi.PARTITIONS + id * abi.PARTITION_BYTES + field, true);
  }

  word64(at: number): bigint {
    return this.view.getBigUint64(at, true);
  }

  state(id: number): number {
    return this.u32(id, abi.PARTITION_STATE);
  }

  /** CPU time, ns. */
  cpu(id: number): number {
    return Number(this.u64(id, abi.PARTITION_CPU_TIME));
  }

  /** A moment in a record, ns; undefined for never. */
  moment(id: number, field: number): number | undefined {
    const value = this.u64(id, field);
    return value === NEVER ? undefined : Number(value);
  }

  answer(): { reason: number; partition: number; wanted: bigint; committed: bigint; limit: bigint; retry: bigint } {
    return {
      reason: this.view.getUint32(abi.ANSWER_REASON, true),
      partition: this.view.getUint32(abi.ANSWER_PARTITION, true),
      wanted: this.word64(abi.ANSWER_WANTED),
      committed: this.word64(abi.ANSWER_COMMITTED),
      limit: this.word64(abi.ANSWER_LIMIT),
      retry: this.word64(abi.ANSWER_RETRY),
    };
  }

  /** drained - (Σ levels + board's own + Σ spent): 0 always. */
  energyImbalance(): bigint {
    let sum = this.word64(abi.HYPERVISOR_ENERGY_BOARD) + this.word64(abi.HYPERVISOR_ENERGY_SPENT);
    for (let id = 0; id < abi.PARTITION_MAX; id++) {
      if (this.state(id) === reasons.STATE_NONE) continue;
      sum += this.u64(id, abi.PARTITION_ENERGY_LEVEL) + this.u64(id, abi.PARTITION_ENERGY_POT);
    }
    return this.word64(abi.HYPERVISOR_ENERGY_DRAINED) - sum;
  }

  /** Takes the events out of their ring. */
  events(): HypervisorEvent[] {
    const events: HypervisorEvent[] = [];
    const head = this.view.getUint32(abi.EVENT_HEAD, true);
    let tail = this.view.getUint32(abi.EVENT_TAIL, true);
    for (; tail !== head; tail = (tail + 1) >>> 0) {
      const at = abi.EVENTS + (tail % abi.EVENT_COUNT) * abi.EVENT_BYTES;
      events.push({
        kind: this.view.getUint16(at + abi.EVENT_KIND, true),
        partition: this.view.getUint16(at + abi.EVENT_PARTITION, true),
        reason: this.view.getUint32(at + abi.EVENT_REASON, true),
        time: this.word64(at + abi.EVENT_TIME),
        value: this.word64(at + abi.EVENT_VALUE),
      });
    }
    this.view.setUint32(abi.EVENT_TAIL, tail, true);
    return events;
  }

  /** Takes the audit records out of their ring. */
  audit(): AuditRecord[] {
    const records: AuditRecord[] = [];
    const head = this.view.getUint32(abi.AUDIT_HEAD, true);
    let tail = this.view.getUint32(abi.AUDIT_TAIL, true);
    for (; tail !== head; tail = (tail + 1) >>> 0) {
      const at = abi.AUDITS + (tail % abi.AUDIT_COUNT) * abi.AUDIT_BYTES;
      records.push({
        sequence: this.word64(at + abi.AUDIT_SEQUENCE),
        time: this.word64(at + abi.AUDIT_TIME),
        kind: this.view.getUint16(at + abi.AUDIT_KIND, true),
        partition: this.view.getUint16(at + abi.AUDIT_PARTITION, true),
        reason: this.view.getUint32(at + abi.AUDIT_REASON, true),
        value: this.word64(at + abi.AUDIT_VALUE),
        bytes: new Uint8Array(this.memory.buffer.slice(at, at + abi.AUDIT_BYTES)),
      });
    }
    this.view.setUint32(abi.AUDIT_TAIL, tail, true);
    return records;
  }

  auditHash(): string {
    return Buffer.from(this.memory.buffer, abi.AUDIT_HASH, 32).toString("hex");
  }
}

/** The hash that an audit record must carry, by the host's own SHA-256. */
export function auditChain(previous: Uint8Array, record: AuditRecord): string {
  return createHash("sha256").update(previous).update(record.bytes.subarray(0, abi.AUDIT_CHAIN)).digest("hex");
}
