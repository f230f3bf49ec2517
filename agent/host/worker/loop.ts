// The handset worker's loop: requests and completions in → hypervisor.step() → serve who wants something → publish → sleep on the
// doorbell. Nothing polls. A trap in a machine unwinds through step(); it costs that partition, and the loop goes on.

import {
  RUN_CHANNEL,
  RUN_ENTROPY,
  RUN_IO,
  RUN_OUTPUT,
  RUN_POWER_OFF,
  RUN_RESET,
  RUN_WATCHDOG,
  DONE,
  FAIL_PANIC,
  FAIL_RESET_LOOP,
  FAIL_START,
  FAIL_WATCHDOG,
  LOSS_AUDIT,
  REFUSE_UNKNOWN,
  STATE_RUNNING,
  STOP_COMMAND,
  STOP_POLICY,
  WANT_RESTART,
} from "../../../kernel/abi/reasons.ts";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import { Failure } from "../../failure.ts";
import type { HandsetMessage, LoadedRequest } from "../between/messages.ts";
import { ChannelHost } from "./channels.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Doorbell } from "../between/doorbell.ts";
import { MemoryReturn } from "./memory-return.ts";
import { PowerMeter } from "./power-meter.ts";
import { reasonText } from "../between/reason-text.ts";
import { Resident } from "./resident.ts";
import type { PowerSpec } from "../../handset/contracts.ts";
import type { HandsetSnapshot } from "../../view.ts";
import type { HandsetAnswer, Refusal } from "../../shell/orders.ts";

/** How long step() may run before the loop looks at its inputs: they wait this long at most. */
const STEP_NS = 2_000_000;

export interface HandsetLoopOptions {
  hypervisor: Hypervisor;
  machineModule: WebAssembly.Module;
  deterministic: boolean;
  doorbell: Doorbell;
  power: PowerSpec;
  /** A moment of virtual time that no jump over sleep may pass; Infinity: none. */
  horizon?: () => number;
  /** Host monotonic time in nanoseconds. */
  now: () => number;
  /** The next request that has come, or null. */
  nextRequest: () => { id: number; request: LoadedRequest } | null;
  post: (message: HandsetMessage) => void;
  /** Called once each round, and before what takes long: the monitor watches that it rises. */
  heartbeat: () => void;
}

export class HandsetLoop {
  private readonly options: HandsetLoopOptions;
  private readonly residents = new Map<number, Resident>();
  private readonly channels: ChannelHost;
  private readonly memoryReturn = new MemoryReturn();
  private readonly meter: PowerMeter;
  private quitting = false;
  private auditLost = 0;

  constructor(options: HandsetLoopOptions) {
    this.options = options;
    this.meter = new PowerMeter(options.power, options.hypervisor, (reading) =>
      options.post({ kind: "battery", reading }),
    );
    this.channels = new ChannelHost(
      options.hypervisor,
      (partition) => this.residents.get(partition)?.currentMachine ?? null,
    );
  }

  /** Runs until a request to quit. */
  run(): void {
    const { hypervisor, doorbell, deterministic, now, heartbeat } = this.options;
    let heard = -1;
    let due = 0;
    while (!this.quitting) {
      heartbeat();
      const bell = doorbell.heard();
      if (bell !== heard) {
        heard = bell;
        due = 0;
        this.takeRequests();
        for (const resident of this.residents.values()) resident.takeCompletions();
      }
      due = this.step(this.until(due));
      // What it books may have woken somebody.
      if (this.meter.look()) due = 0;
      else if (deterministic && due < 0 && hypervisor.awaitsShare()) due = this.meter.dueNs;
      const published = this.serve();
      this.announce(published);
      if (this.quitting) break;
      // The moment at which it may be asked for again is not in `due`.
      if (hypervisor.takeRefused()) due = 0;
      const moment = deterministic ? hypervisor.now() : now();
      const next = Math.min(due < 0 ? Infinity : due, this.meter.dueNs);
      this.memoryReturn.look(now(), next - moment);
      if (!deterministic && next > moment) doorbell.sleep(heard, (next - moment) / 1e6);
      // Virtual time stands still when nothing but an input can make work.
      else if (deterministic && due < 0) doorbell.sleep(heard, Infinity);
    }
    for (const resident of this.residents.values()) {
      resident.settle(doorbell);
      resident.destroy();
    }
    this.postAudit();
  }

  /** How far step() may go. In virtual time it may jump to `due`, the end of a sleep, but not over what happens before it. */
  private until(due: number): number {
    const { hypervisor, deterministic, now, horizon } = this.options;
    if (!deterministic) return now() + STEP_NS;
    const moment = hypervisor.now();
    const most = Math.min(Math.max(moment + STEP_NS, due), this.meter.dueNs, horizon?.() ?? Infinity);
    return Math.max(moment + 1, most);
  }

