// The handset worker's side of a debugger: whether the guest may run, and what is asked of it in between.
//
// While the guest stands, so does its time: the clock that the machine sees is the host's less all that it stood. A guest that is
// looked at for an hour finds no hour gone when it goes on, only that its real-time clock is late. During a single step it stands
// too, so that no timer comes due inside of it; what the step took has passed when the next one begins.

import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { CPU_PC } from "../../../kernel/abi/layout.ts";
import { RUN_BREAK, RUN_FUEL } from "../../../kernel/abi/reasons.ts";
import { SIGNAL_INTERRUPT, SIGNAL_TRAP, type Watchpoint } from "../../debug/target.ts";
import { debugBreakpoints, debugMemory, debugRegisters, debugSetMemory, debugSetRegisters } from "./machine.ts";
import type { DebugAnswer, DebugRequest } from "../between/debug-messages.ts";
import { DebugWatch } from "./watch.ts";
import type { Machine } from "../machine/machine.ts";

/** Where questions come from and answers go. */
export interface DebugDoor {
  /** The next question, or null. */
  receive(): DebugRequest | null;
  send(answer: DebugAnswer): void;
}

/** A door over a message port, looked at without an event loop. */
export function portDoor(port: MessagePort): DebugDoor {
  return {
    receive: () => (receiveMessageOnPort(port) as { message: DebugRequest } | undefined)?.message ?? null,
    send: (answer) => port.postMessage(answer),
  };
}

/** Instructions between two looks at the doorbell while there are watchpoints: a millisecond or two. */
const WATCHED_SLICE = 2_000;

export class DebugGate {
  private readonly door: DebugDoor;
  private readonly hostNow: () => number;
  /** Set once there is a machine, whose clock needs the gate before. */
  machine: Machine | null = null;
  private state: "standing" | "stepping" | "running" = "standing";
  /** When it came to stand, and how long it has stood before, in nanoseconds. */
  private stoodSince: number;
  private stood = 0;
  private readonly watch = new DebugWatch();
  /** What the guest was about to access when it stopped. */
  private watched: Watchpoint | null = null;

  /** The guest stands from the start. `hostNow`: nanoseconds. */
  constructor(door: DebugDoor, hostNow: () => number) {
    this.door = door;
    this.hostNow = hostNow;
    this.stoodSince = hostNow();
  }

  /** The guest's clock. */
  readonly now = (): number => (this.state === "running" ? this.hostNow() : this.stoodSince) - this.stood;

  /** Whether the next slice is one instruction. */
  get stepping(): boolean {
    return this.state === "stepping";
  }

  get standing(): boolean {
    return this.state === "standing";
  }

  /** The debugger is gone: nothing stops the guest any more, and its time passes again. */
  leave(): void {
    this.watch.set([]);
    if (this.machine !== null) debugBreakpoints(this.machine, []);
    if (this.state === "running") return;
    if (this.standing && this.machine !== null) this.machine.debug.debugPass(this.machine.word(CPU_PC));
    this.goOn();
    this.state = "running";
  }

  /** Executes a slice as the debugger wants it: all of `fuel`, one instruction, or as far as nothing watched is accessed. RUN_*. */
  run(machine: Machine, fuel: number): number {
    const { watch } = this;
    if (!watch.any) return this.stepping ? machine.debug.debugStep() : machine.run(fuel);
    for (let n = 0; n < WATCHED_SLICE; n++) {
      this.watched = watch.hit(machine);
      if (this.watched !== null) return RUN_BREAK;
      if (this.stepping) return machine.debug.debugStep();
      const reason = machine.step();
      if (reason !== RUN_FUEL) return reason;
    }
    return RUN_FUEL;
  }

  /** Answers what was asked; false while the guest must stand. */
  mayRun(): boolean {
    for (let request = this.door.receive(); request !== null; request = this.door.receive()) this.serve(request);
    return this.state !== "standing";
  }

  /** A slice ended with this RUN_* reason. */
  sliceEnded(reason: number): void {
    if (reason === RUN_BREAK || this.state === "stepping") this.stand(SIGNAL_TRAP);
  }

  /** Time begins to pass again; for a step, when it is over. */
  private goOn(): void {
    const moment = this.hostNow();
    this.stood += moment - this.stoodSince;
    this.stoodSince = moment;
  }

  private stand(signal: number): void {
    if (this.state === "standing") return;
    this.stoodSince = this.hostNow();
    this.state = "standing";
    const { watched } = this;
    this.watched = null;
    // Who goes on from here goes on through the access.
    if (watched !== null) this.watch.pass(this.machine!.word(CPU_PC));
    this.door.send({ kind: "stopped", signal, watched });
  }

  private serve(request: DebugRequest): void {
    const { machine } = this;
    // The guest has ended: there is nothing to look at.
    if (machine === null) {
      if ("id" in request)
        this.answer(request.id, request.kind === "memory" || request.kind === "registers" ? new Uint8Array(0) : null);
      return;
    }
    switch (request.kind) {
      case "halt":
        return this.stand(SIGNAL_INTERRUPT);
      case "resume":
        if (this.state !== "standing") return;
        this.goOn();
        this.state = request.step ? "stepping" : "running";
        // A step leaves the breakpoint that it stands on, or it would never get away.
        if (request.step) machine.debug.debugPass(machine.word(CPU_PC));
        return;
      case "registers":
        return this.answer(request.id, debugRegisters(machine));
      case "set-registers":
        debugSetRegisters(machine, request.offset, request.bytes);
        return this.answer(request.id, new Uint8Array(0));
      case "memory":
        return this.answer(request.id, debugMemory(machine, request.address, request.length));
      case "set-memory": {
        const written = debugSetMemory(machine, request.address, request.bytes);
        return this.answer(request.id, written ? new Uint8Array(0) : null);
      }
      case "watchpoints":
        this.watch.set(request.points);
        return this.answer(request.id, new Uint8Array(0));
      case "breakpoints":
        debugBreakpoints(machine, request.addresses);
        return this.answer(request.id, new Uint8Array(0));
    }
  }

  private answer(id: number, bytes: Uint8Array | null): void {
    this.door.send({ kind: "answer", id, bytes });
  }
}
