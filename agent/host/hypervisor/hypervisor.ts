// hypervisor.wasm as the handset worker uses it: its functions with names and units, its refusals as values. What lies in its memory is read
// beside this: answer, channels, rings, snapshot.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import * as reasons from "../../../kernel/abi/reasons.ts";
import { HostError } from "../../failure.ts";
import type { BoardSpec, Contracts } from "../../handset/contracts.ts";
import type { PartitionSpec, Refusal } from "../../shell/orders.ts";
import type { HandsetSnapshot } from "../../view.ts";
import type { AuditChain } from "../between/messages.ts";
import type { MachineEntries } from "../machine/machine.ts";
import { outcomeOf, refusalOf } from "./answer.ts";
import { HypervisorChannels } from "./channels.ts";
import { writeBoard, writeDefinition } from "./contracts.ts";
import type { HypervisorExports } from "./exports.ts";
import { HypervisorMemory } from "./memory.ts";
import { HypervisorRings } from "./rings.ts";
import { Reserves } from "./reserves.ts";
import { handsetSnapshot } from "./snapshot.ts";

export class Hypervisor {
  readonly rings: HypervisorRings;
  readonly channels: HypervisorChannels;
  private readonly memory = new HypervisorMemory();
  private readonly table: WebAssembly.Table;
  readonly reserves: Reserves;
  private readonly exports: HypervisorExports;
  private readonly specs = new Map<number, PartitionSpec>();
  private refused = false;

  /** `chain` is what the audit goes on from, null for nothing, and `originMs` the time since 1970 when `now` was 0. `cpu` is the
   *  thread's processor time, if there is such a clock. Throws HostError when
   *  the board is refused. */
  constructor(
    module: WebAssembly.Module,
    board: BoardSpec,
    mode: "realtime" | "deterministic",
    now: () => number,
    chain: AuditChain | null = null,
    originMs = 0,
    cpu: () => number = now,
  ) {
    this.table = new WebAssembly.Table({
      element: "anyfunc",
      initial: abi.TABLE_FIRST + abi.TABLE_STRIDE * abi.PARTITION_MAX,
    });
    const instance = new WebAssembly.Instance(module, {
      env: { memory: this.memory.memory, table: this.table },
      host: { now, cpu },
    });
    this.exports = instance.exports as unknown as HypervisorExports;
    this.rings = new HypervisorRings(this.memory, this.exports);
    this.channels = new HypervisorChannels(this.memory, this.exports);
    this.reserves = new Reserves(this.exports, this.memory);
    writeBoard(this.memory, board, mode, chain, originMs);
    const refused = this.exports.hypervisorInit();
    if (refused !== reasons.DONE) {
      throw new HostError("HOST_BOARD", `the hypervisor refused the board: ${refusalOf(this.memory, refused).text}`);
    }
  }

  /** Defines a partition; returns its id, or why not. */
  define(spec: PartitionSpec): { id: number } | { refusal: Refusal } {
    writeDefinition(this.memory, spec.memoryBytes, spec, spec.restart);
    const id = this.exports.partitionDefine();
    if (id < 0) return { refusal: refusalOf(this.memory, -id) };
    this.specs.set(id, spec);
    return { id };
  }

  /** Puts a machine's functions into the partition's table slots. */
  attach(id: number, entries: MachineEntries): void {
    const first = abi.TABLE_FIRST + abi.TABLE_STRIDE * id;
    this.table.set(first + abi.TABLE_RUN, entries.run);
    this.table.set(first + abi.TABLE_EXECUTED, entries.runExecuted);
    this.table.set(first + abi.TABLE_WORK, entries.runWork);
    this.table.set(first + abi.TABLE_DEADLINE, entries.machineDeadline);
    this.table.set(first + abi.TABLE_ADVANCE, entries.machineAdvance);
  }

  /** Forgets a machine, so that its memory can be collected. */
  detach(id: number): void {
    const first = abi.TABLE_FIRST + abi.TABLE_STRIDE * id;
    for (let slot = 0; slot < abi.TABLE_STRIDE; slot++) this.table.set(first + slot, null);
  }