  private step(until: number): number {
    const { hypervisor } = this.options;
    try {
      return hypervisor.step(until);
    } catch (error) {
      // A guest that makes the machine call itself too deeply ends as a RangeError; both are the machine's defects, not ours.
      if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) throw error;
      if (hypervisor.trapped() < 0) throw error;
      return 0;
    }
  }

  /** Looks at the rings of who has run or was held back, and serves who wants something. Returns whose console has grown. */
  private serve(): number[] {
    const { hypervisor } = this.options;
    const grown: number[] = [];
    for (const id of hypervisor.ran()) {
      const resident = this.residents.get(id);
      if (resident === undefined) continue;
      if (resident.drainConsole()) grown.push(id);
      resident.deliverInput();
      resident.takeRequests();
      resident.translate();
    }
    for (const id of hypervisor.retries()) if (this.residents.get(id)?.retry() && !grown.includes(id)) grown.push(id);
    for (let next = hypervisor.nextWant(); next !== null; next = hypervisor.nextWant()) {
      const resident = this.residents.get(next.id);
      if (resident !== undefined) this.serveWant(resident, next.want);
    }
    return grown;
  }

  private serveWant(resident: Resident, want: number): void {
    const { hypervisor } = this.options;
    switch (want) {
      case RUN_OUTPUT:
      case RUN_IO:
        break;
      case RUN_CHANNEL:
        this.channels.serve(resident.id);
        break;
      case RUN_ENTROPY:
        resident.fillEntropy();
        break;
      case RUN_POWER_OFF:
        // The hypervisor has stopped it already.
        resident.drainLastWords();
        this.bury(resident.id);
        return;
      case RUN_WATCHDOG:
        resident.drainLastWords();
        hypervisor.fail(resident.id, FAIL_WATCHDOG);
        return;
      case RUN_RESET:
        resident.drainLastWords();
        if (resident.panicked) hypervisor.fail(resident.id, FAIL_PANIC);
        else {
          const failure = this.reset(resident);
          if (failure === null) break;
          hypervisor.fail(resident.id, failure);
        }
        return;
      case WANT_RESTART:
        this.restart(resident);
        return;
      default:
        break;
    }
    hypervisor.serviced(resident.id);
  }

  /** The guest reset itself. Returns why it does not come back; null: it does. */
  private reset(resident: Resident): number | null {
    try {
      return resident.reset(this.options.doorbell) ? null : FAIL_RESET_LOOP;
    } catch (error) {
      // Its image is not what it was, or gone: that is its own end, and nobody else's.
      if (!(error instanceof Failure)) throw error;
      return FAIL_START;
    }
  }

  /** Ends a partition. */
  private halt(resident: Resident, reason: number): Refusal | null {
    const { hypervisor, doorbell } = this.options;
    resident.drainLastWords();
    resident.settle(doorbell);
    const refusal = hypervisor.stop(resident.id, reason);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** Ends a partition, and keeps it from starting. */
  private lock(resident: Resident): Refusal | null {
    const { hypervisor, doorbell } = this.options;
    resident.drainLastWords();
    resident.settle(doorbell);
    const refusal = hypervisor.lock(resident.id, STOP_POLICY);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** A new machine for a partition that failed or is started again. */
  private restart(resident: Resident): Refusal | null {
    const { hypervisor, machineModule, now, doorbell, heartbeat } = this.options;
    // Several may begin in one round, and each reads its images.
    heartbeat();
    try {
      resident.settle(doorbell);
      this.drop(resident);
      this.memoryReturn.settle();
      resident.build(machineModule, now);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      hypervisor.fail(resident.id, FAIL_START);
      return {
        reason: FAIL_START,
        text: `${reasonText(FAIL_START)}: ${error.message}`,
        wanted: 0n,
        committed: 0n,
        limit: 0n,
      };
    }
    return this.readmit(resident.id) ?? hypervisor.start(resident.id);
  }

  /** What has ended for good has given its share of the board back: it must be admitted again. */
  private readmit(id: number): Refusal | null {
    const { hypervisor } = this.options;
    return hypervisor.isAdmitted(id) ? null : hypervisor.admit(id);
  }

  private announce(grown: number[]): void {
    const { hypervisor, post } = this.options;
    if (grown.length > 0) post({ kind: "console", partitions: grown });
    this.postAudit();
    for (const event of hypervisor.events()) {
      post({ kind: "event", event });
      if (event.kind === "fault" || event.kind === "failed") {
        this.residents.get(event.partition)?.failed(reasonText(event.reason), event.timeNs);
      }
      if (event.kind === "failed" && !hypervisor.isAdmitted(event.partition)) this.bury(event.partition);
    }
  }

  private postAudit(): void {
    const { hypervisor, post } = this.options;
    const records = hypervisor.takeAudit();
    if (records.length > 0) post({ kind: "audit", records });
    if (hypervisor.auditLost === this.auditLost) return;
    this.auditLost = hypervisor.auditLost;
    hypervisor.tell("audit-lost", NO_PARTITION, LOSS_AUDIT, this.auditLost);
  }

  /** A partition has ended: its machine and what waits in its channels go, its console log and its record stay. */
  private bury(id: number): void {
    const resident = this.residents.get(id);
    if (resident === undefined) return;
    resident.settle(this.options.doorbell);
    this.drop(resident);
    for (const channel of this.options.hypervisor.channelsOf(id)) this.channels.drop(channel);
  }

  /** Its machine goes, and its memory goes back to the host soon. */
  private drop(resident: Resident): void {
    if (resident.currentMachine !== null) this.memoryReturn.owe(this.options.now());
    resident.destroy();
  }

  private takeRequests(): void {
    const { nextRequest, post } = this.options;
    for (let next = nextRequest(); next !== null; next = nextRequest()) {
      post({ kind: "answer", id: next.id, answer: this.carryOut(next.request) });
    }
  }

  private carryOut(request: LoadedRequest): HandsetAnswer {
    const { hypervisor } = this.options;
    switch (request.op) {
      case "define": {
        const answer = hypervisor.define(request.spec);
        if ("refusal" in answer) return answer;
        this.residents.set(answer.id, new Resident(answer.id, request.spec, hypervisor));
        return { value: answer.id };
      }
      case "channel": {
        for (const { partition, name } of [request.from, request.to]) {
          if (name !== undefined && this.residents.get(partition)?.spec.name !== name) {
            return outcome(misnamed());
          }
        }
        const answer = hypervisor.channelGrant(request.from, request.to, request.contract);
        return "refusal" in answer ? answer : { value: answer.channel };
      }
      case "revoke": {
        const refusal = hypervisor.channelRevoke(request.channel);
        this.channels.drop(request.channel);
        return outcome(refusal);
      }
      case "snapshot":
        return { value: this.snapshot() };
      case "drained":
        this.meter.book(request.picojoules);
        return { value: null };
      case "quit":
        this.quitting = true;
        return { value: null };
      default:
        return this.carryOutOn(request);
    }
  }

  private carryOutOn(request: Extract<LoadedRequest, { partition: number }>): HandsetAnswer {
    const { hypervisor } = this.options;
    const resident = this.residents.get(request.partition);
    if (resident === undefined) return outcome(hypervisor.start(request.partition));
    if ("name" in request && request.name !== undefined && request.name !== resident.spec.name) {
      return outcome(misnamed());
    }
    switch (request.op) {
      case "admit":
        return outcome(hypervisor.admit(resident.id));
      case "start":
        return outcome(this.restart(resident));
      case "restart":
        return outcome(this.halt(resident, STOP_COMMAND) ?? this.restart(resident));
      case "pause":
        return outcome(hypervisor.pause(resident.id));
      case "resume":
        return outcome(hypervisor.resume(resident.id));
      case "stop":
        return outcome(this.halt(resident, STOP_COMMAND));
      case "lock":
        return outcome(this.lock(resident));
      case "unlock":
        return outcome(hypervisor.unlock(resident.id));
      case "remove": {
        const refusal = hypervisor.remove(resident.id);
        if (refusal === null) this.residents.delete(resident.id);
        return outcome(refusal);
      }
      case "fill":
        return outcome(hypervisor.topUp(resident.id, request.picojoules));
      case "budget":
        return outcome(hypervisor.budget(resident.id, request));
      case "translation":
        resident.limitTranslation(request.codeBytes);
        return { value: null };
      case "input":
        return { value: hypervisor.state(resident.id) === STATE_RUNNING ? resident.offerInput(request.bytes) : 0 };
    }
  }

  private snapshot(): HandsetSnapshot {
    const snapshot = this.options.hypervisor.snapshot();
    for (const partition of snapshot.partitions) {
      partition.bootMs = this.residents.get(partition.partition)?.bootMs ?? null;
      partition.translation = this.residents.get(partition.partition)?.currentMachine?.translator?.stats() ?? null;
      partition.crash = this.residents.get(partition.partition)?.crash ?? null;
    }
    this.meter.complete(snapshot);
    return snapshot;
  }
}

/** Number and name of an order's partition do not belong together. */
function misnamed(): Refusal {
  return { reason: REFUSE_UNKNOWN, text: reasonText(REFUSE_UNKNOWN), wanted: 0n, committed: 0n, limit: 0n };
}

function outcome(refusal: Refusal | null): HandsetAnswer {
  return refusal === null || refusal.reason === DONE ? { value: null } : { refusal };
}
