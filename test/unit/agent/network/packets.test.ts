// Ethernet, ARP, IPv4 and ICMP through a whole stack: what is answered, and for each its bad twin, which is dropped and counted. Clauses: RFC 826,
// RFC 791, RFC 792, RFC 1812, RFC 5227, RFC 7126.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { read16, write16 } from "../../../../agent/network/bytes.js";
import { checksumAdd, checksumOf } from "../../../../agent/network/checksum.js";
import { parseAddress } from "../../../../agent/network/address.js";
import { CARD, ethernet, GATEWAY_CARD, GUEST, ip, NetworkWorld, seen, udp } from "../../../support/network-world.js";

const packets = suite("network/packets");

/** What a frame is dropped for, null when it is not; nothing may come back for what is dropped. */
function drop(frame: Uint8Array): string | null {
  const world = new NetworkWorld();
  world.send(frame);
  const [word] = Object.keys(world.stack.counts.all());
  if (word !== undefined) assert.is(world.take().length, 0, word);
  return word ?? null;
}
/** A good packet with bytes of its IP header changed, its checksum made good again unless it is what is changed. */
function changed(change: (packet: Uint8Array) => void, repair = true): Uint8Array {
  const frame = echo("10.0.2.2");
  const packet = frame.subarray(14);
  change(packet);
  if (repair) {
    const headerBytes = Math.min(Math.max(20, (packet[0]! & 15) * 4), packet.length);
    write16(packet, 10, 0);
    write16(packet, 10, checksumOf(checksumAdd(packet, 0, headerBytes)));
  }
  return frame;
}
function echo(to: string, from = GUEST): Uint8Array {
  return ip(to, 1, Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1, 1, 2, 3), 2, from);
}
function arp(operation: number, sender: string, target: string, card = CARD): Uint8Array {
  const body = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, operation, ...card, ...parseAddress(sender)!, 0, 0, 0, 0, 0, 0, ...parseAddress(target)!); // prettier-ignore
  return ethernet(0x0806, body, CARD, new Uint8Array(6).fill(255));
}

packets("Ethernet: from the partition's own card, to us, of a type that we know", () => {
  assert.is(drop(echo("10.0.2.2")), null);
  assert.is(drop(new Uint8Array(13)), "ethernet-length");
  assert.is(drop(new Uint8Array(65_551)), "ethernet-length");
  assert.is(drop(ethernet(0x0800, new Uint8Array(46), Uint8Array.of(0x52, 0x54, 0, 1, 2, 4))), "ethernet-source");
  assert.is(drop(ethernet(0x0800, new Uint8Array(46), CARD, Uint8Array.of(2, 0, 0, 0, 0, 9))), "ethernet-destination");
  assert.is(drop(ethernet(0x8100, new Uint8Array(46))), "ethernet-type");
});

packets("RFC 826: the gateway and the name server are answered for, and nobody else", () => {
  const world = new NetworkWorld();
  for (const target of ["10.0.2.2", "10.0.2.3"]) {
    world.send(arp(1, GUEST, target));
    const [frame] = world.take();
    assert.equal(frame!.slice(0, 6), CARD);
    assert.is(read16(frame!, 20), 2, "a reply");
    assert.equal(frame!.slice(22, 28), GATEWAY_CARD);
    assert.equal(frame!.slice(28, 32), parseAddress(target));
    assert.equal(frame!.slice(38, 42), parseAddress(GUEST));
  }
  for (const target of ["10.0.2.15", "10.0.2.4", "192.0.2.1"]) world.send(arp(1, GUEST, target));
  world.send(arp(2, GUEST, "10.0.2.2"));
  assert.is(world.take().length, 0);
  assert.equal(world.stack.counts.all(), {}, "nothing wrong with asking");
  world.send(arp(1, "0.0.0.0", "10.0.2.2"));
  assert.is(world.take().length, 1, "RFC 5227 §2.1.1: a probe");
});

packets("RFC 826: another's address, another's card, another kind, too short", () => {
  assert.is(drop(arp(1, "10.0.2.99", "10.0.2.2")), "arp-source");
  assert.is(drop(arp(1, GUEST, "10.0.2.2", GATEWAY_CARD)), "arp-source");
  assert.is(drop(ethernet(0x0806, new Uint8Array(28))), "arp-kind");
  assert.is(drop(ethernet(0x0806, new Uint8Array(27))), "arp-length");
});