  admit(id: number): Refusal | null {
    return this.outcome(this.exports.partitionAdmit(id));
  }

  start(id: number): Refusal | null {
    return this.outcome(this.exports.partitionStart(id));
  }

  pause(id: number): Refusal | null {
    return this.outcome(this.exports.partitionPause(id, reasons.DONE));
  }

  resume(id: number): Refusal | null {
    return this.outcome(this.exports.partitionResume(id));
  }

  /** Stops with a STOP_* reason. */
  stop(id: number, reason: number): Refusal | null {
    return this.outcome(this.exports.partitionStop(id, reason));
  }

  /** Stops it for a policy's or the fleet's reason: it is not admitted before unlock(). */
  lock(id: number, reason: number): Refusal | null {
    return this.outcome(this.exports.partitionLock(id, reason));
  }

  unlock(id: number): Refusal | null {
    return this.outcome(this.exports.partitionUnlock(id));
  }

  remove(id: number): Refusal | null {
    const refusal = this.outcome(this.exports.partitionRemove(id));
    if (refusal === null) this.specs.delete(id);
    return refusal;
  }

  /** Changes contracts live. Memory keeps its size. */
  budget(id: number, contracts: Contracts): Refusal | null {
    const spec = this.specs.get(id);
    if (spec === undefined) return refusalOf(this.memory, reasons.REFUSE_UNKNOWN);
    writeDefinition(this.memory, spec.memoryBytes, contracts, spec.restart);
    const refusal = this.outcome(this.exports.partitionBudget(id));
    if (refusal === null) this.specs.set(id, { ...spec, ...contracts });
    return refusal;
  }

  /** Runs slices until `until` (nanoseconds), or until somebody wants the host, or all sleep. Returns the moment at which it must be
   *  called again at the latest: not after now() when there is work, -1 when only an input can make some. */
  step(until: number): number {
    return this.exports.step(until);
  }

  /** The hypervisor's time in nanoseconds: the host's, or virtual. */
  now(): number {
    return this.exports.hypervisorNow();
  }

  /** The next partition that wants the host, and what for (RUN_* or WANT_*); null when there is none. It does not run until
   *  serviced(). */
  nextWant(): { id: number; want: number } | null {
    const answer = this.exports.wants();
    return answer < 0 ? null : { id: answer & 0xffff, want: answer >>> 16 };
  }

  serviced(id: number): void {
    this.exports.serviced(id);
  }

  /** Whether the host may work for the partition now, unasked: it has budget left, and holds up nobody who was promised the processor.
   *  If so, workEnd() must follow. */
  workBegin(id: number): boolean {
    return this.exports.workBegin(id) === 1;
  }

  /** That work is done: its time is the partition's. */
  workEnd(id: number): void {
    this.exports.workEnd(id);
  }

  /** Host work of so many nanoseconds that a partition caused, or, for NO_PARTITION, that nobody did. */
  bill(id: number, nanoseconds: number): void {
    this.exports.bill(id, nanoseconds);
  }

  /** When a partition has paid for what was done for it, in nanoseconds; 0: it has. */
  paidAt(id: number): number {
    return this.exports.paidAt(id);
  }

  /** A round of the loop begins. */
  mark(): void {
    this.exports.mark();
  }

  /** Host time in somebody's books so far, in nanoseconds. */
  get bookedNs(): number {
    return this.memory.wide(abi.HYPERVISOR_BOOKED);
  }

  /** Time inside the guest, in nanoseconds. */
  cpuTimeNs(id: number): number {
    return this.memory.wideField(id, abi.PARTITION_CPU_TIME);
  }

  wake(id: number): void {
    this.exports.wake(id);
  }

  /** A sign of life that the hypervisor does not see: output. */
  progress(id: number): void {
    this.exports.progress(id);
  }

  /** A machine trapped inside step(). Returns whose it was, -1 when it was nobody's. */
  trapped(): number {
    return this.exports.faulted(reasons.FAIL_TRAP);
  }

  /** Reports a failure that the host saw: FAIL_*. */
  fail(id: number, reason: number): void {
    this.exports.partitionFail(id, reason);
  }

