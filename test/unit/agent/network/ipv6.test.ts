// IPv6, neighbours and routers. Clauses: RFC 8200, RFC 4861, RFC 4862, RFC 8106, RFC 4443, RFC 4193.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { addressText, parseAddress } from "../../../../agent/network/address.js";
import { read16, read32, write16 } from "../../../../agent/network/bytes.js";
import { CARD, ip, NetworkWorld, seen, udp } from "../../../support/network-world.js";
import { tcp, SYN } from "../../../support/tcp-peer.js";

const ipv6 = suite("network/ipv6");
const LOCAL = "fe80::5054:ff:fe01:203";

/** The prefix that a router advertisement tells, and the guest's address in it. */
function solicited(world: NetworkWorld): { message: Uint8Array; guest: string; prefix: string; hopLimit: number } {
  world.send(ip("ff02::2", 58, Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0, 1, 1, ...CARD), 2, LOCAL));
  const { payload: message, hopLimit } = seen(world.take()[0]!);
  const prefix = addressText(message.slice(48, 64));
  return {
    message,
    hopLimit,
    prefix,
    guest: addressText(Uint8Array.from([...message.slice(48, 56), 2, 0, 0, 0, 0, 0, 0, 9])),
  };
}

ipv6("RFC 4861 §4.2, RFC 8106 §5.1: MTU, prefix, name server; no way out is lifetime 0", () => {
  const world = new NetworkWorld();
  const { message, hopLimit, prefix } = solicited(world);
  assert.is(message[0], 134);
  assert.is(hopLimit, 255);
  assert.is(read16(message, 6), 0, "no default router");
  assert.equal([...message.slice(16, 18)], [1, 1]);
  assert.equal([message[24], read32(message, 28)], [5, 1500]);
  assert.equal([message[32], message[34], message[35]], [3, 64, 0xc0]);
  assert.match(prefix, /^fd[0-9a-f]{2}:/);
  assert.is(message[64], 25);
  assert.is(addressText(message.slice(72, 88)), prefix.replace(/::$/, "::3"));
  world.sockets.ipv6 = true;
  world.pass(1);
  const [changed] = world.take();
  assert.is(read16(seen(changed!).payload, 6), 1800, "the network has changed: said to all at once");
  assert.is(seen(changed!).destination, "ff02::1");
});

ipv6("RFC 4193: handsets have prefixes of their own", () => {
  assert.is.not(
    solicited(new NetworkWorld({ prefixSeed: "a" })).prefix,
    solicited(new NetworkWorld({ prefixSeed: "b" })).prefix,
  );
});

ipv6("RFC 4861 §7.2.4: the gateway and the name server are answered for, and nobody else", () => {
  const world = new NetworkWorld();
  const { prefix, guest } = solicited(world);
  const ask = (target: string, from = guest): Uint8Array[] => {
    const group = `ff02::1:ff00:${target.split(":").at(-1)!}`;
    world.send(ip(group, 58, Uint8Array.from([135, 0, 0, 0, 0, 0, 0, 0, ...parseAddress(target)!]), 2, from));
    return world.take();
  };
  for (const target of ["fe80::1", prefix.replace(/::$/, "::2"), prefix.replace(/::$/, "::3")]) {
    const answer = seen(ask(target)[0]!);
    assert.is(answer.payload[0], 136);
    assert.is(answer.payload[4], 0xe0);
    assert.is(answer.source, target);
    assert.is(answer.hopLimit, 255);
  }
  assert.is(ask("fe80::2").length, 0);
  assert.is(ask(guest, "::").length, 0, "RFC 4862 §5.4: its own address is its own");
  const duplicate = seen(ask("fe80::1", "::")[0]!);
  assert.equal([duplicate.destination, duplicate.payload[4]], ["ff02::1", 0xa0], "not solicited, to all");
});

