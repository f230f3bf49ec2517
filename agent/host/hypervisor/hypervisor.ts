// hypervisor.wasm as the handset worker uses it: its memory's layout (kernel/abi/hypervisor) as objects, its refusals as values.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import * as reasons from "../../../kernel/abi/reasons.ts";
import { HostError } from "../../failure.ts";
import type { AuditChain } from "../between/messages.ts";
import type { MachineEntries } from "../machine/machine.ts";
import { reasonText, refusalText, stateName } from "../between/reason-text.ts";
import type {
  BoardSpec,
  ChannelContract,
  HealthAction,
  RateLimit,
  RestartPolicy,
  Contracts,
} from "../../handset/contracts.ts";
import type { HandsetEvent, HandsetSnapshot, PartitionSnapshot } from "../../view.ts";
import type { PartitionSpec, Refusal } from "../../shell/orders.ts";

interface HypervisorExports {
  hypervisorInit(): number;
  partitionDefine(): number;
  partitionAdmit(id: number): number;
  partitionStart(id: number): number;
  partitionPause(id: number): number;
  partitionResume(id: number): number;
  partitionStop(id: number, reason: number): number;
  partitionLock(id: number, reason: number): number;
  partitionUnlock(id: number): number;
  partitionRemove(id: number): number;
  partitionBudget(id: number): number;
  step(until: number): number;
  wants(): number;
  serviced(id: number): void;
  workBegin(id: number): number;
  workEnd(id: number): number;
  bill(id: number, time: number): void;
  paidAt(id: number): number;
  mark(): void;
  wake(id: number): void;
  hypervisorNow(): number;
  progress(id: number): void;
  partitionFail(id: number, reason: number): number;
  partitionRefresh(id: number): void;
  faulted(reason: number): number;
  charge(id: number, kind: number, amount: number): number;
  chargeBlock(id: number, bytes: number): number;
  retries(): number;
  drained(low: number, high: number): void;
  energyTopUp(id: number, low: number, high: number): number;
  auditNote(id: number, reason: number, low: number, high: number): void;
  channelGrant(from: number, port: number, to: number, toPort: number): number;
  channelRevoke(channel: number): number;
  channelSend(id: number, port: number, length: number): number;
  channelReceive(id: number, port: number): number;
  channelTaken(channel: number, length: number): number;
}

const ACTIONS: Record<HealthAction, number> = {
  ignore: reasons.ACTION_IGNORE,
  log: reasons.ACTION_LOG,
  restart: reasons.ACTION_RESTART,
  pause: reasons.ACTION_PAUSE,
  stop: reasons.ACTION_STOP,
};

const EVENT_KINDS: Record<number, string> = {
  [abi.EVENT_FAULT]: "fault",
  [abi.EVENT_CPU_EXHAUSTED]: "cpu-exhausted",
  [abi.EVENT_ENERGY_EMPTY]: "energy-empty",
  [abi.EVENT_BUDGET]: "budget",
  [abi.EVENT_RESTART]: "restart",
  [abi.EVENT_CHANNEL]: "channel",
};

const BUCKETS = ["block operations", "block bytes", "console bytes", "network bytes"];
const THROTTLED_BY = ["nothing", "cpu", "energy"] as const;

const NO_RECORDS = new Uint8Array(0);
const NO_EVENTS: readonly HandsetEvent[] = [];

/** One end of a channel. */
export interface ChannelEnd {
  partition: number;
  port: number;
}

