// What the monitor may ask of the handset worker, one case for each order.

import { DONE, REFUSE_UNKNOWN, STATE_RUNNING, STOP_COMMAND } from "../../../kernel/abi/reasons.ts";
import type { HandsetAnswer, Refusal } from "../../shell/orders.ts";
import type { HandsetSnapshot } from "../../view.ts";
import type { LoadedRequest, PartitionStats } from "../between/messages.ts";
import { reasonText } from "../between/reason-text.ts";
import type { DebugDoor } from "../debug/gate.ts";
import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { ProfileResult } from "../machine/profile.ts";
import type { ChannelHost } from "./channels.ts";
import type { PowerMeter } from "./power-meter.ts";
import type { Resident } from "./resident.ts";
import type { Radio } from "../../network/radio.ts";
import type { Residents } from "./residents.ts";

export interface RequestsOptions {
  hypervisor: Hypervisor;
  residents: Residents;
  channels: ChannelHost;
  meter: PowerMeter;
  radio: Radio;
  /** How often the loop has slept. */
  sleepCount: () => number;
  quit: () => void;
}

export class Requests {
  private readonly options: RequestsOptions;
  /** Partitions whose debugger may come. */
  private readonly debuggable = new Set<number>();

  constructor(options: RequestsOptions) {
    this.options = options;
  }

  carryOut(request: LoadedRequest): HandsetAnswer {
    const { hypervisor, residents } = this.options;
    switch (request.op) {
      case "define": {
        const answer = hypervisor.define(request.spec);
        if ("refusal" in answer) return answer;
        residents.add(answer.id, request.spec);
        return { value: answer.id };
      }
      case "channel": {
        for (const { partition, name } of [request.from, request.to]) {
          if (name !== undefined && residents.get(partition)?.spec.name !== name) {
            return outcome(misnamed());
          }
        }
        const answer = hypervisor.channels.grant(request.from, request.to, request.contract);
        if ("refusal" in answer) return answer;
        this.options.channels.granted(answer.channel, request.contract.capacity);
        return { value: answer.channel };
      }
      case "revoke": {
        const refusal = hypervisor.channels.revoke(request.channel);
        this.options.channels.drop(request.channel);
        return outcome(refusal);
      }
      case "snapshot":
        return { value: this.snapshot() };
      case "drained":
        this.options.meter.book(request.picojoules);
        return { value: null };
      case "quit":
        this.options.quit();
        return { value: null };
      default:
        return this.carryOutOn(request);
    }
  }

  private carryOutOn(request: Extract<LoadedRequest, { partition: number }>): HandsetAnswer {
    const { hypervisor, residents } = this.options;
    const resident = residents.get(request.partition);
    if (resident === undefined) return outcome(hypervisor.start(request.partition));
    if ("name" in request && request.name !== undefined && request.name !== resident.spec.name) {
      return outcome(misnamed());
    }
    switch (request.op) {
      case "admit":
        return outcome(hypervisor.admit(resident.id));
      case "start":
        return outcome(residents.restart(resident));
      case "restart":
        return outcome(residents.halt(resident, STOP_COMMAND) ?? residents.restart(resident));
      case "pause":
        return outcome(hypervisor.pause(resident.id));
      case "resume":
        return outcome(hypervisor.resume(resident.id));
      case "press":
        return { value: hypervisor.state(resident.id) === STATE_RUNNING && resident.press() };
      case "stop":
        return outcome(residents.halt(resident, STOP_COMMAND));
      case "lock":
        return outcome(residents.lock(resident));
      case "unlock":
        return outcome(hypervisor.unlock(resident.id));
      case "remove":
        return outcome(residents.remove(resident));
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
    const resident = this.options.residents.get(partition);
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
      sleepCount: this.options.sleepCount(),
    };
  }

  private snapshot(): HandsetSnapshot {
    const { hypervisor, residents, meter, radio } = this.options;
    const snapshot = hypervisor.snapshot();
    for (const partition of snapshot.partitions) {
      partition.bootMs = residents.get(partition.partition)?.console.bootMs ?? null;
      partition.translation = residents.get(partition.partition)?.currentMachine?.translator?.stats() ?? null;
      partition.crash = residents.get(partition.partition)?.crash ?? null;
    }
    snapshot.radio = radio.view();
    meter.complete(snapshot);
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
