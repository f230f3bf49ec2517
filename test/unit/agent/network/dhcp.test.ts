// DHCPv4. Clauses: RFC 2131, RFC 2132.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CARD, datagram, NetworkWorld, seen, udp } from "../../../support/network-world.js";

const dhcp = suite("network/dhcp");
const XID = [1, 2, 3, 4];

interface Message {
  type?: number;
  options?: number[];
  ciaddr?: number[];
  card?: Uint8Array;
  flags?: number;
  change?: (bytes: Uint8Array) => void;
}

function message({
  type = 1,
  options = [],
  ciaddr = [0, 0, 0, 0],
  card = CARD,
  flags = 0,
  change,
}: Message): Uint8Array {
  const bytes = new Uint8Array(240);
  bytes.set([1, 1, 6, 0, ...XID, 0, 0, flags, 0, ...ciaddr]);
  bytes.set(card, 28);
  bytes.set([0x63, 0x82, 0x53, 0x63], 236);
  const whole = Uint8Array.from([...bytes, 53, 1, type, ...options, 255]);
  change?.(whole);
  return whole;
}
function ask(
  what: Message,
  world = new NetworkWorld(),
): { options: Map<number, number[]>; yiaddr: number[]; frame: Uint8Array } | null {
  world.send(udp("255.255.255.255", 68, 67, message(what), "0.0.0.0"));
  const [frame] = world.take();
  if (frame === undefined) return null;
  const { data, sourcePort, port } = datagram(frame);
  assert.equal([sourcePort, port], [67, 68]);
  assert.equal([...data.slice(4, 8)], XID);
  const options = new Map<number, number[]>();
  for (let at = 240; data[at] !== 255; at += 2 + data[at + 1]!)
    options.set(data[at]!, [...data.slice(at + 2, at + 2 + data[at + 1]!)]);
  assert.ok(data.length >= 300, "RFC 1542 §2.1");
  return { options, yiaddr: [...data.slice(16, 20)], frame };
}

dhcp(
  "RFC 2131 §4.3.1: an offer with address, mask, router, name server, MTU, time server, host name, for an hour",
  () => {
    const { options, yiaddr } = ask({ type: 1 })!;
    assert.equal(yiaddr, [10, 0, 2, 15]);
    assert.equal(Object.fromEntries(options), {
      1: [255, 255, 255, 0],
      3: [10, 0, 2, 2],
      6: [10, 0, 2, 3],
      12: [...Buffer.from("work")],
      26: [5, 220],
      28: [10, 0, 2, 255],
      42: [10, 0, 2, 2],
      51: [0, 0, 14, 16],
      53: [2],
      54: [10, 0, 2, 2],
      58: [0, 0, 7, 8],
      59: [0, 0, 12, 78],
    });
  },
);

dhcp(
  "§4.3.2: what it was offered is acknowledged; another address is refused to all; another server's is not ours",
  () => {
    assert.equal(ask({ type: 3, options: [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2] })!.options.get(53), [5]);
    assert.equal(ask({ type: 3, ciaddr: [10, 0, 2, 15] })!.options.get(53), [5], "renewing");
    const nak = ask({ type: 3, options: [50, 4, 192, 168, 1, 7] })!;
    assert.equal([nak.options.get(53), nak.yiaddr], [[6], [0, 0, 0, 0]]);
    assert.is(seen(nak.frame).destination, "255.255.255.255");
    assert.is(ask({ type: 3, options: [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 9] }), null);
  },
);

dhcp("§4.1: a client that cannot hear its address yet is answered by everybody's", () => {
  assert.is(seen(ask({ flags: 0x80 })!.frame).destination, "255.255.255.255");
  assert.equal(ask({ flags: 0x80 })!.frame.slice(0, 6), new Uint8Array(6).fill(255));
  assert.is(seen(ask({})!.frame).destination, "10.0.2.15");
});

dhcp("RELEASE and DECLINE need no answer; INFORM gets options and no lease", () => {
  assert.is(ask({ type: 7 }), null);
  assert.is(ask({ type: 4 }), null);
  const inform = ask({ type: 8, ciaddr: [10, 0, 2, 15] })!;
  assert.equal([inform.options.get(53), inform.options.has(51), inform.yiaddr], [[5], false, [0, 0, 0, 0]]);
});

dhcp("what is no request: nothing is answered, and it is counted", () => {
  const twins: [string, Message][] = [
    ["dhcp-header", { change: (bytes) => (bytes[0] = 2) }],
    ["dhcp-header", { change: (bytes) => (bytes[2] = 16) }],
    ["dhcp-header", { change: (bytes) => (bytes[236] = 0) }],
    ["dhcp-client", { card: Uint8Array.of(2, 0, 0, 0, 0, 1) }],
    ["dhcp-options", { change: (bytes) => (bytes[241] = 200) }],
    ["dhcp-options", { options: [53, 1, 1] }],
    ["dhcp-options", { type: 3, options: [50, 3, 10, 0, 2] }],
    ["dhcp-options", { change: (bytes) => (bytes[240] = 0) }],
    ["dhcp-type", { type: 5 }],
  ];
  for (const [word, twin] of twins) {
    const world = new NetworkWorld();
    assert.is(ask(twin, world), null, word);
    assert.equal(world.stack.counts.all(), { [word]: 1 });
  }
  const short = new NetworkWorld();
  short.send(udp("255.255.255.255", 68, 67, new Uint8Array(239), "0.0.0.0"));
  assert.equal(short.stack.counts.all(), { "dhcp-header": 1 });
});

dhcp("offline it answers as ever: a boot waits for nothing", () => {
  const world = new NetworkWorld({ rules: { layers: [], link: "none", privateDenied: false } });
  assert.is.not(ask({}, world), null);
});

dhcp.run();
