// Framing of GDB's remote serial protocol ("Overview" in its manual).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PACKET_BYTES_MAX, PacketReader, packetText, type Received } from "../../../../agent/debug/packet.js";
import { Random } from "../../../support/random.js";

const read = (text: string): Received[] => new PacketReader().read(Buffer.from(text, "latin1"));

const packet = suite("packet");

packet("the manual's form: $ data # two digits of the sum modulo 256", () => {
  assert.is(packetText("OK"), "$OK#9a");
  assert.is(packetText(""), "$#00");
  assert.equal(read("+$OK#9a-"), [{ kind: "acknowledged" }, { kind: "packet", data: "OK" }, { kind: "again" }]);
  assert.equal(read("$OK#9A"), [{ kind: "packet", data: "OK" }], "digits of either case");
});

packet("a wrong sum is damaged, and what follows is read again", () => {
  assert.equal(read("$OK#9b$OK#9a"), [{ kind: "damaged" }, { kind: "packet", data: "OK" }]);
  assert.equal(read("$OK#x1"), [{ kind: "damaged" }]);
});

packet("Ctrl-C counts between packets and is data inside one", () => {
  assert.equal(read("\x03"), [{ kind: "interrupt" }]);
  assert.equal(read("$\x03#03"), [{ kind: "packet", data: "\x03" }]);
});

packet("a $ inside a packet starts over: the one before was cut off", () => {
  assert.equal(read("$cut$OK#9a"), [{ kind: "packet", data: "OK" }]);
});

packet("any data comes back, however its bytes arrive", () => {
  const random = new Random(1);
  for (let round = 0; round < 500; round++) {
    const data = String.fromCharCode(...Array.from({ length: random.below(60) }, () => random.below(256)));
    const bytes = Buffer.from(packetText(data), "latin1");
    const reader = new PacketReader();
    const received: Received[] = [];
    for (let at = 0; at < bytes.length;) {
      const end = at + 1 + random.below(9);
      received.push(...reader.read(bytes.subarray(at, end)));
      at = end;
    }
    assert.equal(received, [{ kind: "packet", data }], JSON.stringify(data));
  }
});

packet("too long, and noise between packets, end it: nothing is read after", () => {
  const longest = "m".repeat(PACKET_BYTES_MAX);
  assert.equal(read(packetText(longest)), [{ kind: "packet", data: longest }]);
  const reader = new PacketReader();
  assert.is(reader.read(Buffer.from(`$${longest}m`))[0]!.kind, "broken");
  assert.equal(reader.read(Buffer.from("$OK#9a")), []);
  assert.equal(
    read("GET / HTTP/1.1\r\n").map(({ kind }) => kind),
    ["broken"],
  );
});

packet.run();
