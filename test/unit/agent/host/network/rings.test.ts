// Frames between the machine, the handset worker and the network worker: rings that go round, a card that moves and charges, what is held and what is lost.

import { NO_FIRMWARE } from "../../../../../agent/host/loader/firmware.js";
import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FrameRing } from "../../../../../agent/host/network/frame-ring.js";
import { NetworkCard, type CardHooks } from "../../../../../agent/host/network/card.js";
import { NetworkQueue } from "../../../../../agent/host/network/queue.js";
import { Machine } from "../../../../../agent/host/machine/machine.js";
import { CACHE_SIZES } from "../../../../../agent/host/machine/memory.js";
import {
  CONFIG_NETWORK_LINK,
  CONFIG_NETWORK_OFFSET,
  DEVICE_NETWORK,
  NETWORK_FEATURES,
  NETWORK_HEADER_BYTES,
  NETWORK_RECEIVED_HEAD,
  NETWORK_RECEIVED_TAIL,
  NETWORK_SENT_HEAD,
  NETWORK_SENT_TAIL,
} from "../../../../../kernel/abi/layout.js";

const rings = suite("host/network rings");
const RING = 1 << 18;
const wasm = new WebAssembly.Module(readFileSync(new URL("../../../../../build/machine.wasm", import.meta.url)));

function put(ring: FrameRing, frame: Uint8Array): boolean {
  const record = ring.room(frame.length);
  if (record === null) return false;
  record.fill(0, 0, NETWORK_HEADER_BYTES);
  new DataView(record.buffer, record.byteOffset).setUint32(0, frame.length, true);
  record.set(frame, NETWORK_HEADER_BYTES);
  ring.push(record);
  return true;
}
function take(ring: FrameRing): Uint8Array | null {
  const record = ring.first();
  if (record === null) return null;
  const frame = record.slice(NETWORK_HEADER_BYTES);
  ring.shift(record);
  return frame;
}
const frameOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => (n * 7 + length) & 255);

rings("frames of every size come out as they went in, round and round, also where the counts wrap", () => {
  for (const start of [0, 0xffff_0000]) {
    const ring = new FrameRing(new Uint8Array(RING), { head: start, tail: start });
    const waiting: number[] = [];
    for (let n = 0; n < 300; n++) {
      const length = 14 + ((n * 7919) % 65_536);
      if (put(ring, frameOf(length))) waiting.push(length);
      else while (waiting.length > 1) assert.equal(take(ring), frameOf(waiting.shift()!));
    }
    while (waiting.length > 0) assert.equal(take(ring), frameOf(waiting.shift()!));
    assert.ok(ring.isEmpty);
  }
});

rings("what no writer of ours wrote empties the ring", () => {
  const bytes = new Uint8Array(RING);
  for (const length of [0, 13, 65_551, 0xffff_fffe]) {
    const counts = { head: 64, tail: 0 };
    new DataView(bytes.buffer).setUint32(0, length, true);
    assert.is(new FrameRing(bytes, counts).first(), null);
    assert.is(counts.tail, 64);
  }
});

function card(hooks: Partial<CardHooks> = {}) {
  const machine = new Machine(
    wasm,
    {
      ...{
        mode: "scheduled",
        ramBytes: 1 << 20,
        firmware: NO_FIRMWARE,
        devices: DEVICE_NETWORK,
        disk: null,
        consolePorts: 1,
      },
      ...{ entry: 0x4000_0000, r0: 0, r1: 0, r2: 0, wallOrigin: 0 },
      caches: { ...CACHE_SIZES.small, networkBytes: 2 * RING },
      network: { card: Uint8Array.of(0x52, 0x54, 0, 1, 2, 3), mtu: 1500 },
    },
    () => 0,
  );
  const queue = new NetworkQueue(new SharedArrayBuffer(4));
  queue.isLinkUp = true;
  const all = { charge: () => "now" as const, spent: () => undefined, paid: () => true, ...hooks };
  const counts = (head: number, tail: number) => ({
    get head() { return machine.word(head); }, // prettier-ignore
    set head(value) { machine.setWord(head, value); }, // prettier-ignore
    get tail() { return machine.word(tail); }, // prettier-ignore
    set tail(value) { machine.setWord(tail, value); }, // prettier-ignore
  });
  const at = machine.word(CONFIG_NETWORK_OFFSET);
  const guestSent = new FrameRing(machine.bytes.subarray(at, at + RING), counts(NETWORK_SENT_HEAD, NETWORK_SENT_TAIL));
  const guestReceived = new FrameRing(machine.bytes.subarray(at + RING, at + 2 * RING), counts(NETWORK_RECEIVED_HEAD, NETWORK_RECEIVED_TAIL)); // prettier-ignore
  return { machine, queue, card: new NetworkCard(machine, queue, all), guestSent, guestReceived };
}

rings("a card moves frames both ways, tells what the driver takes, and shows the link", () => {
  const { machine, queue, card: it, guestSent, guestReceived } = card();
  assert.is(queue.life & 1, 1);
  assert.is(machine.word(CONFIG_NETWORK_LINK), 1);
  put(guestSent, frameOf(100));
  put(queue.received, frameOf(200));
  machine.setWord(NETWORK_FEATURES, 0x82);
  assert.ok(it.pump());
  assert.equal(take(queue.sent), frameOf(100));
  assert.equal(take(guestReceived), frameOf(200));
  assert.is(queue.features, 0x82);
  assert.not(it.pump(), "nothing is left");
  queue.isLost = true;
  assert.ok(it.pump());
  assert.is(machine.word(CONFIG_NETWORK_LINK), 0, "no network worker: the link is down");
  const { life } = queue;
  it.restart();
  assert.equal([queue.life & 1, queue.life !== life], [1, true]);
  it.end();
  assert.is(queue.life & 1, 0);
});

rings("each frame is charged once, its IP bytes; what may not pass now waits, what never may is dropped", () => {
  const asked: number[] = [];
  let may: "now" | "later" | "never" = "later";
  const { queue, card: it, guestSent } = card({ charge: (bytes) => { asked.push(bytes); return may; } }); // prettier-ignore
  put(guestSent, frameOf(114));
  assert.not(it.pump());
  assert.not(guestSent.isEmpty);
  may = "now";
  it.pump();
  it.pump();
  assert.equal(asked, [100, 100]);
  assert.equal(take(queue.sent), frameOf(114));
  may = "never";
  put(guestSent, frameOf(60));
  it.pump();
  assert.ok(guestSent.isEmpty && queue.sent.isEmpty);
});

rings("who has not paid for what was done sends nothing before; what the network worker worked is told once", () => {
  let paid = false;
  const spent: number[] = [];
  const { queue, card: it, guestSent } = card({ paid: () => paid, spent: (nanoseconds) => spent.push(nanoseconds) });
  queue.spend(5000);
  put(guestSent, frameOf(60));
  it.pump();
  assert.equal([spent, it.owing, queue.sent.isEmpty], [[5000], true, true]);
  paid = true;
  it.pump();
  assert.equal([spent, it.owing, queue.sent.isEmpty], [[5000], false, false]);
});

rings("a full ring holds frames back in the machine, and room is told", () => {
  const { queue, card: it, guestSent } = card();
  let count = 0;
  while (put(queue.sent, frameOf(60_000))) count++;
  put(guestSent, frameOf(60_000));
  assert.not(it.pump());
  assert.ok(queue.takeWait("sent"), "the network worker rings when it has taken some");
  for (; count > 0; count--) take(queue.sent);
  assert.ok(it.pump());
  assert.equal(take(queue.sent), frameOf(60_000));
});

rings.run();
