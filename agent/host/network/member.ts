// One partition inside the network worker: its stack while its machine lives, its frames, and the time that they take.

import { randomBytes } from "node:crypto";
import {
  NETWORK_F_GUEST_CSUM,
  NETWORK_F_GUEST_TSO4,
  NETWORK_F_GUEST_TSO6,
  NETWORK_GSO_TCP4,
  NETWORK_GSO_TCP6,
  NETWORK_HEADER_BYTES,
  NETWORK_NEEDS_CSUM,
} from "../../../kernel/abi/layout.ts";
import { readDurable, writeDurably } from "../../durable-file.ts";
import type { Clock, Offload, Sockets } from "../../network/contracts.ts";
import { DayBudget, type DayState, type DayStore } from "../../network/day-budget.ts";
import { NetworkStack } from "../../network/stack.ts";
import type { NetworkView } from "../../view.ts";
import type { NetworkSpec } from "./messages.ts";
import type { NetworkQueue } from "./queue.ts";

/** Frames of one turn, and milliseconds. */
const [TURN_FRAMES, TURN_MS] = [64, 1];
const DAY_FILE_BYTES_MOST = 4096;

export class NetworkMember {
  readonly queue: NetworkQueue;
  private spec: NetworkSpec;
  private readonly makeSockets: (member: NetworkMember) => Sockets;
  private readonly clock: Clock;
  private stack: NetworkStack | null = null;
  private budget: DayBudget | null = null;
  private life = 0;
  /** Frames for the guest were put into the ring since the last look. */
  private hasNews = false;

  constructor(queue: NetworkQueue, spec: NetworkSpec, clock: Clock, sockets: (member: NetworkMember) => Sockets) {
    this.queue = queue;
    this.spec = spec;
    this.clock = clock;
    this.makeSockets = sockets;
    queue.isLinkUp = spec.rules.link !== "none";
  }

  /** Other rules hold, for what runs and for what will. */
  change(spec: NetworkSpec): void {
    this.spec = spec;
    this.queue.isLinkUp = spec.rules.link !== "none";
    this.budget?.setLimit(spec.bytesPerDay ?? Infinity);
    this.stack?.setRules(spec.rules, spec.nameServers);
  }

  /** A turn: frames of the guest's, what is due, what is to be acknowledged. Returns when to come again, in milliseconds of the clock, at once
   *  when frames are left. */
  turn(): number {
    this.look();
    const { stack, queue } = this;
    if (stack === null) return Infinity;
    const until = this.clock.now() + TURN_MS;
    let frames = 0;
    for (let record = queue.sent.first(); record !== null; record = queue.sent.first()) {
      const marks = { unchecked: (record[4]! & NETWORK_NEEDS_CSUM) !== 0, segments: record[5] !== 0 };
      // A socket may keep the bytes, and the ring goes round.
      const frame = new Uint8Array(record.length - NETWORK_HEADER_BYTES);
      frame.set(record.subarray(NETWORK_HEADER_BYTES));
      queue.sent.shift(record);
      stack.receive(frame, marks);
      if (++frames >= TURN_FRAMES || this.clock.now() >= until) break;
    }
    if (frames > 0 && queue.takeWait("sent")) this.hasNews = true;
    const due = this.settle();
    return queue.sent.isEmpty ? due : 0;
  }

  /** After frames, or after something that a socket brought: what is due, and what is to be acknowledged. Returns when to come again. */
  settle(): number {
    if (this.stack === null) return Infinity;
    const due = this.stack.poll();
    this.stack.flush();
    return due;
  }

  /** There may be room in the ring to the guest. */
  goOn(): void {
    this.stack?.goOn();
  }

  /** Whether the handset worker is to be told. */
  takeNews(): boolean {
    const { hasNews } = this;
    this.hasNews = false;
    return hasNews;
  }

  view(): NetworkView | null {
    return this.stack?.view() ?? null;
  }

  close(): void {
    this.stack?.close();
    this.stack = null;
    this.budget = null;
  }

  /** Whether the machine is still the same: what belonged to another one is over. */
  private look(): void {
    const { life } = this.queue;
    if (life === this.life) return;
    this.life = life;
    this.close();
    if ((life & 1) === 0) return;
    const { spec } = this;
    this.budget = new DayBudget(spec.bytesPerDay ?? Infinity, dayStore(spec.dayFile), this.clock);
    this.stack = new NetworkStack({
      ...{ name: spec.name, card: spec.card, prefixSeed: spec.prefixSeed, bufferBytes: spec.bufferBytes },
      ...{ rules: spec.rules, hostPorts: spec.hostPorts, nameServers: spec.nameServers, forwards: spec.forwards },
      ...{ clock: this.clock, budget: this.budget, sockets: this.makeSockets(this) },
      random: () => randomBytes(4).readUInt32LE(),
      port: this.port(),
    });
  }

  private port(): ConstructorParameters<typeof NetworkStack>[0]["port"] {
    const { queue } = this;
    const takes = (bit: number): boolean => (queue.features & bit) !== 0;
    return {
      offers: {
        get checksum() {
          return takes(NETWORK_F_GUEST_CSUM);
        },
        get segments4() {
          return takes(NETWORK_F_GUEST_TSO4);
        },
        get segments6() {
          return takes(NETWORK_F_GUEST_TSO6);
        },
      },
      send: (frame, offload) => {
        let record = queue.received.room(frame.length);
        if (record === null) {
          queue.wait("received");
          record = queue.received.room(frame.length);
        }
        this.hasNews = true;
        if (record === null) return false;
        writeHeader(record, frame.length, offload);
        record.set(frame, NETWORK_HEADER_BYTES);
        queue.received.push(record);
        return true;
      },
    };
  }
}

/** VIRTIO 1.2 §5.1.6, behind the frame's length. */
function writeHeader(record: Uint8Array, length: number, offload: Offload | null): void {
  const view = new DataView(record.buffer, record.byteOffset, NETWORK_HEADER_BYTES);
  record.fill(0, 4, NETWORK_HEADER_BYTES);
  view.setUint32(0, length, true);
  if (offload === null) return;
  if (offload.needsChecksum) {
    record[4] = NETWORK_NEEDS_CSUM;
    view.setUint16(10, offload.checksumStart, true);
    view.setUint16(12, offload.checksumOffset, true);
  }
  if (offload.segmentBytes === 0) return;
  record[5] = offload.ipv6 ? NETWORK_GSO_TCP6 : NETWORK_GSO_TCP4;
  view.setUint16(6, offload.headerBytes, true);
  view.setUint16(8, offload.segmentBytes, true);
}

function dayStore(path: string | null): DayStore {
  let kept: DayState | null = null;
  if (path === null) return { load: () => kept, save: (state) => void (kept = state) };
  return {
    load: () => {
      const bytes = readDurable(path, DAY_FILE_BYTES_MOST);
      return bytes === null ? null : readDay(Buffer.from(bytes).toString("latin1"));
    },
    save: (state) => writeDurably(path, Buffer.from(`${state.day} ${state.reserved} ${Math.floor(state.passedMs)}\n`)),
  };
}

/** A file that says nothing sensible is a day that is used up: who spoilt it gains nothing. */
function readDay(text: string): DayState {
  const numbers = /^(\d{1,9}) (\d{1,16}) (\d{1,16})\n$/.exec(text)?.slice(1).map(Number);
  if (numbers === undefined)
    return { day: Math.floor(Date.now() / 86_400_000), reserved: Number.MAX_SAFE_INTEGER, passedMs: 0 };
  return { day: numbers[0]!, reserved: numbers[1]!, passedMs: numbers[2]! };
}
