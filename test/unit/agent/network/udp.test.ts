// UDP flows and the time server. Clauses: RFC 768, RFC 4787, RFC 792, RFC 5905.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { read16, read32, write16 } from "../../../../agent/network/bytes.js";
import { datagram, NetworkWorld, seen, udp } from "../../../support/network-world.js";

const flows = suite("network/udp");
const PEER = "192.0.2.9";

flows("a flow: one connected socket for a port and a peer, and its answers come back", () => {
  const world = new NetworkWorld();
  for (const [port, byte] of [[7000, 1], [7000, 2], [7001, 3]] as const) world.send(udp(PEER, 5000, port, Uint8Array.of(byte))); // prettier-ignore
  assert.equal(world.sockets.udps.map(({ address, port, sent }) => [address, port, sent.length]), [[PEER, 7000, 2], [PEER, 7001, 1]]); // prettier-ignore
  world.sockets.udps[0]!.handlers.message(Uint8Array.of(9));
  assert.equal(datagram(world.take()[0]!), { from: PEER, sourcePort: 7000, port: 5000, data: Uint8Array.of(9) });
});

flows("RFC 768: length and checksum; none is fine over IPv4", () => {
  const word = (change: (body: Uint8Array) => void): string => {
    const world = new NetworkWorld();
    const frame = udp(PEER, 5000, 7000, Uint8Array.of(1, 2, 3));
    change(frame.subarray(34));
    world.send(frame);
    return Object.keys(world.stack.counts.all()).join() + world.sockets.udps.length;
  };
  assert.is(
    word(() => undefined),
    "1",
  );
  assert.is(
    word((body) => write16(body, 6, 0)),
    "1",
  );
  assert.is(
    word((body) => (body[8]! ^= 1)),
    "udp-checksum0",
  );
  assert.is(
    word((body) => write16(body, 4, 7)),
    "udp-length0",
  );
  assert.is(
    word((body) => write16(body, 4, 12)),
    "udp-length0",
  );
  assert.is(word((body) => { write16(body, 0, 0); write16(body, 6, 0); }), "udp-port0"); // prettier-ignore
});

flows("nobody listens there: ICMP says so, about the guest's own packet", () => {
  for (const [code, icmp] of [
    ["ECONNREFUSED", 3],
    ["EHOSTUNREACH", 1],
    ["ENETUNREACH", 0],
  ] as const) {
    const world = new NetworkWorld();
    const asked = udp(PEER, 5000, 7000, Uint8Array.of(1));
    world.send(asked);
    world.sockets.udps[0]!.handlers.failed(code);
    const { payload } = seen(world.take()[0]!);
    assert.equal([...payload.slice(0, 2)], [3, icmp], code);
    assert.equal(payload.slice(8), asked.slice(14));
    assert.ok(world.sockets.udps[0]!.closed);
  }
});

flows("RFC 4787 §4.3: two minutes without a word, half a minute for a name server; each word begins them anew", () => {
  const world = new NetworkWorld();
  world.send(udp(PEER, 5000, 7000, Uint8Array.of(1)));
  world.send(udp(PEER, 5000, 53, Uint8Array.of(1)));
  world.pass(30_000);
  assert.equal(
    world.sockets.udps.map(({ closed }) => closed),
    [false, true],
  );
  world.pass(80_000);
  world.sockets.udps[0]!.handlers.message(Uint8Array.of(1));
  world.pass(119_000);
  assert.not(world.sockets.udps[0]!.closed);
  world.pass(1000);
  assert.ok(world.sockets.udps[0]!.closed);
});

flows("256 flows: the one that was silent longest goes", () => {
  const world = new NetworkWorld();
  for (let n = 0; n < 256; n++) world.send(udp(PEER, 1000 + n, 7000, Uint8Array.of(1)));
  world.send(udp(PEER, 1000, 7000, Uint8Array.of(1)));
  world.send(udp(PEER, 9000, 7000, Uint8Array.of(1)));
  assert.equal(
    world.sockets.udps.map(({ closed }, n) => (closed ? n : -1)).filter((n) => n >= 0),
    [1],
  );
  assert.is(world.stack.view().flows.length, 256);
});

flows("RFC 791 §3.2: an answer above the MTU comes as fragments that make it whole again", () => {
  const world = new NetworkWorld();
  world.send(udp(PEER, 5000, 7000, Uint8Array.of(1)));
  const answer = Uint8Array.from({ length: 5000 }, (_, n) => n & 255);
  world.sockets.udps[0]!.handlers.message(answer);
  const frames = world.take();
  assert.is(frames.length, 4);
  const whole = new Uint8Array(5008);
  const numbers = new Set<number>();
  for (const [n, frame] of frames.entries()) {
    const { payload } = seen(frame);
    const field = read16(frame, 20);
    numbers.add(read16(frame, 18));
    assert.is((field & 0x2000) !== 0, n < 3, "more");
    whole.set(payload, (field & 0x1fff) * 8);
    assert.ok(frame.length <= 1514);
  }
  assert.is(numbers.size, 1);
  assert.equal(whole.slice(8), answer);
});

flows("to everybody, to a group, to nobody: no flow", () => {
  const world = new NetworkWorld();
  for (const to of ["255.255.255.255", "10.0.2.255", "224.0.0.251", "0.0.0.1"])
    world.send(udp(to, 5000, 5353, Uint8Array.of(1)));
  assert.is(world.sockets.udps.length, 0);
  assert.is(world.stack.counts.get("udp-group"), 4);
});

flows("RFC 5905 §7.3: the gateway tells the host's time, to clients alone", () => {
  const world = new NetworkWorld();
  const ask = (first: number, length = 48): Uint8Array | null => {
    const request = new Uint8Array(length);
    request[0] = first;
    if (length === 48) request.set([1, 2, 3, 4, 5, 6, 7, 8], 40);
    world.send(udp("10.0.2.2", 5000, 123, request));
    const [frame] = world.take();
    return frame === undefined ? null : datagram(frame).data;
  };
  const answer = ask(0x23)!;
  assert.is(answer[0], 0x24, "version 4, a server");
  assert.equal([...answer.slice(24, 32)], [1, 2, 3, 4, 5, 6, 7, 8], "its own time comes back");
  assert.is(read32(answer, 40) - 2_208_988_800, Math.floor(world.wallMs / 1000));
  assert.is(ask(0x1b)![0], 0x1c);
  for (const [first, length] of [
    [0x24, 48],
    [0x26, 48],
    [0x03, 48],
    [0x2b, 48],
    [0x23, 47],
  ] as const)
    assert.is(ask(first, length), null);
  assert.is(world.stack.counts.get("ntp-request"), 5);
});

flows.run();