ipv6("RFC 4861 §6.1.1, §7.1.1: over a router, another code, options without length", () => {
  const twins: Uint8Array[] = [
    Uint8Array.of(133, 1, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6),
    Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 2, 3, 4, 5, 6),
    Uint8Array.of(135, 0, 0, 0, 0, 0, 0, 0),
  ];
  const frames = twins.map((message) => ip("ff02::2", 58, message, 2, LOCAL));
  const routed = ip("ff02::2", 58, Uint8Array.of(133, 0, 0, 0, 0, 0, 0, 0), 2, LOCAL);
  routed[14 + 7] = 254;
  for (const frame of [...frames, routed]) {
    const world = new NetworkWorld();
    world.send(frame);
    assert.is(world.take().length, 0);
    assert.is(world.stack.counts.get("nd-invalid"), 1);
  }
});

ipv6("RFC 8200: header, length, extension headers, source, checksum", () => {
  const word = (change: (frame: Uint8Array) => void, from?: string): string => {
    const world = new NetworkWorld();
    const { guest, prefix } = solicited(world);
    const frame = udp(prefix.replace(/::$/, "::3"), 9, 53, Uint8Array.of(0), from ?? guest);
    change(frame);
    world.send(frame);
    return Object.keys(world.stack.counts.all()).join();
  };
  assert.is(
    word((frame) => (frame[14] = 0x40)),
    "ipv6-header",
  );
  assert.is(
    word((frame) => write16(frame, 18, 2000)),
    "ipv6-length",
  );
  for (const extension of [0, 43, 44, 60, 50, 51, 59])
    assert.is(
      word((frame) => (frame[20] = extension)),
      "ipv6-extension",
    );
  assert.is(
    word((frame) => (frame[21] = 0)),
    "ipv6-lifetime",
  );
  assert.is(
    word(() => undefined, "2001:db8::1"),
    "ipv6-source",
  );
  assert.is(
    word((frame) => (frame[60]! ^= 1)),
    "udp-checksum",
  );
  assert.is(
    word((frame) => write16(frame, 60, 0)),
    "udp-checksum",
    "RFC 8200 §8.1: not optional",
  );
});

ipv6("RFC 4443 §4.1 echo, §3.2 too big, §3.1 no port, no route", () => {
  const world = new NetworkWorld();
  const { guest, prefix } = solicited(world);
  world.send(ip("fe80::1", 58, Uint8Array.of(128, 0, 0, 0, 1, 2, 3, 4, 5), 2, guest));
  assert.equal([...seen(world.take()[0]!).payload.slice(0, 2)], [129, 0]);
  world.send(udp("2001:db8::1", 9, 9, new Uint8Array(1500), guest));
  const big = seen(world.take()[0]!).payload;
  assert.equal([big[0], read32(big, 4)], [2, 1500]);
  world.send(udp(prefix.replace(/::$/, "::2"), 9, 9, new Uint8Array(4), guest));
  assert.equal([...seen(world.take()[0]!).payload.slice(0, 2)], [1, 4]);
  world.send(tcp("2001:db8::1", 9, 80, { sequence: 1, flags: SYN }, guest));
  assert.equal([...seen(world.take()[0]!).payload.slice(0, 2)], [1, 0]);
  assert.is(world.sockets.tcps.length, 0);
});

ipv6("with a way out, a flow goes where it is meant to go; longer answers come as fragments", () => {
  const world = new NetworkWorld();
  world.sockets.ipv6 = true;
  const { guest } = solicited(world);
  world.take();
  world.send(udp("2001:db8::1", 4000, 4001, Uint8Array.of(7), guest));
  const [socket] = world.sockets.udps;
  assert.equal([socket!.address, socket!.port], ["2001:db8::1", 4001]);
  socket!.handlers.message(new Uint8Array(3000).fill(5));
  const parts = world.take().map((frame) => frame.slice(14));
  assert.is(parts.length, 3);
  const whole = parts.map((packet) => ({ next: packet[40], field: read16(packet, 42), data: packet.slice(48) }));
  assert.equal(
    whole.map(({ next }) => next),
    [17, 17, 17],
  );
  assert.equal(
    whole.map(({ field }) => field & 7),
    [1, 1, 0],
  );
  let offset = 0;
  for (const { field, data } of whole) {
    assert.is(field & ~7, offset);
    offset += data.length;
  }
  assert.is(offset, 3008);
});

ipv6.run();
