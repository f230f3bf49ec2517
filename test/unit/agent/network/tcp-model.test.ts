// The stack's TCP against a model of a guest's (test/support/tcp-peer), over a path that loses, reorders and repeats: every byte arrives once, in order, and
// both sides end. Clauses: RFC 9293 §3.4, §3.6, §3.8; RFC 2018.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../../support/random.js";
import { NetworkWorld } from "../../../support/network-world.js";
import { TcpPeer } from "../../../support/tcp-peer.js";

const model = suite("network/tcp model");
const SERVER = "203.0.113.9";

interface Path {
  loss: number;
  repeat: number;
  reorder: number;
}

/** Moves `up` bytes from the guest and `down` bytes to it, over a path; returns the milliseconds that passed. */
function transfer(seed: number, path: Path, up: number, down: number, offload = false): number {
  const random = new Random(seed);
  const world = new NetworkWorld({ seed });
  if (offload) Object.assign(world.offers, { checksum: true, segments4: true });
  const chance = (permille: number): boolean => random.below(1000) < permille;
  const toStack: Uint8Array[] = [];
  const peer = new TcpPeer(SERVER, 80, 40_000, (frame) => toStack.push(frame));
  const bytes = (count: number, step: number): Buffer =>
    Buffer.from(Uint8Array.from({ length: count }, (_, n) => (n * step + (n >>> 8)) & 255));
  const [upload, download] = [bytes(up, 7), bytes(down, 13)];
  peer.open();
  peer.send(upload);
  peer.close();
  const late: (() => void)[] = [];
  const carry = (deliver: () => void): void => {
    if (chance(path.loss)) return;
    if (chance(path.repeat)) late.push(deliver);
    if (chance(path.reorder)) late.push(deliver);
    else deliver();
  };
  let ms = 0;
  let connected = false;
  for (; ms < 900_000; ms += 50) {
    for (let turn = 0; turn < 40 && (toStack.length > 0 || world.received.length > 0); turn++) {
      for (const frame of toStack.splice(0)) carry(() => world.send(frame));
      for (const { frame } of world.received.splice(0)) carry(() => peer.input(frame, !offload));
      for (const deliver of late.splice(0)) if (chance(500)) deliver(); else late.push(deliver); // prettier-ignore
    }
    const [socket] = world.sockets.tcps;
    if (socket !== undefined && !connected) {
      connected = true;
      socket.handlers.connected();
      socket.send(download);
      socket.finish();
    }
    assert.not(peer.isReset, `seed ${seed}: reset after ${ms} ms`);
    if (peer.isDone && peer.peerFinished && socket!.written.length === up) break;
    world.pass(50);
    peer.pass(50);
  }
  const [socket] = world.sockets.tcps;
  assert.ok(socket!.written.equals(upload), `seed ${seed}: ${socket!.written.length} of ${up} bytes up`);
  assert.ok(peer.received.equals(download), `seed ${seed}: ${peer.received.length} of ${down} bytes down`);
  assert.ok(["ended", "closed"].includes(socket!.state), `seed ${seed}: ${socket!.state}`);
  world.pass(3 * 60_000);
  assert.equal(world.stack.view().flows, [], `seed ${seed}: both sides have ended`);
  assert.is(world.sockets.tcps.length, 1, "one connection");
  return ms;
}

model("a path without faults: a megabyte each way", () => {
  transfer(1, { loss: 0, repeat: 0, reorder: 0 }, 1_000_000, 1_000_000);
});

model("segments left to the card: the same", () => {
  transfer(2, { loss: 0, repeat: 0, reorder: 0 }, 300_000, 1_000_000, true);
});

for (const [name, path] of Object.entries({
  loss: { loss: 80, repeat: 0, reorder: 0 },
  reordering: { loss: 0, repeat: 0, reorder: 200 },
  repetition: { loss: 0, repeat: 300, reorder: 0 },
  "all of them": { loss: 60, repeat: 100, reorder: 100 },
})) {
  model(`${name}: twenty paths`, () => {
    for (let seed = 10; seed < 30; seed++) transfer(seed, path, 60_000, 90_000);
  });
}

model.run();
