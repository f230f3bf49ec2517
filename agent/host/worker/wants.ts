// What a partition wants of the host after a slice: to be heard, to be reset, to be ended. A want that must wait for a debugger or a reader is
// put off, and looked at again whenever the doorbell rings.

import {
  FAIL_PANIC,
  FAIL_RESET_LOOP,
  FAIL_START,
  FAIL_WATCHDOG,
  RUN_BREAK,
  RUN_CHANNEL,
  RUN_ENTROPY,
  RUN_IO,
  RUN_OUTPUT,
  RUN_POWER_OFF,
  RUN_RESET,
  RUN_WATCHDOG,
  WANT_RESTART,
} from "../../../kernel/abi/reasons.ts";
import { Failure } from "../../failure.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import { DivergenceError } from "../machine/pair.ts";
import type { ChannelHost } from "./channels.ts";
import type { Resident } from "./resident.ts";
import { faultOf, type Residents } from "./residents.ts";

export class Wants {
  private readonly hypervisor: Hypervisor;
  private readonly residents: Residents;
  private readonly channels: ChannelHost;

  constructor(hypervisor: Hypervisor, residents: Residents, channels: ChannelHost) {
    this.hypervisor = hypervisor;
    this.residents = residents;
    this.channels = channels;
  }

  /** Serves what was put off, where nothing is in the way any more. */
  serveDeferred(): void {
    for (const [id, want] of [...this.residents.deferred]) {
      const resident = this.residents.get(id);
      this.residents.deferred.delete(id);
      if (resident !== undefined) this.serve(resident, want);
    }
  }

  serve(resident: Resident, want: number): void {
    const { hypervisor } = this;
    if (this.mustWait(resident, want)) {
      this.residents.deferred.set(resident.id, want);
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
        this.residents.bury(resident.id);
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
        this.residents.restart(resident);
        return;
      default:
        break;
    }
    hypervisor.serviced(resident.id);
  }

  /** Whether a want must be put off: a debugger makes the guest stand, or a reader is to have what was said before the next boot says
   *  more. */
  private mustWait(resident: Resident, want: number): boolean {
    if (want === RUN_BREAK) return !resident.instruments.mayRun();
    if (want !== RUN_RESET && want !== RUN_WATCHDOG) return false;
    resident.console.lookForRoom();
    return resident.console.awaitsReader;
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
}
