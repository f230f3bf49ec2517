// The partitions that there are, by number, and how each begins and ends: with a new machine, for good, or kept from starting.

import { FAIL_START, STOP_POLICY } from "../../../kernel/abi/reasons.ts";
import { Failure, ImageError } from "../../failure.ts";
import type { Refusal } from "../../shell/orders.ts";
import type { Fault, LoadedSpec } from "../between/messages.ts";
import { reasonText } from "../between/reason-text.ts";
import type { Radio } from "../../network/radio.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { MemoryReturn } from "./memory-return.ts";
import { Resident } from "./resident.ts";

export interface ResidentsOptions {
  hypervisor: Hypervisor;
  radio: Radio;
  machineModule: WebAssembly.Module;
  memoryReturn: MemoryReturn;
  /** Host monotonic time in nanoseconds. */
  now: () => number;
  /** Called before what takes long. */
  heartbeat: () => void;
  /** What waits in a channel goes. */
  dropChannel: (channel: number) => void;
  /** Another thread worked for a partition, for so many nanoseconds. */
  elsewhere: (id: number, nanoseconds: number) => void;
}

export class Residents {
  /** Wants that are served when a debugger or a reader lets them. */
  readonly deferred = new Map<number, number>();
  private readonly options: ResidentsOptions;
  private readonly residents = new Map<number, Resident>();

  constructor(options: ResidentsOptions) {
    this.options = options;
  }

  get count(): number {
    return this.residents.size;
  }

  all(): IterableIterator<Resident> {
    return this.residents.values();
  }

  get(id: number): Resident | undefined {
    return this.residents.get(id);
  }

  /** A partition that the hypervisor has defined under this number. */
  add(id: number, spec: LoadedSpec): void {
    const { hypervisor, radio, now, elsewhere } = this.options;
    this.residents.set(id, new Resident(id, spec, hypervisor, radio, now, elsewhere));
  }

  /** Takes a partition away that does not run. */
  remove(resident: Resident): Refusal | null {
    const refusal = this.options.hypervisor.remove(resident.id);
    if (refusal === null) this.residents.delete(resident.id);
    return refusal;
  }

  /** Ends a partition. */
  halt(resident: Resident, reason: number): Refusal | null {
    const { hypervisor } = this.options;
    resident.console.drainLastWords();
    const refusal = hypervisor.stop(resident.id, reason);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** Ends a partition, and keeps it from starting. */
  lock(resident: Resident): Refusal | null {
    const { hypervisor } = this.options;
    resident.console.drainLastWords();
    const refusal = hypervisor.lock(resident.id, STOP_POLICY);
    if (refusal === null) this.bury(resident.id);
    return refusal;
  }

  /** A new machine for a partition that failed or is started again. */
  restart(resident: Resident): Refusal | null {
    const { hypervisor, machineModule, memoryReturn, heartbeat } = this.options;
    // Several may begin in one round, and each reads its images.
    heartbeat();
    try {
      this.drop(resident);
      memoryReturn.settle();
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

  /** A partition has ended: its machine and what waits in its channels go, its console log and its record stay. */
  bury(id: number): void {
    const resident = this.residents.get(id);
    if (resident === undefined) return;
    this.drop(resident);
    for (const channel of this.options.hypervisor.channels.of(id)) this.options.dropChannel(channel);
  }

  /** Its machine goes, and its memory goes back to the host soon. */
  private drop(resident: Resident): void {
    this.deferred.delete(resident.id);
    if (resident.currentMachine !== null) this.options.memoryReturn.owe(this.options.now());
    resident.destroy();
  }
}

/** What a failure of the host's is told as. */
export function faultOf(error: Failure): Fault {
  const { code, message, hint } = error;
  return { code, message, hint, image: error instanceof ImageError };
}
