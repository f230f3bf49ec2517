// Frames of a guest that knows no rules: random ones, and good ones with a few bytes changed, while sockets answer, fail and end at random. Nothing throws,
// nothing grows beyond its bound, nothing reaches the host itself, and a day later nothing is left. FRAMES sets how many (default 40,000).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../../../agent/network/address.js";
import { write16 } from "../../../../agent/network/bytes.js";
import { checksumAdd, checksumOf } from "../../../../agent/network/checksum.js";
import { writeQuery } from "../../../../agent/network/dns-message.js";
import { CARD, ethernet, ip, NetworkWorld, udp } from "../../../support/network-world.js";
import { Random } from "../../../support/random.js";
import { segment, tcp } from "../../../support/tcp-peer.js";

const fuzz = suite("fuzz/network frames");
const FRAMES = Number(process.env["FRAMES"] ?? 40_000);

const ADDRESSES = ["10.0.2.2", "10.0.2.3", "192.0.2.1", "203.0.113.9", "127.0.0.1", "10.0.0.1", "255.255.255.255", "224.0.0.1", "198.51.100.7", "0.0.0.0"]; // prettier-ignore

class Hostile {
  readonly world: NetworkWorld;
  readonly random: Random;
  /** Sequence numbers that the stack has shown. */
  private shown: { address: string; port: number; acknowledgment: number; sequence: number }[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
    this.world = new NetworkWorld({
      seed,
      hostPorts: [8443],
      rules: { layers: [], link: "wifi", privateDenied: true },
    });
    this.world.sockets.ipv6 = true;
  }

  private bytes(most: number): Uint8Array {
    return Uint8Array.from({ length: this.random.below(most) }, () => this.random.below(256));
  }

  private good(): Uint8Array {
    const { random } = this;
    const to = random.pick(ADDRESSES);
    const port = random.pick([53, 67, 80, 123, 8443, random.below(65_536)]);
    const from = 1000 + random.below(400);
    switch (random.below(8)) {
      case 0:
        return udp(to, from, port, this.bytes(300));
      case 1:
        return udp("10.0.2.3", from, 53, writeQuery(random.below(65_536), { name: `n${random.below(900)}.example`, type: random.pick([1, 28, 15]), class: 1 }, 1232)); // prettier-ignore
      case 2:
        return ip(to, 1, Uint8Array.from([random.below(20), 0, 0, 0, ...this.bytes(100)]), 2);
      case 3:
        return ip(
          "fe80::1",
          58,
          Uint8Array.from([random.pick([128, 133, 135]), 0, 0, 0, ...this.bytes(60)]),
          2,
          "fe80::9",
        );
      case 4:
        return ethernet(0x0806, Uint8Array.from([0, 1, 8, 0, 6, 4, 0, 1, ...CARD, ...parseAddress("10.0.2.15")!, 0, 0, 0, 0, 0, 0, ...parseAddress(to)!])); // prettier-ignore
      default: {
        const known = random.oneIn(3) || this.shown.length === 0 ? null : random.pick(this.shown);
        const flags = random.pick([2, 16, 16, 24, 17, 4, 20, 18, random.below(64)]);
        const fields = {
          sequence: (known?.acknowledgment ?? random.u32()) + (random.oneIn(4) ? random.below(3000) - 1500 : 0),
          acknowledgment: (known?.sequence ?? random.u32()) + random.pick([0, 1, 1, random.below(70_000)]),
          flags,
          window: random.pick([0, 1, 100, 0xffff]),
          data: this.bytes(random.pick([1, 200, 1400])),
          options: random.oneIn(4) ? [2, 4, 5, 180, 1, 3, 3, random.below(20), 4, 2, 1, 1] : [],
        };
        return tcp(known?.address ?? to, known?.port ?? from, known === null ? port : 80, fields);
      }
    }
  }

  /** A frame, most of them wrong somewhere. */
  frame(): Uint8Array {
    const { random } = this;
    if (random.oneIn(20)) return this.bytes(200);
    const frame = this.good();
    if (random.oneIn(3)) return frame;
    for (let n = random.below(4); n >= 0; n--) frame[random.below(Math.min(frame.length, 80))] = random.below(256);
    // Half of them have good sums again, to get past the first look.
    if (random.oneIn(2) && frame[12] === 8 && frame[13] === 0 && frame.length >= 34) {
      const headerBytes = Math.min((frame[14]! & 15) * 4, frame.length - 14);
      write16(frame, 24, 0);
      write16(frame, 24, checksumOf(checksumAdd(frame, 14, 14 + headerBytes)));
    }
    return random.oneIn(9) ? frame.subarray(0, random.below(frame.length)) : frame;
  }

