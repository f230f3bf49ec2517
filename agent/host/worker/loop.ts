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
  RUN_BREAK,
  LOSS_AUDIT,
  REFUSE_UNKNOWN,
  STATE_RUNNING,
  STOP_COMMAND,
  STOP_POLICY,
  WANT_RESTART,
} from "../../../kernel/abi/reasons.ts";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import { Failure, ImageError } from "../../failure.ts";
import type { HandsetMessage, LoadedRequest, Fault, PartitionStats } from "../between/messages.ts";
import type { DebugDoor } from "../debug/gate.ts";
import { DivergenceError } from "../machine/pair.ts";
import type { ProfileResult } from "../machine/profile.ts";
import { ChannelHost } from "./channels.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Doorbell } from "../between/doorbell.ts";
import { MemoryReturn } from "./memory-return.ts";
import { PowerMeter } from "./power-meter.ts";
import { reasonText } from "../between/reason-text.ts";
import { Resident } from "./resident.ts";
import { RoundBill } from "./round-bill.ts";
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
  /** Processor time of this thread in nanoseconds. */
  cpu: () => number;
  /** The next request that has come, or null. */
  nextRequest: () => { id: number; request: LoadedRequest } | null;
  post: (message: HandsetMessage) => void;
  /** Called once each round, and before what takes long: the monitor watches that it rises. */
  heartbeat: () => void;
}

