// The guest's name server and its reader of messages. Clauses: RFC 1035, RFC 2181, RFC 2308, RFC 6891, RFC 7766, RFC 5452.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseAddress } from "../../../../agent/network/address.js";
import { read16, write16, write32 } from "../../../../agent/network/bytes.js";
import {
  DnsError,
  nameBytes,
  readQuery,
  readResponse,
  TYPE,
  writeQuery,
} from "../../../../agent/network/dns-message.js";
import { datagram, layer, NetworkWorld, rule, udp } from "../../../support/network-world.js";
import { TcpPeer } from "../../../support/tcp-peer.js";

const dns = suite("network/dns");
const DNS = "10.0.2.3";

function query(name: string, type: number = TYPE.A, id = 7): Uint8Array {
  return writeQuery(id, { name, type, class: 1 }, 1232);
}
interface Answer {
  name?: string;
  type?: number;
  ttl?: number;
  data: Uint8Array;
}
/** A resolver's response to what it was asked. */
function response(
  asked: Uint8Array,
  answers: Answer[],
  { code = 0, truncated = false, authority = [] as Answer[] } = {},
): Uint8Array {
  const question = asked.slice(12, asked.length - 11);
  const records = [...answers, ...authority].map(({ name, type = TYPE.A, ttl = 60, data }) => {
    const owner = name === undefined ? Uint8Array.of(0xc0, 12) : nameBytes(name);
    const fixed = new Uint8Array(10);
    write16(fixed, 0, type);
    write16(fixed, 2, 1);
    write32(fixed, 4, ttl);
    write16(fixed, 8, data.length);
    return Buffer.concat([owner, fixed, data]);
  });
  const head = new Uint8Array(12);
  head.set(asked.slice(0, 2));
  write16(head, 2, 0x8180 | code | (truncated ? 0x200 : 0));
  write16(head, 4, 1);
  write16(head, 6, answers.length);
  write16(head, 8, authority.length);
  return Buffer.concat([head, question, ...records]);
}
const a = (text: string) => parseAddress(text)!;

/** Asks; the resolver says what `answer` makes of the question. Null answer: it says nothing. */
function resolve(
  world: NetworkWorld,
  name: string,
  answer: ((asked: Uint8Array) => Uint8Array) | null,
  type: number = TYPE.A,
) {
  const before = world.sockets.udps.length;
  world.send(udp(DNS, 5353, 53, query(name, type)));
  const socket = world.sockets.udps[before];
  if (socket !== undefined && answer !== null) socket.handlers.message(answer(socket.sent[0]!));
  const [frame] = world.take();
  const bytes = frame === undefined ? null : datagram(frame).data;
  return {
    asked: socket !== undefined,
    bytes,
    code: bytes === null ? null : bytes[3]! & 15,
    answers: bytes === null ? 0 : read16(bytes, 6),
  };
}

dns("a name is looked up at the host's resolver, and the answer keeps the guest's number and question", () => {
  const world = new NetworkWorld();
  const { bytes } = resolve(world, "Host.Example", (asked) => response(asked, [{ data: a("192.0.2.7") }]));
  const [socket] = world.sockets.udps;
  assert.equal([socket!.address, socket!.port], ["192.0.2.53", 53]);
  assert.is(read16(bytes!, 0), 7);
  assert.ok(Buffer.from(bytes!).includes("Host"), "as it was written");
  const read = readResponse(bytes!);
  assert.equal(read.question.name, "host.example");
  assert.equal(read.answers[0]!.data, a("192.0.2.7"));
  assert.ok(socket!.closed, "a port for each question (RFC 5452 §9.2)");
});