  /** Charges `amount` units of a CHARGE_* kind: DONE, or LIMIT_* when nothing may pass. What LIMIT_RATE and LIMIT_ENERGY refuse may be
   *  asked for again when retries() names the partition; what LIMIT_CAPACITY refuses, never. */
  charge(id: number, kind: number, amount: number): number {
    return this.refusing(this.exports.charge(id, kind, amount));
  }

  /** Units of a CHARGE_* kind that may pass at once; Infinity without a limit. */
  burst(id: number, kind: number): number {
    const limit = abi.DEFINITION_BUCKETS - abi.DEFINITION + kind * 8;
    return this.memory.field(id, limit) === 0 ? Infinity : this.memory.field(id, limit + 4);
  }

  /** Charges a block request, its operation and its bytes together: as charge(). */
  chargeBlock(id: number, bytes: number): number {
    return this.refusing(this.exports.chargeBlock(id, bytes));
  }

  private refusing(answer: number): number {
    if (answer !== reasons.DONE) this.refused = true;
    return answer;
  }

  /** Whether something was refused since the last call: then the moment that step() returned before it may be too late. */
  takeRefused(): boolean {
    const { refused } = this;
    this.refused = false;
    return refused;
  }

  /** Partitions to which something was refused that may be asked for again now. step() goes on when all have been taken. */
  *retries(): Generator<number> {
    for (let id = this.exports.retries(); id >= 0; id = this.exports.retries()) yield id;
  }

  /** Energy that left the battery since the last call. */
  drained(picojoules: bigint): void {
    this.exports.drained(Number(picojoules & 0xffff_ffffn), Number(picojoules >> 32n));
  }

  /** Picojoules since the start, exactly, and the time inside guests. */
  energy(): { drained: bigint; spent: bigint; board: bigint; busyNs: number } {
    const { memory } = this;
    return {
      drained: memory.exact(abi.HYPERVISOR_ENERGY_DRAINED),
      spent: memory.exact(abi.HYPERVISOR_ENERGY_SPENT),
      board: memory.exact(abi.HYPERVISOR_ENERGY_BOARD),
      busyNs: this.memory.wide(abi.HYPERVISOR_BUSY),
    };
  }

  /** What each partition has spent: id and picojoules. */
  energySpent(): [id: number, picojoules: number][] {
    return [...this.specs.keys()].map((id) => [id, this.memory.wideField(id, abi.PARTITION_ENERGY_SPENT)]);
  }

  /** Whether a partition waits for energy that only drained() brings. */
  awaitsShare(): boolean {
    return [...this.specs].some(
      ([id, { energy }]) =>
        (energy?.share ?? 0) > 0 &&
        this.state(id) === reasons.STATE_RUNNING &&
        this.memory.field(id, abi.PARTITION_EXHAUSTED) === 1,
    );
  }

  state(id: number): number {
    return this.memory.field(id, abi.PARTITION_STATE);
  }

  /** Whether admission counts the partition: also while it waits for its restart. */
  isAdmitted(id: number): boolean {
    return this.memory.field(id, abi.PARTITION_HELD) === 1;
  }

  /** Ids whose machines have run since the last call: their rings may hold something. */
  *ran(): Generator<number> {
    for (let byte = 0; byte < abi.RAN_BYTES; byte++) {
      let bits = this.memory.bytes[abi.RAN + byte]!;
      if (bits === 0) continue;
      this.memory.bytes[abi.RAN + byte] = 0;
      for (let bit = 0; bits !== 0; bit++, bits >>>= 1) if (bits & 1) yield byte * 8 + bit;
    }
  }

  private outcome(reason: number): Refusal | null {
    return outcomeOf(this.memory, reason);
  }

  /** Fills a reserve from the battery as far as it has room: what a partition begins with. */
  topUp(id: number, picojoules: bigint): Refusal | null {
    return this.outcome(this.exports.energyTopUp(id, Number(picojoules & 0xffff_ffffn), Number(picojoules >> 32n)));
  }

  /** Everything that can be told about the handset at this moment, by partition id. */
  snapshot(): HandsetSnapshot {
    return handsetSnapshot(this.memory, this.specs, (id) => this.exports.partitionRefresh(id));
  }
}