  /** The sockets of the host, at random. */
  host(): void {
    const { random, world } = this;
    const { tcps, udps } = world.sockets;
    const stream = tcps.at(-1 - random.below(Math.min(40, tcps.length || 1)));
    if (stream !== undefined && stream.state === "open") {
      const what = random.below(8);
      if (what < 4) stream.handlers.connected();
      else if (what === 4) stream.send(this.bytes(9000));
      else if (what === 5) stream.handlers.ended();
      else if (what === 6) stream.handlers.failed(random.pick(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH"]));
      else stream.slow = !stream.slow;
      if (!stream.slow) stream.taken();
    }
    const datagrams = udps.at(-1 - random.below(Math.min(40, udps.length || 1)));
    if (datagrams !== undefined && !datagrams.closed) {
      if (random.oneIn(10)) datagrams.handlers.failed("ECONNREFUSED");
      else datagrams.handlers.message(random.oneIn(2) && datagrams.sent[0] !== undefined ? answerTo(datagrams.sent[0], random) : this.bytes(3000)); // prettier-ignore
    }
    if (random.oneIn(6)) world.roomy = !world.roomy;
    if (world.roomy) world.stack.goOn();
  }

  learn(): void {
    for (const frame of this.world.take()) {
      assert.ok(frame.length <= 1514, "nothing above the MTU");
      if (frame[12] !== 8 || frame[13] !== 0 || frame[23] !== 6) continue;
      const { sequence, acknowledgment, sourcePort, port } = segment(frame);
      if (sourcePort === 80)
        this.shown.push({ address: frame.slice(26, 30).join("."), port, sequence, acknowledgment });
    }
    this.shown = this.shown.slice(-60);
  }
}

/** The question as a response, with whatever behind it. */
function answerTo(query: Uint8Array, random: Random): Uint8Array {
  if (query.length < 23) return query;
  const answer = Uint8Array.from([
    ...query.slice(0, -11),
    0xc0,
    12,
    0,
    1,
    0,
    1,
    0,
    0,
    0,
    9,
    0,
    4,
    10,
    0,
    0,
    random.below(256),
  ]);
  write16(answer, 2, 0x8180);
  write16(answer, 6, 1);
  write16(answer, 10, 0);
  return answer;
}

for (const seed of [1, 2]) {
  fuzz(`seed ${seed}: ${FRAMES / 2} frames`, () => {
    const hostile = new Hostile(seed);
    const { world } = hostile;
    for (let n = 0; n < FRAMES / 2; n++) {
      const marks = { unchecked: hostile.random.oneIn(4), segments: hostile.random.oneIn(4) };
      world.send(hostile.frame(), marks);
      if (n % 3 === 0) hostile.host();
      hostile.learn();
      if (n % 50 === 0) world.pass(hostile.random.pick([1, 300, 3000, 40_000]));
      // Sockets that are done are of no more use to the test.
      if (n % 1000 === 0) {
        const { flows, names, refused } = world.stack.view();
        assert.ok(flows.length <= 512 && names.length <= 4096 && refused.length <= 32);
        assert.ok(Object.keys(world.stack.counts.all()).length <= 60, "words are few");
        world.sockets.tcps = world.sockets.tcps.filter(({ state }) => state === "open").slice(-300);
        world.sockets.udps = world.sockets.udps.filter(({ closed }) => !closed);
        assert.ok(world.sockets.udps.length <= 256 + 64 + 1, `${world.sockets.udps.length} sockets`);
      }
    }
    for (const { address, port } of world.sockets.tcps) {
      assert.ok(address !== "127.0.0.1" || port === 8443, `${address}:${port}`);
      assert.ok(!["10.0.0.1", "0.0.0.0", "198.51.100.7", "224.0.0.1"].includes(address), address);
    }
    world.roomy = true;
    for (let hour = 0; hour < 60; hour++) {
      world.pass(3_600_000);
      world.take();
    }
    assert.equal(world.stack.view().flows, []);
    world.stack.close();
  });
}

fuzz.run();