export class Hypervisor {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private readonly table: WebAssembly.Table;
  private readonly exports: HypervisorExports;
  private readonly specs = new Map<number, PartitionSpec>();
  private refused = false;
  private readonly told: HandsetEvent[] = [];

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
    const memory = new WebAssembly.Memory({ initial: abi.HYPERVISOR_PAGES, maximum: abi.HYPERVISOR_PAGES });
    this.table = new WebAssembly.Table({
      element: "anyfunc",
      initial: abi.TABLE_FIRST + abi.TABLE_STRIDE * abi.PARTITION_MAX,
    });
    this.view = new DataView(memory.buffer);
    this.bytes = new Uint8Array(memory.buffer);
    const instance = new WebAssembly.Instance(module, { env: { memory, table: this.table }, host: { now, cpu } });
    this.exports = instance.exports as unknown as HypervisorExports;
    this.set(abi.BOARD_ABI_VERSION, abi.HYPERVISOR_ABI_VERSION);
    this.set(abi.BOARD_MODE, mode === "realtime" ? abi.CLOCK_REALTIME : abi.CLOCK_VIRTUAL);
    this.setWide(abi.BOARD_RAM, BigInt(board.ramBytes));
    this.setWide(abi.BOARD_RESERVE, BigInt(board.reserveBytes));
    this.set(abi.BOARD_CPU_LIMIT, 0);
    this.set(abi.BOARD_ENERGY_RATE, board.envelopeMicrowatts);
    const { costs } = board;
    const byKind: [number, number][] = [
      [abi.CHARGE_INSTRUCTION, costs.instruction],
      [abi.CHARGE_BLOCK_OPERATION, costs.blockOperation],
      [abi.CHARGE_BLOCK_BYTE, costs.blockByte],
      [abi.CHARGE_CONSOLE_BYTE, costs.consoleByte],
      [abi.CHARGE_NETWORK_BYTE, costs.networkByte],
    ];
    for (const [kind, cost] of byKind) this.set(abi.BOARD_COSTS + kind * 4, cost);
    if (chain !== null) {
      this.bytes.set(chain.hash, abi.BOARD_AUDIT_HASH);
      this.setWide(abi.BOARD_AUDIT_SEQUENCE, chain.sequence);
      this.set(abi.BOARD_AUDIT_CHAIN, chain.from);
    }
    this.setWide(abi.BOARD_AUDIT_ORIGIN, BigInt(Math.round(originMs)));
    const refused = this.exports.hypervisorInit();
    if (refused !== reasons.DONE) {
      throw new HostError("HOST_BOARD", `the hypervisor refused the board: ${refusalText(this.refusal(refused))}`);
    }
  }

  /** Defines a partition; returns its id, or why not. */
  define(spec: PartitionSpec): { id: number } | { refusal: Refusal } {
    this.bytes.fill(0, abi.DEFINITION, abi.DEFINITION + abi.DEFINITION_BYTES);
    this.setWide(abi.DEFINITION_MEMORY, BigInt(spec.memoryBytes));
    this.writeContracts(spec);
    this.writeRestart(spec.restart);
    const id = this.exports.partitionDefine();
    if (id < 0) return { refusal: this.refusal(-id) };
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
    return this.outcome(this.exports.partitionPause(id));
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
    if (spec === undefined) return this.refusal(reasons.REFUSE_UNKNOWN);
    this.bytes.fill(0, abi.DEFINITION, abi.DEFINITION + abi.DEFINITION_BYTES);
    this.setWide(abi.DEFINITION_MEMORY, BigInt(spec.memoryBytes));
    this.writeContracts(contracts);
    this.writeRestart(spec.restart);
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
    return this.wide(abi.HYPERVISOR_BOOKED);
  }

  /** Time inside the guest, in nanoseconds. */
  cpuTimeNs(id: number): number {
    return this.wide(abi.PARTITIONS + id * abi.PARTITION_BYTES + abi.PARTITION_CPU_TIME);
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
    return this.field(id, limit) === 0 ? Infinity : this.field(id, limit + 4);
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
    const exact = (at: number): bigint => this.view.getBigUint64(at, true);
    return {
      drained: exact(abi.HYPERVISOR_ENERGY_DRAINED),
      spent: exact(abi.HYPERVISOR_ENERGY_SPENT),
      board: exact(abi.HYPERVISOR_ENERGY_BOARD),
      busyNs: this.wide(abi.HYPERVISOR_BUSY),
    };
  }

  /** What each partition has spent: id and picojoules. */
  energySpent(): [id: number, picojoules: number][] {
    return [...this.specs.keys()].map((id) => [
      id,
      this.wide(abi.PARTITIONS + id * abi.PARTITION_BYTES + abi.PARTITION_ENERGY_SPENT),
    ]);
  }

  /** Whether a partition waits for energy that only drained() brings. */
  awaitsShare(): boolean {
    return [...this.specs].some(
      ([id, { energy }]) =>
        (energy?.share ?? 0) > 0 &&
        this.state(id) === reasons.STATE_RUNNING &&
        this.field(id, abi.PARTITION_EXHAUSTED) === 1,
    );
  }

  state(id: number): number {
    return this.field(id, abi.PARTITION_STATE);
  }

  /** Whether admission counts the partition: also while it waits for its restart. */
  isAdmitted(id: number): boolean {
    return this.field(id, abi.PARTITION_HELD) === 1;
  }

  /** Ids whose machines have run since the last call: their rings may hold something. */
  *ran(): Generator<number> {
    for (let byte = 0; byte < abi.RAN_BYTES; byte++) {
      let bits = this.bytes[abi.RAN + byte]!;
      if (bits === 0) continue;
      this.bytes[abi.RAN + byte] = 0;
      for (let bit = 0; bits !== 0; bit++, bits >>>= 1) if (bits & 1) yield byte * 8 + bit;
    }
  }

  /** Something that the host saw: an event, and a record in the audit. `partition` may be NO_PARTITION. */
  tell(kind: string, partition: number, reason: number, value: number): void {
    this.exports.auditNote(partition, reason, value >>> 0, Math.floor(value / 2 ** 32));
    this.told.push({ kind, partition, reason, timeNs: this.now(), value });
  }

  /** Takes everything out of the event ring, and what was told since. */
  events(): readonly HandsetEvent[] {
    const head = this.view.getUint32(abi.EVENT_HEAD, true);
    let tail = this.view.getUint32(abi.EVENT_TAIL, true);
    if (head === tail && this.told.length === 0) return NO_EVENTS;
    const found: HandsetEvent[] = [];
    for (; tail !== head; tail = (tail + 1) >>> 0) {
      const at = abi.EVENTS + (tail % abi.EVENT_COUNT) * abi.EVENT_BYTES;
      const kind = this.view.getUint16(at + abi.EVENT_KIND, true);
      found.push({
        kind: kind === abi.EVENT_STATE ? stateName(this.wide(at + abi.EVENT_VALUE)) : (EVENT_KINDS[kind] ?? "unknown"),
        partition: this.view.getUint16(at + abi.EVENT_PARTITION, true),
        reason: this.view.getUint32(at + abi.EVENT_REASON, true),
        timeNs: this.wide(at + abi.EVENT_TIME),
        value: this.wide(at + abi.EVENT_VALUE),
      });
    }
    this.set(abi.EVENT_TAIL, tail);
    found.push(...this.told.splice(0));
    return found;
  }

  /** Takes everything out of the audit ring: records of AUDIT_BYTES, oldest first. */
  takeAudit(): Uint8Array {
    const head = this.view.getUint32(abi.AUDIT_HEAD, true);
    const tail = this.view.getUint32(abi.AUDIT_TAIL, true);
    // This runs in each round of the loop: nothing is made when there is nothing.
    if (head === tail) return NO_RECORDS;
    const taken = new Uint8Array(((head - tail) >>> 0) * abi.AUDIT_BYTES);
    for (let n = 0; n < taken.length / abi.AUDIT_BYTES; n++) {
      const at = abi.AUDITS + ((tail + n) % abi.AUDIT_COUNT) * abi.AUDIT_BYTES;
      taken.set(this.bytes.subarray(at, at + abi.AUDIT_BYTES), n * abi.AUDIT_BYTES);
    }
    this.set(abi.AUDIT_TAIL, head);
    return taken;
  }

  /** Audit records that found the ring full, since the start. */
  get auditLost(): number {
    return this.view.getUint32(abi.AUDIT_LOST, true);
  }

  /** SHA-256 of the audit ring's last record, in hexadecimal: it covers everything before it. */
  auditHash(): string {
    return Buffer.from(this.bytes.subarray(abi.AUDIT_HASH, abi.AUDIT_HASH + 32)).toString("hex");
  }

  /** Everything that can be told about the handset at this moment, by partition id. */
  snapshot(): HandsetSnapshot {
    // Looking at a partition fills its reserve, which the sums must show.
    const partitions = [...this.specs.entries()].map(([id, spec]) => this.partition(id, spec));
    return {
      nowNs: this.wide(abi.HYPERVISOR_NOW),
      busyNs: this.wide(abi.HYPERVISOR_BUSY),
      stolenNs: this.wide(abi.HYPERVISOR_STOLEN),
      handsetNs: this.wide(abi.HYPERVISOR_HANDSET_TIME),
      slices: this.wide(abi.HYPERVISOR_SLICES),
      memoryHeld: this.wide(abi.HYPERVISOR_MEMORY_HELD),
      cpuHeldPpb: this.wide(abi.HYPERVISOR_CPU_HELD),
      energyDrained: this.wide(abi.HYPERVISOR_ENERGY_DRAINED),
      energySpent: this.wide(abi.HYPERVISOR_ENERGY_SPENT),
      battery: null,
      average: null,
      boardAverage: null,
      partitions,
    };
  }

  private partition(id: number, spec: PartitionSpec): PartitionSnapshot {
    this.exports.partitionRefresh(id);
    const at = abi.PARTITIONS + id * abi.PARTITION_BYTES;
    const wide = (offset: number): number => this.wide(at + offset);
    const word = (offset: number): number => this.view.getUint32(at + offset, true);
    return {
      partition: id,
      name: spec.name,
      state: stateName(word(abi.PARTITION_STATE)),
      reason: reasonText(word(abi.PARTITION_REASON)),
      bootMs: null,
      crash: null,
      translation: null,
      memoryBytes: wide(abi.PARTITION_MEMORY),
      cpu: {
        ...spec.cpu,
        timeNs: wide(abi.PARTITION_CPU_TIME),
        serviceNs: wide(abi.PARTITION_SERVICE_TIME),
        throttledNs: wide(abi.PARTITION_THROTTLED_TIME),
        throttledTotal: wide(abi.PARTITION_THROTTLED_COUNT),
        debtNs: wide(abi.PARTITION_DEBT),
        overrunMaxNs: wide(abi.PARTITION_OVERRUN_MAX),
      },
      energy: {
        contract: spec.energy === null ? null : { ...spec.energy, capacity: Number(spec.energy.capacity) },
        level: wide(abi.PARTITION_ENERGY_LEVEL),
        spent: wide(abi.PARTITION_ENERGY_SPENT),
        average: null,
        throttledNs: wide(abi.PARTITION_ENERGY_THROTTLED_TIME),
        throttledTotal: wide(abi.PARTITION_ENERGY_THROTTLED_COUNT),
      },
      instructions: wide(abi.PARTITION_INSTRUCTIONS),
      work: wide(abi.PARTITION_WORK),
      slices: wide(abi.PARTITION_SLICES),
      restarts: word(abi.PARTITION_RESTARTS),
      throttledBy: THROTTLED_BY[word(abi.PARTITION_THROTTLED_BY)] ?? "nothing",
      sleeping: word(abi.PARTITION_SLEEPING) === 1,
      latencyMaxNs: wide(abi.PARTITION_LATENCY_MAX),
      waitsForDevice: word(abi.PARTITION_RETRYING) === 1,
      io: BUCKETS.map((name, kind) => {
        const bucket = abi.PARTITION_BUCKETS + kind * abi.BUCKET_BYTES;
        return {
          name,
          used: wide(bucket + abi.BUCKET_USED),
          throttledTotal: word(bucket + abi.BUCKET_THROTTLED),
        };
      }),
    };
  }

  private writeContracts({ cpu, energy, io }: Contracts): void {
    this.set(abi.DEFINITION_CLASS, cpu.class === "guaranteed" ? abi.CLASS_GUARANTEED : abi.CLASS_BEST_EFFORT);
    this.set(abi.DEFINITION_BUDGET, cpu.budget);
    this.set(abi.DEFINITION_PERIOD, cpu.period);
    this.set(abi.DEFINITION_CEILING, cpu.ceiling ?? abi.CEILING_NONE);
    this.set(abi.DEFINITION_WEIGHT, cpu.weight);
    this.set(abi.DEFINITION_ENERGY, energy === null ? 0 : 1);
    if (energy !== null) {
      this.setWide(abi.DEFINITION_ENERGY_CAPACITY, energy.capacity);
      this.set(abi.DEFINITION_ENERGY_RATE, energy.rate);
      this.set(abi.DEFINITION_ENERGY_SHARE, energy.share);
    }
    const limits: [number, RateLimit | null][] = [
      [abi.CHARGE_BLOCK_OPERATION, io.blockOperations],
      [abi.CHARGE_BLOCK_BYTE, io.blockBytes],
      [abi.CHARGE_CONSOLE_BYTE, io.consoleBytes],
    ];
    for (const [kind, limit] of limits) {
      this.set(abi.DEFINITION_BUCKETS + kind * 8, limit?.rate ?? 0);
      this.set(abi.DEFINITION_BUCKETS + kind * 8 + 4, limit?.burst ?? 0);
    }
  }

  private writeRestart(policy: RestartPolicy): void {
    this.set(abi.DEFINITION_NO_PROGRESS, policy.noProgressMs);
    this.set(abi.DEFINITION_RESTART_MAX, policy.max);
    this.set(abi.DEFINITION_BACKOFF_FIRST, policy.backoffFirstMs);
    this.set(abi.DEFINITION_BACKOFF_MAX, policy.backoffMaxMs);
    const own = abi.DEFINITION_ACTIONS + reasons.LEVEL_PARTITION * reasons.FAIL_COUNT;
    const handset = abi.DEFINITION_ACTIONS + reasons.LEVEL_HANDSET * reasons.FAIL_COUNT;
    for (let failure = 0; failure < reasons.FAIL_COUNT; failure++) {
      this.bytes[own + failure] = ACTIONS[policy.onFailure];
      this.bytes[handset + failure] = reasons.ACTION_STOP;
    }
  }

  private outcome(reason: number): Refusal | null {
    return reason === reasons.DONE ? null : this.refusal(reason);
  }

  private refusal(reason: number): Refusal {
    const refusal = {
      reason,
      text: "",
      wanted: this.view.getBigUint64(abi.ANSWER_WANTED, true),
      committed: this.view.getBigUint64(abi.ANSWER_COMMITTED, true),
      limit: this.view.getBigUint64(abi.ANSWER_LIMIT, true),
    };
    return { ...refusal, text: refusalText(refusal) };
  }

  /** Fills a reserve from the battery as far as it has room: what a partition begins with. */
  topUp(id: number, picojoules: bigint): Refusal | null {
    return this.outcome(this.exports.energyTopUp(id, Number(picojoules & 0xffff_ffffn), Number(picojoules >> 32n)));
  }

  /** Lets `from` send to `to`: the channel, or why not. */
  channelGrant(
    from: ChannelEnd,
    to: ChannelEnd,
    contract: ChannelContract,
  ): { channel: number } | { refusal: Refusal } {
    this.set(abi.DEFINITION_CHANNEL_CAPACITY, contract.capacity);
    this.set(abi.DEFINITION_CHANNEL_BYTES, contract.bytes?.rate ?? 0);
    this.set(abi.DEFINITION_CHANNEL_BYTES + 4, contract.bytes?.burst ?? 0);
    this.set(abi.DEFINITION_CHANNEL_MESSAGES, contract.messages?.rate ?? 0);
    this.set(abi.DEFINITION_CHANNEL_MESSAGES + 4, contract.messages?.burst ?? 0);
    const channel = this.exports.channelGrant(from.partition, from.port, to.partition, to.port);
    return channel < 0 ? { refusal: this.refusal(-channel) } : { channel };
  }

  channelRevoke(channel: number): Refusal | null {
    return this.outcome(this.exports.channelRevoke(channel));
  }

  /** Books a message of `length` bytes (all ones: a notification): the channel, or a negative reason. */
  channelSend(id: number, port: number, length: number): number {
    return this.exports.channelSend(id, port, length);
  }

  /** The channel whose ring holds the next message for this port, or a negative reason. */
  channelReceive(id: number, port: number): number {
    return this.exports.channelReceive(id, port);
  }

  /** A message has left the ring; true when the sender waits for room. */
  channelTaken(channel: number, length: number): boolean {
    return this.exports.channelTaken(channel, length) === 1;
  }

  channelEnds(channel: number): { from: ChannelEnd; to: ChannelEnd } {
    const at = abi.CHANNELS + channel * abi.CHANNEL_BYTES;
    const half = (offset: number): number => this.view.getUint16(at + offset, true);
    return {
      from: { partition: half(abi.CHANNEL_FROM), port: half(abi.CHANNEL_FROM_PORT) },
      to: { partition: half(abi.CHANNEL_TO), port: half(abi.CHANNEL_TO_PORT) },
    };
  }

  /** The answer to CHANNEL_INFO: as status bit 0 when the port may send and bit 1 when it may receive, as value the longest message. */
  channelInfo(id: number, port: number): { status: number; value: number } {
    const at = abi.PORTS + (id * abi.PORT_COUNT + port) * 4;
    const out = this.view.getUint16(at, true);
    const into = this.view.getUint16(at + 2, true);
    const status = (out === 0 ? 0 : 1) | (into === 0 ? 0 : 2);
    if (out === 0) return { status, value: 0 };
    const capacity = this.view.getUint32(abi.CHANNELS + (out - 1) * abi.CHANNEL_BYTES + abi.CHANNEL_CAPACITY, true);
    return { status, value: Math.max(0, capacity - abi.CHANNEL_HEADER) };
  }

  /** Channels in which a partition takes part. */
  channelsOf(id: number): number[] {
    const found: number[] = [];
    for (let port = 0; port < abi.PORT_COUNT; port++) {
      const at = abi.PORTS + (id * abi.PORT_COUNT + port) * 4;
      for (const offset of [0, 2]) {
        const entry = this.view.getUint16(at + offset, true);
        if (entry !== 0) found.push(entry - 1);
      }
    }
    return found;
  }

  private field(id: number, offset: number): number {
    return this.view.getUint32(abi.PARTITIONS + id * abi.PARTITION_BYTES + offset, true);
  }

  private set(at: number, value: number): void {
    this.view.setUint32(at, value, true);
  }

  private setWide(at: number, value: bigint): void {
    this.view.setBigUint64(at, value, true);
  }

  /** A u64 as a number: exact below 2^53, which is 104 days of nanoseconds and 9 kJ of picojoules. */
  private wide(at: number): number {
    return Number(this.view.getBigUint64(at, true));
  }
}