dns("answers are kept for their time, 5 to 300 seconds, and grow old", () => {
  const world = new NetworkWorld();
  const ttl = (bytes: Uint8Array | null): number => readResponse(bytes!).answers[0]!.ttl;
  const first = resolve(world, "a.example", (asked) => response(asked, [{ ttl: 86_400, data: a("192.0.2.7") }]));
  assert.is(ttl(first.bytes), 300);
  world.pass(100_000);
  const second = resolve(world, "A.EXAMPLE", null);
  assert.not(second.asked, "RFC 4343: case is nothing");
  assert.is(ttl(second.bytes), 200);
  world.pass(200_001);
  assert.ok(resolve(world, "a.example", null).asked);
  const short = resolve(world, "b.example", (asked) => response(asked, [{ ttl: 0, data: a("192.0.2.8") }]));
  assert.is(ttl(short.bytes), 5);
});

dns("RFC 2308 §5: a name that is not there is kept, too", () => {
  const world = new NetworkWorld();
  const soa = Buffer.concat([nameBytes("ns.example"), nameBytes("root.example"), new Uint8Array(20)]);
  const none = resolve(world, "no.example", (asked) =>
    response(asked, [], { code: 3, authority: [{ name: "example", type: TYPE.SOA, ttl: 30, data: soa }] }),
  );
  assert.equal([none.code, read16(none.bytes!, 8)], [3, 1]);
  assert.not(resolve(world, "no.example", null).asked);
});

dns("the resolver list is read again for each question; one that is silent or fails is followed by the next", () => {
  const world = new NetworkWorld();
  world.sockets.resolverList = [{ address: "192.0.2.1", port: 53 }, { address: "192.0.2.2", port: 5300 }]; // prettier-ignore
  resolve(world, "a.example", null);
  world.pass(2000);
  assert.equal(
    world.sockets.udps.map(({ address, port }) => `${address} ${port}`),
    ["192.0.2.1 53", "192.0.2.2 5300"],
  );
  world.sockets.udps[1]!.handlers.message(response(world.sockets.udps[1]!.sent[0]!, [{ data: a("192.0.2.7") }]));
  assert.is(datagram(world.take()[0]!).data[3]! & 15, 0);
  world.sockets.resolverList = [{ address: "192.0.2.9", port: 53 }];
  resolve(world, "b.example", (asked) => response(asked, [], { code: 2 }));
  assert.is(world.sockets.udps[2]!.address, "192.0.2.9");
});

dns("nobody answers, or there is nobody: SERVFAIL, in a few seconds or at once", () => {
  const world = new NetworkWorld();
  resolve(world, "a.example", null);
  for (let n = 0; n < 4; n++) world.pass(2000);
  assert.is(datagram(world.take()[0]!).data[3]! & 15, 2);
  world.sockets.resolverList = [];
  assert.is(resolve(world, "b.example", null).code, 2);
  const offline = new NetworkWorld({ rules: { layers: [], link: "none", privateDenied: false } });
  const said = resolve(offline, "c.example", null);
  assert.equal([said.asked, said.code], [false, 2]);
});

dns("RFC 5452 §9.1: an answer to another question, or with another number, is nobody's", () => {
  const world = new NetworkWorld();
  world.send(udp(DNS, 5353, 53, query("a.example")));
  const [socket] = world.sockets.udps;
  const good = response(socket!.sent[0]!, [{ data: a("192.0.2.7") }]);
  const other = Uint8Array.from(good);
  other[1]! ^= 1;
  socket!.handlers.message(other);
  socket!.handlers.message(
    response(Uint8Array.from([...socket!.sent[0]!.slice(0, 2), ...query("b.example").slice(2)]), []),
  );
  socket!.handlers.message(new Uint8Array(5));
  assert.is(world.take().length, 0);
  socket!.handlers.message(good);
  assert.is(world.take().length, 1);
});