export class HandsetLoop {
  private readonly options: HandsetLoopOptions;
  private readonly residents = new Map<number, Resident>();
  /** Wants that are served when a debugger or a reader lets them. */
  private readonly deferred = new Map<number, number>();
  /** Partitions whose debugger may come. */
  private readonly debuggable = new Set<number>();
  private readonly round: RoundBill;
  private sleepCount = 0;
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
    this.round = new RoundBill(options.hypervisor, options.cpu);
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
      if (!deterministic) this.round.begin();
      const bell = doorbell.heard();
      if (bell !== heard) {
        heard = bell;
        due = 0;
        this.takeRequests();
        this.announceConsoles([...this.residents.values()].filter((resident) => this.heardBell(resident)));
        // Something may have come meanwhile that lets a want be served.
        if (this.deferred.size > 0) this.serveDeferred();
        if (this.quitting) break;
      }
      if (this.standsStill()) {
        this.sleep(heard, Infinity);
        continue;
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
      const next = Math.min(due < 0 ? Infinity : due, this.meter.dueNs, this.payDay());
      this.memoryReturn.look(now(), next - moment);
      if (!deterministic) this.round.end();
      if (!deterministic && next > moment) this.sleep(heard, (next - moment) / 1e6);
      // Virtual time stands still when nothing but an input can make work.
      else if (deterministic && due < 0) this.sleep(heard, Infinity);
    }
    for (const resident of this.residents.values()) resident.destroy();
    this.postAudit();
  }

  /** When the first of those whose work waits has paid for what was done. */
  private payDay(): number {
    let first = Infinity;
    for (const resident of this.residents.values()) if (resident.owing) first = Math.min(first, resident.paidAtNs);
    return first;
  }

  private sleep(heard: number, milliseconds: number): void {
    this.sleepCount++;
    this.options.doorbell.sleep(heard, milliseconds);
  }

  /** Another thread was at work. True when the resident's console has grown. */
  private heardBell(resident: Resident): boolean {
    if (resident.takeCompletions()) this.round.causedBy(resident.id);
    // Questions of a debugger are answered whether its guest runs or not.
    resident.instruments.mayRun();
    return resident.console.lookForRoom();
  }

  private announceConsoles(residents: Resident[]): void {
    if (residents.length > 0) this.options.post({ kind: "console", partitions: residents.map(({ id }) => id) });
  }

  /** Whether virtual time must not pass: a guest waits for input that is there but has not come, or for a reader that is slow. */
  private standsStill(): boolean {
    if (!this.options.deterministic) return false;
    for (const { id, console } of this.residents.values()) {
      if (!console.awaitsInput && !console.awaitsReader) continue;
      if (this.options.hypervisor.state(id) === STATE_RUNNING) return true;
    }
    return false;
  }

  /** How far step() may go. In virtual time it may jump to `due`, the end of a sleep, but not over what happens before it. */
  private until(due: number): number {
    const { hypervisor, deterministic, now, horizon } = this.options;
    if (!deterministic) return now() + STEP_NS;
    const moment = hypervisor.now();
    // On a grid of its own: where steps end must not depend on when the bell rang.
    const grid = (Math.floor(moment / STEP_NS) + 1) * STEP_NS;
    const most = Math.min(Math.max(grid, due), this.meter.dueNs, horizon?.() ?? Infinity);
    return Math.max(moment + 1, most);
  }

  private step(until: number): number {
    const { hypervisor } = this.options;
    try {
      return hypervisor.step(until);
    } catch (error) {
      // A guest that makes the machine call itself too deeply ends as a RangeError; both are the machine's defects, not ours. So is a pair of
      // machines that disagree.
      const trap = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
      if (!trap && !(error instanceof DivergenceError)) throw error;
      const id = hypervisor.trapped();
      const resident = this.residents.get(id);
      if (resident === undefined) throw error;
      resident.fault = trap ? { code: "MACHINE_TRAP", message: error.message, hint: "", image: false } : faultOf(error);
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
      this.round.ranIn(id);
      if (resident.console.drain()) grown.push(id);
      resident.console.deliver();
      if (resident.console.takeInputRoom()) this.options.post({ kind: "input-room", partition: id });
      if (resident.takeRequests()) this.round.causedBy(id);
      resident.translate();
    }
    this.payDue();
    // One look each: what is refused again may be due again before the others were looked at.
    let looks = 0;
    for (const id of hypervisor.retries()) {
      if (this.residents.get(id)?.retry() && !grown.includes(id)) grown.push(id);
      if (++looks > this.residents.size) break;
    }
    for (let next = hypervisor.nextWant(); next !== null; next = hypervisor.nextWant()) {
      const resident = this.residents.get(next.id);
      this.round.causedBy(next.id);
      if (resident !== undefined) this.serveWant(resident, next.want);
    }
    if (this.deferred.size > 0) this.serveDeferred();
    return grown;
  }

  /** Goes on with work whose partition has paid for what was done before. */
  private payDue(): void {
    for (const resident of this.residents.values()) {
      if (!resident.owing || resident.paidAtNs > this.options.hypervisor.now()) continue;
      resident.goOn();
      this.round.causedBy(resident.id);
    }
  }

  /** Serves what was put off, where nothing is in the way any more. */
  private serveDeferred(): void {
    for (const [id, want] of [...this.deferred]) {
      const resident = this.residents.get(id);
      this.deferred.delete(id);
      if (resident !== undefined) this.serveWant(resident, want);
    }
  }

  /** Whether a want must be put off: a debugger makes the guest stand, or a reader is to have what was said before the next boot says
   *  more. */
  private mustWait(resident: Resident, want: number): boolean {
    if (want === RUN_BREAK) return !resident.instruments.mayRun();
    if (want !== RUN_RESET && want !== RUN_WATCHDOG) return false;
    resident.console.lookForRoom();
    return resident.console.awaitsReader;
  }

  private serveWant(resident: Resident, want: number): void {
    const { hypervisor } = this.options;
    if (this.mustWait(resident, want)) {
      this.deferred.set(resident.id, want);
      return;
    }
    switch (want) {
      case RUN_OUTPUT:
      case RUN_IO:
      case RUN_BREAK:
        break;
      case RUN_CHANNEL:
        this.channels.serve(resident.id);
        break;
      case RUN_ENTROPY:
        resident.fillEntropy();
        break;
      case RUN_POWER_OFF:
        // The hypervisor has stopped it already.
        resident.console.drainLastWords();
        this.verifyEnd(resident);
        this.bury(resident.id);
        return;
      case RUN_WATCHDOG:
        resident.console.drainLastWords();
        hypervisor.fail(resident.id, FAIL_WATCHDOG);
        return;
      case RUN_RESET:
        resident.console.drainLastWords();
        if (resident.console.panicked) hypervisor.fail(resident.id, FAIL_PANIC);
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
      return resident.reset() ? null : FAIL_RESET_LOOP;
    } catch (error) {
      // Its image is not what it was, or gone: that is its own end, and nobody else's.
      if (!(error instanceof Failure)) throw error;
      resident.fault = faultOf(error);
      return FAIL_START;
    }
  }

  /** Two machines that ran as one must have come to the same end. */
  private verifyEnd(resident: Resident): void {
    try {
      resident.verifyEnd();
    } catch (error) {
      if (!(error instanceof DivergenceError)) throw error;
      resident.fault = faultOf(error);
    }
  }

  /** Ends a partition. */
  private halt(resident: Resident, reason: number): Refusal | null {
    const { hypervisor } = this.options;
    resident.console.drainLastWords();
    const refusal = hypervisor.stop(resident.id, reason);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** Ends a partition, and keeps it from starting. */
  private lock(resident: Resident): Refusal | null {
    const { hypervisor } = this.options;
    resident.console.drainLastWords();
    const refusal = hypervisor.lock(resident.id, STOP_POLICY);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** A new machine for a partition that failed or is started again. */
  private restart(resident: Resident): Refusal | null {
    const { hypervisor, machineModule, heartbeat } = this.options;
    // Several may begin in one round, and each reads its images.
    heartbeat();
    try {
      this.drop(resident);
      this.memoryReturn.settle();
      resident.fault = null;
      resident.build(machineModule);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      resident.fault = faultOf(error);
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
    for (const event of hypervisor.rings.events()) {
      post({ kind: "event", event });
      this.round.causedBy(event.partition);
      if (event.kind === "fault" || event.kind === "failed") {
        this.residents.get(event.partition)?.failed(reasonText(event.reason), event.timeNs);
      }
      if (event.kind === "failed" && !hypervisor.isAdmitted(event.partition)) this.bury(event.partition);
    }
  }

  private postAudit(): void {
    const { hypervisor, post } = this.options;
    const records = hypervisor.rings.takeAudit();
    if (records.length > 0) post({ kind: "audit", records });
    if (hypervisor.rings.auditLost === this.auditLost) return;
    this.auditLost = hypervisor.rings.auditLost;
    hypervisor.rings.tell("audit-lost", NO_PARTITION, LOSS_AUDIT, this.auditLost);
  }

  /** A partition has ended: its machine and what waits in its channels go, its console log and its record stay. */
  private bury(id: number): void {
    const resident = this.residents.get(id);
    if (resident === undefined) return;
    this.drop(resident);
    for (const channel of this.options.hypervisor.channels.of(id)) this.channels.drop(channel);
  }

  /** Its machine goes, and its memory goes back to the host soon. */
  private drop(resident: Resident): void {
    this.deferred.delete(resident.id);
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
        this.residents.set(
          answer.id,
          new Resident(answer.id, request.spec, hypervisor, this.options.now, (id, nanoseconds) =>
            this.round.elsewhere(id, nanoseconds),
          ),
        );
        return { value: answer.id };
      }
      case "channel": {
        for (const { partition, name } of [request.from, request.to]) {
          if (name !== undefined && this.residents.get(partition)?.spec.name !== name) {
            return outcome(misnamed());
          }
        }
        const answer = hypervisor.channels.grant(request.from, request.to, request.contract);
        if ("refusal" in answer) return answer;
        this.channels.granted(answer.channel, request.contract.capacity);
        return { value: answer.channel };
      }
      case "revoke": {
        const refusal = hypervisor.channels.revoke(request.channel);
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
      case "press":
        return { value: hypervisor.state(resident.id) === STATE_RUNNING && resident.press() };
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
        return { value: hypervisor.state(resident.id) === STATE_RUNNING ? resident.console.offer(request.bytes) : 0 };
      case "input-end":
        resident.console.end();
        return { value: null };
      case "stats":
        return { value: this.stats(resident) };
      case "debug":
        this.debuggable[request.on ? "add" : "delete"](resident.id);
        if (!request.on) resident.undebug();
        return { value: null };
      case "profile":
        return { value: this.profile(resident, request.on) };
    }
  }

  /** A debugger has come to a partition for which one was asked for; its questions come through `door`. False when none was, and when one
   *  is there. */
  openDoor(partition: number, door: DebugDoor): boolean {
    const resident = this.residents.get(partition);
    if (resident === undefined || !this.debuggable.has(partition) || resident.instruments.debugged) return false;
    resident.debug(door);
    return true;
  }

  private profile(resident: Resident, on: boolean): ProfileResult | null {
    const result = resident.instruments.endProfile();
    if (on) resident.instruments.beginProfile();
    resident.rewire();
    return result;
  }

  private stats(resident: Resident): PartitionStats {
    return {
      machine: resident.stats(),
      profile: resident.instruments.profileResult,
      fault: resident.fault,
      sleepCount: this.sleepCount,
    };
  }

  private snapshot(): HandsetSnapshot {
    const snapshot = this.options.hypervisor.snapshot();
    for (const partition of snapshot.partitions) {
      partition.bootMs = this.residents.get(partition.partition)?.console.bootMs ?? null;
      partition.translation = this.residents.get(partition.partition)?.currentMachine?.translator?.stats() ?? null;
      partition.crash = this.residents.get(partition.partition)?.crash ?? null;
    }
    this.meter.complete(snapshot);
    return snapshot;
  }
}

function faultOf(error: Failure): Fault {
  const { code, message, hint } = error;
  return { code, message, hint, image: error instanceof ImageError };
}

/** Number and name of an order's partition do not belong together. */
function misnamed(): Refusal {
  return { reason: REFUSE_UNKNOWN, text: reasonText(REFUSE_UNKNOWN), wanted: 0n, committed: 0n, limit: 0n };
}

function outcome(refusal: Refusal | null): HandsetAnswer {
  return refusal === null || refusal.reason === DONE ? { value: null } : { refusal };
}
