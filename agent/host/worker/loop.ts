// The handset worker's loop: requests and completions in → hypervisor.step() → serve who wants something → publish → sleep on the
// doorbell. Nothing polls. A trap in a machine unwinds through step(); it costs that partition, and the loop goes on.

import { LOSS_AUDIT, STATE_RUNNING } from "../../../kernel/abi/reasons.ts";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import type { HandsetMessage, LoadedRequest } from "../between/messages.ts";
import type { DebugDoor } from "../debug/gate.ts";
import { DivergenceError } from "../machine/pair.ts";
import { ChannelHost } from "./channels.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Doorbell } from "../between/doorbell.ts";
import { MemoryReturn } from "./memory-return.ts";
import { PowerMeter } from "./power-meter.ts";
import { reasonText } from "../between/reason-text.ts";
import { Requests } from "./requests.ts";
import type { Resident } from "./resident.ts";
import { faultOf, Residents } from "./residents.ts";
import { RoundBill } from "./round-bill.ts";
import { Wants } from "./wants.ts";
import type { LinkKind, PowerSpec } from "../../handset/contracts.ts";
import { Radio } from "../../network/radio.ts";

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
  private readonly residents: Residents;
  private readonly wants: Wants;
  private readonly requests: Requests;
  private readonly round: RoundBill;
  private sleepCount = 0;
  private readonly memoryReturn = new MemoryReturn();
  private readonly meter: PowerMeter;
  private readonly radio: Radio;
  private quitting = false;
  private auditLost = 0;

  constructor(options: HandsetLoopOptions) {
    this.options = options;
    this.meter = new PowerMeter(options.power, options.hypervisor, (reading) =>
      options.post({ kind: "battery", reading }),
    );
    this.round = new RoundBill(options.hypervisor, options.cpu);
    const { hypervisor, machineModule, now, heartbeat } = options;
    const { memoryReturn, meter } = this;
    const elsewhere = (id: number, nanoseconds: number): void => this.round.elsewhere(id, nanoseconds);
    const channels = new ChannelHost(hypervisor, (partition) => this.residents.get(partition)?.currentMachine ?? null);
    const dropChannel = (channel: number): void => channels.drop(channel);
    this.radio = new Radio(hypervisor.reserves, "ethernet", null);
    const { radio } = this;
    const own = { hypervisor, radio, machineModule, memoryReturn, now, heartbeat };
    this.residents = new Residents({ ...own, dropChannel, elsewhere });
    const { residents } = this;
    this.wants = new Wants(hypervisor, residents, channels);
    const quit = (): void => void (this.quitting = true);
    this.requests = new Requests({
      hypervisor,
      residents,
      channels,
      meter,
      radio,
      sleepCount: () => this.sleepCount,
      quit,
    });
  }

  /** A debugger has come to a partition for which one was asked for. False when none was, and when one is there. */
  openDoor(partition: number, door: DebugDoor): boolean {
    return this.requests.openDoor(partition, door);
  }

  /** The phone is connected otherwise from now on. */
  setLink(link: LinkKind): void {
    const { hypervisor, power } = this.options;
    this.radio.setLink(link, power.radios[link] ?? null, hypervisor.now());
  }

  /** The host cannot serve a partition: it fails. */
  fail(partition: number, reason: number): void {
    const { hypervisor } = this.options;
    this.residents.get(partition)?.console.drainLastWords();
    if (hypervisor.state(partition) === STATE_RUNNING) hypervisor.fail(partition, reason);
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
        this.announceConsoles([...this.residents.all()].filter((resident) => this.heardBell(resident)));
        // Something may have come meanwhile that lets a want be served.
        if (this.residents.deferred.size > 0) this.wants.serveDeferred();
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
      this.lookAtRadio();
      const published = this.serve();
      this.announce(published);
      if (this.quitting) break;
      // The moment at which it may be asked for again is not in `due`.
      if (hypervisor.takeRefused()) due = 0;
      const moment = deterministic ? hypervisor.now() : now();
      const next = Math.min(due < 0 ? Infinity : due, this.meter.dueNs, this.payDay(), this.radio.dueNs);
      this.memoryReturn.look(now(), next - moment);
      if (!deterministic) this.round.end();
      if (!deterministic && next > moment) this.sleep(heard, (next - moment) / 1e6);
      // Virtual time stands still when nothing but an input can make work.
      else if (deterministic && due < 0) this.sleep(heard, Infinity);
    }
    for (const resident of this.residents.all()) resident.destroy();
    this.postAudit();
  }

  /** Books what the radio has drawn, and lets frames go that waited for it. */
  private lookAtRadio(): void {
    const now = this.options.hypervisor.now();
    if (this.radio.dueNs > now) return;
    for (const id of this.radio.ready(now)) {
      if (this.residents.get(id)?.takeCompletions()) this.round.causedBy(id);
    }
  }

  /** When the first of those whose work waits has paid for what was done. */
  private payDay(): number {
    let first = Infinity;
    for (const resident of this.residents.all()) if (resident.owing) first = Math.min(first, resident.paidAtNs);
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
    for (const { id, console } of this.residents.all()) {
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
      if (++looks > this.residents.count) break;
    }
    for (let next = hypervisor.nextWant(); next !== null; next = hypervisor.nextWant()) {
      const resident = this.residents.get(next.id);
      this.round.causedBy(next.id);
      if (resident !== undefined) this.wants.serve(resident, next.want);
    }
    if (this.residents.deferred.size > 0) this.wants.serveDeferred();
    return grown;
  }

  /** Goes on with work whose partition has paid for what was done before. */
  private payDue(): void {
    for (const resident of this.residents.all()) {
      if (!resident.owing || resident.paidAtNs > this.options.hypervisor.now()) continue;
      resident.goOn();
      this.round.causedBy(resident.id);
    }
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
      if (event.kind === "failed" && !hypervisor.isAdmitted(event.partition)) this.residents.bury(event.partition);
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

  private takeRequests(): void {
    const { nextRequest, post } = this.options;
    for (let next = nextRequest(); next !== null; next = nextRequest()) {
      post({ kind: "answer", id: next.id, answer: this.requests.carryOut(next.request) });
    }
  }
}