packets("RFC 791 §3.1: version, header length, total length, checksum, source, lifetime", () => {
  assert.is(drop(changed((packet) => (packet[0] = 0x55))), "ipv4-header");
  assert.is(drop(changed((packet) => (packet[0] = 0x44))), "ipv4-length");
  assert.is(drop(changed((packet) => (packet[0] = 0x4f))), "ipv4-length");
  assert.is(drop(changed((packet) => write16(packet, 2, 32))), "ipv4-length", "longer than the frame");
  assert.is(drop(changed((packet) => write16(packet, 2, 19))), "ipv4-length");
  assert.is(drop(changed((packet) => (packet[11]! ^= 1), false)), "ipv4-checksum");
  assert.is(drop(changed((packet) => (packet[15] = 16))), "ipv4-source");
  assert.is(drop(changed((packet) => (packet[8] = 0))), "ipv4-lifetime");
  assert.is(drop(ethernet(0x0800, new Uint8Array(19).fill(0x45))), "ipv4-header");
  assert.is(drop(ip("192.0.2.1", 132, new Uint8Array(16), null)), "ipv4-protocol");
  assert.is(drop(ip("10.0.2.2", 1, new Uint8Array(1500), null)), "ipv4-mtu", "longer than the link takes");
});

packets("RFC 791 §2.3: fragments are dropped, first and last", () => {
  assert.is(drop(changed((packet) => write16(packet, 6, 0x2000))), "ipv4-fragment");
  assert.is(drop(changed((packet) => write16(packet, 6, 1))), "ipv4-fragment");
  assert.is(drop(changed((packet) => write16(packet, 6, 0x4000))), null, "do not fragment");
});

packets("RFC 7126 §4.3: no source routes; options that are well formed pass", () => {
  const withOptions = (...options: number[]): Uint8Array => {
    const plain = echo("10.0.2.2").subarray(14);
    const packet = Uint8Array.from([...plain.subarray(0, 20), ...options, ...plain.subarray(20)]);
    packet[0] = 0x40 | (5 + options.length / 4);
    write16(packet, 2, packet.length);
    write16(packet, 10, 0);
    write16(packet, 10, checksumOf(checksumAdd(packet, 0, 20 + options.length)));
    return ethernet(0x0800, packet);
  };
  assert.is(drop(withOptions(1, 1, 1, 0)), null);
  assert.is(drop(withOptions(148, 4, 0, 0)), null, "router alert");
  assert.is(drop(withOptions(131, 3, 4, 0)), "ipv4-source-route");
  assert.is(drop(withOptions(1, 137, 3, 4)), "ipv4-source-route");
  assert.is(drop(withOptions(148, 0, 0, 0)), "ipv4-options");
  assert.is(drop(withOptions(148, 5, 0, 0)), "ipv4-options");
  assert.is(drop(withOptions(1, 1, 1, 148)), "ipv4-options");
});

packets("frames are padded: what is behind the packet is not part of it", () => {
  const world = new NetworkWorld();
  world.send(Uint8Array.from([...echo("10.0.2.2"), 9, 9, 9]));
  assert.equal(seen(world.take()[0]!).payload, Uint8Array.of(0, 0, 0xe9, 0xc8, 0x12, 0x34, 0, 1, 1, 2, 3));
});

packets("RFC 792: the gateway answers an echo; the outside does not, and bad sums are no request", () => {
  const world = new NetworkWorld();
  for (const to of ["10.0.2.2", "10.0.2.3"]) {
    world.send(echo(to));
    const reply = seen(world.take()[0]!);
    assert.is(reply.source, to);
    assert.equal([...reply.payload.slice(0, 2), ...reply.payload.slice(4)], [0, 0, 0x12, 0x34, 0, 1, 1, 2, 3]);
  }
  assert.is(drop(echo("192.0.2.1")), "icmp-outside");
  assert.is(drop(ip("10.0.2.2", 1, Uint8Array.of(8, 0, 1, 2, 3, 4, 5, 6), null)), "icmp-checksum");
  assert.is(drop(ip("10.0.2.2", 1, Uint8Array.of(8, 0, 0, 0), 2)), "icmp-checksum", "too short");
  assert.is(drop(ip("10.0.2.2", 1, Uint8Array.of(5, 1, 0, 0, 0, 0, 0, 0), 2)), "icmp-type", "a redirect");
  assert.is(drop(ip("10.0.2.2", 1, Uint8Array.of(8, 1, 0, 0, 0, 0, 0, 0), 2)), "icmp-type", "another code");
});

packets("RFC 1812 §4.3.2.3: an error quotes the packet that it is about", () => {
  const world = new NetworkWorld();
  const asked = udp("10.0.2.2", 5000, 9999, new Uint8Array(1000));
  world.send(asked);
  const error = seen(world.take()[0]!);
  assert.equal([...error.payload.slice(0, 2)], [3, 3]);
  assert.is(error.payload.length + 20, 576);
  assert.equal(error.payload.slice(8), asked.slice(14, 14 + 548));
});

packets.run();
