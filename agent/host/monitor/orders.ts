// What can be asked of a running handset, each order with its answer. The orders go to the only holder of the control port: the shell, or for `run`
// this thread itself.

import { HostError } from "../../failure.ts";
import type { ChannelContract, CpuContract, EnergyContract, IoContract } from "../../handset/contracts.ts";
import type { AskedTime, HandsetAnswer, Judged, ShellOrder } from "../../shell/orders.ts";
import type { HandsetSnapshot } from "../../view.ts";
import type { Via } from "../../wire/accept.ts";
import type { LoadedRequest, PartitionStats } from "../between/messages.ts";
import { RefusalError, refusalOf } from "../between/refusal.ts";
import type { ProfileResult } from "../machine/profile.ts";

/** What the orders need to know of a partition. */
export interface Named {
  name: string;
  /** SHA-256 of the kernel image as it is now; null: nobody asks. Throws Failure. */
  imageHash: (() => string) | null;
}

/** Who takes the orders to the control port. */
export interface Carrier {
  /** False: it cannot take one now. */
  post: (order: ShellOrder) => boolean;
}

export class HandsetOrders {
  private readonly waiting = new Map<number, (answer: HandsetAnswer) => void>();
  private readonly carrier: () => Carrier;
  private readonly named: (id: number) => Named;
  /** A partition is about to begin anew. */
  private readonly starting: (id: number) => void;
  private nextId = 0;
  /** Why the handset has ended; null: it has not. */
  private end: string | null = null;

  /** `named` throws HostError for a number that there is not. */
  constructor(carrier: () => Carrier, named: (id: number) => Named, starting: (id: number) => void) {
    this.starting = starting;
    this.carrier = carrier;
    this.named = named;
  }

  /** Carries out a request on a partition. Throws RefusalError. */
  async act(
    op: "start" | "pause" | "resume" | "stop" | "restart" | "remove" | "lock" | "unlock",
    id: number,
  ): Promise<void> {
    const { name, imageHash } = this.named(id);
    if (op === "start" || op === "restart") this.starting(id);
    const loads = (op === "start" || op === "restart") && imageHash !== null;
    await this.request({ op, partition: id, name, ...(loads ? { image: imageHash() } : {}) }, `${op} ${name}`);
  }

  /** Presses a partition's power key. False when its guest does not listen. Throws RefusalError. */
  async press(id: number): Promise<boolean> {
    const name = this.nameOf(id);
    return (await this.request({ op: "press", partition: id, name }, `power key of ${name}`)) as boolean;
  }

  /** Changes contracts live. Throws RefusalError. */
  async budget(id: number, cpu: CpuContract, energy: EnergyContract | null, io: IoContract): Promise<void> {
    await this.request(
      { op: "budget", partition: id, name: this.nameOf(id), cpu, energy, io },
      `budget of ${this.nameOf(id)}`,
    );
  }

  /** How much translated code a partition may have from now on: no more than it was defined with counts. Throws RefusalError. */
  async translation(id: number, codeBytes: number): Promise<void> {
    const name = this.nameOf(id);
    await this.request({ op: "translation", partition: id, name, codeBytes }, `translation of ${name}`);
  }

  /** Lets one partition send to another; returns the channel. Throws RefusalError. */
  async channel(
    from: { partition: number; port: number },
    to: { partition: number; port: number },
    contract: ChannelContract,
  ): Promise<number> {
    const what = `channel from ${this.nameOf(from.partition)} to ${this.nameOf(to.partition)}`;
    const named = (end: { partition: number; port: number }): { partition: number; name: string; port: number } => ({
      ...end,
      name: this.nameOf(end.partition),
    });
    const request = { op: "channel", from: named(from), to: named(to), contract } as const;
    return (await this.request(request, what)) as number;
  }

  /** Takes a channel away. Throws RefusalError. */
  async revoke(channel: number): Promise<void> {
    await this.request({ op: "revoke", channel }, `channel ${channel}`);
  }

  /** Console input; returns how many bytes were taken. */
  async input(id: number, bytes: Uint8Array): Promise<number> {
    return (await this.request({ op: "input", partition: id, bytes }, `input to ${this.nameOf(id)}`)) as number;
  }

  /** No more console input will come. */
  async inputEnd(id: number): Promise<void> {
    await this.request({ op: "input-end", partition: id }, `input to ${this.nameOf(id)}`);
  }

  /** Counters of the partition's machine, or of the last that it had. */
  async stats(id: number): Promise<PartitionStats> {
    return (await this.request({ op: "stats", partition: id }, `stats of ${this.nameOf(id)}`)) as PartitionStats;
  }

  /** Begins to sample where a guest spends its time, or ends that; returns what was sampled before. Throws RefusalError. */
  async profile(id: number, on: boolean): Promise<ProfileResult | null> {
    const name = this.nameOf(id);
    return (await this.request(
      { op: "profile", partition: id, name, on },
      `profile of ${name}`,
    )) as ProfileResult | null;
  }

  /** Energy that left the battery beyond the taps. */
  async drained(picojoules: bigint): Promise<void> {
    await this.request({ op: "drained", picojoules }, "battery");
  }

  /** Has the shell judge an envelope of the fleet's; what it changes is on the disk when this resolves. */
  async document(envelope: Uint8Array, via: Via, asked: AskedTime): Promise<Judged> {
    return (await this.ask((id) => ({ id, document: { envelope, via, asked } }), "a signed document")) as Judged;
  }

  /** Keeps the answer to a command, before it is sent. Throws RefusalError when the disk does not take it. */
  async answered(command: Uint8Array, ack: Uint8Array): Promise<void> {
    await this.ask((id) => ({ id, answered: { command, ack } }), "the answer to a command");
  }

  /** Keeps a partition locked, or not, over restarts. Throws RefusalError when the disk does not take it. */
  async keepLocked(partition: string, locked: boolean): Promise<void> {
    await this.ask((id) => ({ id, locked: { partition, locked } }), `the lock of ${partition}`);
  }

  async snapshot(): Promise<HandsetSnapshot> {
    return (await this.request({ op: "snapshot" }, "snapshot")) as HandsetSnapshot;
  }

  /** An answer has come. */
  answer(id: number, answer: HandsetAnswer): void {
    const resolve = this.waiting.get(id);
    this.waiting.delete(id);
    resolve?.(answer);
  }

  /** The handset has ended: whatever waits is refused, and whatever comes. */
  ended(why: string): void {
    this.end = why;
    this.refuseAll(why);
  }

  /** Throws RefusalError. */
  request(request: LoadedRequest, what: string): Promise<unknown> {
    return this.ask((id) => ({ id, request }), what);
  }

  /** Throws RefusalError, and HostError once the handset has ended. */
  ask(order: (id: number) => ShellOrder, what: string): Promise<unknown> {
    if (this.end !== null) return Promise.reject(new HostError("HANDSET_ENDED", this.end));
    const id = this.nextId++;
    if (!this.carrier().post(order(id))) {
      return Promise.reject(
        new RefusalError(refusalOf("the shell worker ended and is started anew: ask again in a moment"), what),
      );
    }
    return new Promise((resolve, reject) => {
      this.waiting.set(id, (answer) => {
        if ("value" in answer) resolve(answer.value);
        else reject(new RefusalError(answer.refusal, what));
      });
    });
  }

  /** Whoever waits for an answer gets this one. */
  refuseAll(text: string): void {
    for (const resolve of this.waiting.values()) resolve({ refusal: refusalOf(text) });
    this.waiting.clear();
  }

  private nameOf(id: number): string {
    return this.named(id).name;
  }
}
