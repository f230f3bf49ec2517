// What waits in the queue, for people: when it changed, and once a second at most.

import type { AgentMessage } from "../agent-messages.ts";
import type { Clock } from "../link/clock.ts";

export type QueueMessage = Extract<AgentMessage, { kind: "queue" }>;

const EVERY_MS = 1000;

export class QueueNews {
  private readonly clock: Clock;
  private readonly tell: (message: QueueMessage) => unknown;
  private readonly now: () => QueueMessage | null;
  private cancel: (() => void) | null = null;
  private last = "";

  /** `now` is null before there is a queue. */
  constructor(clock: Clock, tell: (message: QueueMessage) => unknown, now: () => QueueMessage | null) {
    this.clock = clock;
    this.tell = tell;
    this.now = now;
  }

  /** The queue may have changed. */
  look(): void {
    if (this.cancel !== null) return;
    const message = this.now();
    const text = message === null ? this.last : JSON.stringify(message);
    if (message === null || text === this.last) return;
    this.last = text;
    void this.tell(message);
    this.cancel = this.clock.after(EVERY_MS, () => {
      this.cancel = null;
      this.look();
    });
  }
}