dns("RFC 2181 §9: what was cut off is asked for over TCP; what the guest cannot take is cut off for it", () => {
  const world = new NetworkWorld();
  const plain = query("big.example").slice(0, -11); // without EDNS: 512 bytes
  write16(plain, 10, 0);
  world.send(udp(DNS, 5353, 53, plain));
  const [socket] = world.sockets.udps;
  const asked = socket!.sent[0]!;
  socket!.handlers.message(response(asked, [], { truncated: true }));
  const [stream] = world.sockets.tcps;
  assert.equal([stream!.address, stream!.port], ["192.0.2.53", 53]);
  stream!.handlers.connected();
  assert.equal(stream!.written.subarray(2), Buffer.from(asked));
  const many = response(
    asked,
    Array.from({ length: 60 }, (_, n) => ({ data: a(`192.0.2.${n}`) })),
  );
  const framed = Buffer.concat([Uint8Array.of(many.length >>> 8, many.length & 255), many]);
  for (let at = 0; at < framed.length; at += 100) stream!.handlers.data(framed.subarray(at, at + 100));
  const { data } = datagram(world.take()[0]!);
  assert.ok(data.length <= 512);
  assert.ok(data[2]! & 2, "TC");
  // The guest asks again over TCP (RFC 7766), and gets all of it.
  const peer = new TcpPeer(DNS, 53, 6000, (frame) => queue.push(frame));
  const queue: Uint8Array[] = [];
  peer.open();
  peer.send(Buffer.concat([Uint8Array.of(plain.length >>> 8, plain.length & 255), plain]));
  for (let turn = 0; turn < 20; turn++) {
    for (const frame of queue.splice(0)) world.send(frame);
    for (const frame of world.take()) peer.input(frame);
  }
  assert.is(read16(peer.received, 6 + 2), 60);
});

dns("rebinding: the host's own addresses are never an answer, private ones not where they are denied", () => {
  const answers = ["127.0.0.1", "198.51.100.7", "10.1.2.3", "0.0.0.0", "192.0.2.7"].map((text) => ({ data: a(text) }));
  const told = (privateDenied: boolean, rules = [layer()]): number =>
    resolve(new NetworkWorld({ rules: { layers: rules, link: "wifi", privateDenied } }), "a.example", (asked) =>
      response(asked, answers),
    ).answers;
  assert.is(told(false), 2);
  assert.is(told(true), 1);
  assert.is(told(true, [layer([rule(true, "10.0.0.0/8"), rule(true, "0.0.0.0/0")])]), 2, "unless a rule allows them");
  const world = new NetworkWorld();
  world.sockets.ipv6 = true;
  const mapped = resolve(
    world,
    "a.example",
    (asked) => response(asked, [{ type: TYPE.AAAA, data: a("::ffff:127.0.0.1") }]),
    TYPE.AAAA,
  );
  assert.is(mapped.answers, 0);
});

dns("no IPv6: AAAA is empty at once, so that nobody waits", () => {
  const { asked, code, answers } = resolve(new NetworkWorld(), "a.example", null, TYPE.AAAA);
  assert.equal([asked, code, answers], [false, 0, 0]);
});

dns("a name that rules deny is refused, and somebody can see why", () => {
  const world = new NetworkWorld({
    rules: { layers: [layer([rule(false, "*.evil.example")])], link: "wifi", privateDenied: false },
  });
  assert.equal([resolve(world, "x.evil.example", null).code, resolve(world, "evil.example", null).asked], [5, true]);
  assert.equal(world.stack.view().refused, [
    { what: "x.evil.example", why: "*.evil.example is denied by policy 1.4", count: 1 },
  ]);
});

