// The control port in the main thread's own hands: for a handset of one partition that a person runs at a terminal. Nobody else can ask for
// anything, and nothing governs it; so there is no shell in between, and nothing to wait for at the start.

import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { ShellOrder } from "../../shell/orders.ts";

export class DirectControl {
  private readonly control: MessagePort;
  private readonly ring: () => void;

  /** `handOver` gives the other end to the handset worker; `ring` wakes it. */
  constructor(handOver: (requests: MessagePort, count: number) => void, ring: () => void) {
    const { port1, port2 } = new MessageChannel();
    this.control = port1;
    this.ring = ring;
    // The worker keeps the process alive, not this port.
    port1.unref();
    handOver(port2, 0);
  }

  /** Passes a request on; true: it is on its way. There is nobody to judge documents. */
  post(order: ShellOrder): boolean {
    if (!("request" in order)) return false;
    this.control.postMessage(order);
    this.ring();
    return true;
  }

  /** There is no fleet to leave. */
  release(): void {}

  close(): Promise<void> {
    this.control.close();
    return Promise.resolve();
  }
}
