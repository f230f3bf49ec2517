// The main thread's side of a debugger: what agent/debug asks, over a message port and the doorbell, and the answers.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { DebugTarget, Watchpoint } from "../../debug/target.ts";
import type { DebugAnswer, DebugRequest } from "../between/debug-messages.ts";

type Asked = Exclude<DebugRequest, { kind: "halt" | "resume" }>;
type WithoutId<Request> = Request extends unknown ? Omit<Request, "id"> : never;

export class DebugLink implements DebugTarget {
  /** The handset worker's end. */
  readonly workerPort: MessagePort;
  onStopped: DebugTarget["onStopped"] = null;
  private readonly port: MessagePort;
  private readonly ring: () => void;
  private readonly end: () => void;
  private readonly waiting = new Map<number, (bytes: Uint8Array | null) => void>();
  private count = 0;

  /** `ring` wakes the handset worker; `end` ends the guest. */
  constructor(ring: () => void, end: () => void) {
    this.ring = ring;
    this.end = end;
    const channel = new MessageChannel();
    this.port = channel.port1;
    this.workerPort = channel.port2;
    this.port.on("message", (answer: DebugAnswer) => {
      if (answer.kind === "stopped") this.onStopped?.(answer.signal, answer.watched);
      else {
        this.waiting.get(answer.id)?.(answer.bytes);
        this.waiting.delete(answer.id);
      }
    });
    // The worker keeps the process alive, not this port.
    this.port.unref();
  }

  halt(): void {
    this.post({ kind: "halt" });
  }

  resume(step: boolean): void {
    this.post({ kind: "resume", step });
  }

  async registers(): Promise<Uint8Array> {
    return (await this.ask({ kind: "registers" }))!;
  }

  async setRegisters(offset: number, bytes: Uint8Array): Promise<void> {
    await this.ask({ kind: "set-registers", offset, bytes });
  }

  async memory(address: number, length: number): Promise<Uint8Array> {
    return (await this.ask({ kind: "memory", address, length }))!;
  }

  async setMemory(address: number, bytes: Uint8Array): Promise<boolean> {
    return (await this.ask({ kind: "set-memory", address, bytes })) !== null;
  }

  async breakpoints(addresses: number[]): Promise<void> {
    await this.ask({ kind: "breakpoints", addresses });
  }

  async watchpoints(points: Watchpoint[]): Promise<void> {
    await this.ask({ kind: "watchpoints", points });
  }

  kill(): void {
    this.end();
  }

  /** The guest has ended: nothing is answered any more. */
  close(): void {
    this.port.close();
    this.waiting.clear();
  }

  private post(request: DebugRequest): void {
    this.port.postMessage(request);
    this.ring();
  }

  private ask(request: WithoutId<Asked>): Promise<Uint8Array | null> {
    const id = this.count++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.post({ ...request, id } as Asked);
    });
  }
}