dns("RFC 1035 §4.1: what is no query gets FORMERR, NOTIMP, or nothing", () => {
  const said = (bytes: Uint8Array): number | null => {
    const world = new NetworkWorld();
    world.send(udp(DNS, 5353, 53, bytes));
    const [frame] = world.take();
    return frame === undefined ? null : datagram(frame).data[3]! & 15;
  };
  const twin = (change: (bytes: Uint8Array) => void): Uint8Array => {
    const bytes = query("a.example");
    change(bytes);
    return bytes;
  };
  assert.is(said(twin((bytes) => write16(bytes, 4, 2))), 1);
  assert.is(said(twin((bytes) => write16(bytes, 4, 0))), 1);
  assert.is(said(twin((bytes) => write16(bytes, 6, 1))), 1);
  assert.is(said(twin((bytes) => (bytes[12] = 0x41))), 1, "a label type that there is not");
  assert.is(said(twin((bytes) => (bytes[12] = 60))), 1, "over the end");
  assert.is(said(twin((bytes) => (bytes[2] = 0x28))), 4, "an update");
  assert.is(said(twin((bytes) => (bytes[2] = 0x81))), null, "a response");
  assert.is(said(new Uint8Array(11)), null);
});

dns("names: pointers go backwards, once each; 63 and 255 bytes are the most", () => {
  const head = Uint8Array.of(0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0);
  const refuses = (...name: number[]): void => void assert.throws(() => readQuery(Uint8Array.from([...head, ...name, 0, 1, 0, 1])), (error: Error) => error instanceof DnsError); // prettier-ignore
  refuses(0xc0, 12);
  refuses(0xc0, 14, 0xc0, 12);
  refuses(1, 97, 0xc0, 12);
  refuses(0xc0, 200);
  refuses(0xc0, 2);
  refuses(...Array.from({ length: 64 }, () => [3, 97, 97, 97]).flat(), 0);
  const longest = Array.from({ length: 63 }, () => [3, 97, 97, 97]).flat();
  assert.is(readQuery(Uint8Array.from([...head, ...longest, 0, 0, 1, 0, 1])).question.name.length, 251);
  assert.is(readQuery(Uint8Array.from([...head, 2, 46, 65, 0, 0, 1, 0, 1])).question.name, "\\046a", "RFC 4343 §2.1");
});

dns("responses: every record is as long as it says, names in data are written out, and there are not too many", () => {
  const asked = query("a.example");
  const good = response(asked, [{ type: TYPE.MX, data: Uint8Array.of(0, 5, 1, 109, 0xc0, 12) }]);
  assert.equal(readResponse(good).answers[0]!.data, Uint8Array.from([0, 5, 1, 109, ...nameBytes("a.example")]));
  const twins: Answer[] = [
    { data: Uint8Array.of(1, 2, 3) },
    { type: TYPE.AAAA, data: new Uint8Array(4) },
    { type: TYPE.CNAME, data: Uint8Array.of(0xc0) },
    { type: TYPE.CNAME, data: Uint8Array.of(0, 0) },
    { type: TYPE.MX, data: Uint8Array.of(0) },
    { type: TYPE.SOA, data: Uint8Array.of(0, 0, 1) },
  ];
  for (const twin of twins) assert.throws(() => readResponse(response(asked, [twin])), /./, JSON.stringify(twin));
  assert.throws(() => readResponse(good.slice(0, -1)));
  assert.throws(
    () =>
      readResponse(
        response(
          asked,
          Array.from({ length: 300 }, () => ({ data: a("192.0.2.1") })),
        ),
      ),
    /too many/,
  );
  assert.is(
    readResponse(response(asked, [{ ttl: 0xffff_ffff, data: a("192.0.2.1") }])).answers[0]!.ttl,
    0,
    "RFC 2181 §8",
  );
});

dns("questions that wait are bounded, and cost the guest alone", () => {
  const world = new NetworkWorld();
  for (let n = 0; n < 100; n++) world.send(udp(DNS, 5353, 53, query(`n${n}.example`)));
  assert.is(world.sockets.udps.length, 64);
  assert.is(world.take().length, 36, "the others are told at once");
  for (let n = 0; n < 4; n++) world.pass(2000);
  assert.is(world.take().length, 64);
  assert.ok(world.sockets.udps.every(({ closed }) => closed));
});

dns.run();
