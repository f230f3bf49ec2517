// What the stub answers ("Packets" and "Stop Reply Packets" in GDB's manual).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { REGISTERS, REGISTER_BYTES } from "../../../../agent/debug/description.js";
import { PACKET_BYTES_MAX } from "../../../../agent/debug/packet.js";
import { BREAKPOINT_COUNT_MAX, Stub, WATCHPOINT_COUNT_MAX } from "../../../../agent/debug/stub.js";
import { BREAKPOINT_MAX } from "../../../../kernel/abi/layout.js";
import { FakeTarget } from "../../../support/fake-target.js";
import { Random } from "../../../support/random.js";

interface Stage {
  target: FakeTarget;
  stub: Stub;
  sent: string[];
  events: string[];
  /** The answer to a packet, or undefined while there is none. */
  ask(data: string): Promise<string | undefined>;
}

function stage(): Stage {
  const target = new FakeTarget();
  const sent: string[] = [];
  const events: string[] = [];
  const stub = new Stub(target, {
    send: (data) => sent.push(data),
    withoutAcknowledgement: () => events.push("no ack"),
    detached: () => events.push("detached"),
  });
  const ask = async (data: string): Promise<string | undefined> => {
    sent.length = 0;
    await stub.packet(data);
    assert.ok(sent.length <= 1, `${data}: one answer at most`);
    return sent[0];
  };
  return { target, stub, sent, events, ask };
}
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

const stub = suite("stub");

stub("whoever comes halts the guest, and is told why it stands", async () => {
  const { target, ask } = stage();
  assert.equal(target.asked, ["halt"]);
  target.onStopped!(2, null);
  assert.is(await ask("?"), "T02thread:1;");
});

stub("features: packet size, target description in windows, the end of acknowledgements", async () => {
  const { ask, events } = stage();
  assert.match(
    (await ask("qSupported:multiprocess+;xmlRegisters=i386"))!,
    `PacketSize=${PACKET_BYTES_MAX.toString(16)};`,
  );
  let xml = "";
  for (let part = "m"; part[0] === "m"; xml += part.slice(1)) {
    part = (await ask(`qXfer:features:read:target.xml:${xml.length.toString(16)},1f3`))!;
    assert.ok(part.length <= 0x1f4);
  }
  assert.is(
    [...xml.matchAll(/<reg name="[^"]+" bitsize="(\d+)"/g)].reduce((sum, match) => sum + Number(match[1]) / 8, 0),
    REGISTER_BYTES,
  );
  assert.is([...xml.matchAll(/<reg /g)].length, REGISTERS.length);
  assert.is(await ask("qXfer:features:read:../secret:0,ff"), "E00");
  assert.is(await ask("QStartNoAckMode"), "OK");
  assert.equal(events, ["no ack"]);
});

stub("one thread, and what is not there gets the empty answer", async () => {
  const { ask } = stage();
  for (const [packet, answer] of [
    ["qC", "QC1"],
    ["qfThreadInfo", "m1"],
    ["qsThreadInfo", "l"],
    ["Hg0", "OK"],
    ["Hc-1", "OK"],
    ["Hg7", "E16"],
    ["T1", "OK"],
    ["T2", "E16"],
    ["vMustReplyEmpty", ""],
    ["qTStatus", ""],
    ["X8000,0:", ""],
    ["!", ""],
    ["", ""],
  ] as const) {
    assert.is(await ask(packet), answer, packet);
  }
});

stub("registers: all of them, one, and writes of whole registers only", async () => {
  const { ask, target } = stage();
  assert.is(await ask("g"), hex(target.file));
  assert.is(await ask("p10"), hex(target.file.slice(64, 68)), "16 is CPSR");
  assert.is(await ask("p30"), hex(target.file.slice(68 + 31 * 8, 68 + 32 * 8)), "48 is d31");
  assert.is(await ask("Pf=78563412"), "OK");
  assert.equal([...target.file.slice(60, 64)], [0x78, 0x56, 0x34, 0x12]);
  assert.is(await ask(`G${"5a".repeat(REGISTER_BYTES)}`), "OK");
  assert.ok(target.file.every((byte) => byte === 0x5a));
  for (const packet of ["p32", "p", "pffffffff", "p-1", "Pf=7856", "Pf=", "P", "P32=00000000", "G00", "Gzz"]) {
    assert.is(await ask(packet), "E16", packet);
  }
});

stub("memory: as much as is there, all or nothing on writes", async () => {
  const { ask, target } = stage();
  assert.is(await ask("m8000,4"), hex(target.ram.slice(0, 4)));
  assert.is(await ask("m17ffe,10"), hex(target.ram.slice(-2)), "up to the end");
  assert.is(await ask("m7000,4"), "E0e");
  assert.is((await ask("m8000,ffffffff"))!.length, PACKET_BYTES_MAX, "no more than a packet");
  assert.is(await ask("M8001,2:beef"), "OK");
  assert.equal([...target.ram.slice(1, 3)], [0xbe, 0xef]);
  assert.is(await ask("M17fff,2:beef"), "E0e");
  for (const packet of [
    "m",
    "m8000",
    "m8000,",
    "m8000,4,4",
    "m-1,4",
    "m123456789,1",
    "M8000,2:be",
    "M8000,1:xx",
    "M8000",
  ]) {
    assert.is(await ask(packet), "E16", packet);
  }
});

stub(
  "breakpoints: software and hardware are one kind, bit 0 of an address is Thumb's, and their number is bounded",
  async () => {
    const { ask, target } = stage();
    assert.is(BREAKPOINT_COUNT_MAX, BREAKPOINT_MAX, "the machine's");
    assert.is(await ask("Z0,8001,2"), "OK");
    assert.is(await ask("Z1,ffff0008,4"), "OK");
    assert.equal(target.stops, [0x8000, 0xffff0008]);
    assert.is(await ask("z0,8000,2"), "OK");
    assert.equal(target.stops, [0xffff0008]);
    for (let n = 1; n < BREAKPOINT_COUNT_MAX; n++) assert.is(await ask(`Z0,${(n * 4).toString(16)},4`), "OK");
    assert.is(await ask("Z0,9000,4"), "E1c");
    assert.is(await ask("Z0,4,4"), "OK", "one that is there already");
    assert.is(target.stops.length, BREAKPOINT_COUNT_MAX);
    for (const packet of ["Z", "Z0", "Z5,8000,4", "Z0,8000", "Z0,8000,4;X1,0"])
      assert.is(await ask(packet), "E16", packet);
  },
);

stub("watchpoints: three kinds, stop replies that name the address, and bounds", async () => {
  const { ask, target, sent } = stage();
  assert.is(await ask("Z2,9000,4"), "OK");
  assert.is(await ask("Z3,fffffffc,4"), "OK");
  assert.is(await ask("Z4,9001,1000"), "OK");
  assert.equal(target.watches, [
    { kind: "write", address: 0x9000, bytes: 4 },
    { kind: "read", address: 0xffff_fffc, bytes: 4 },
    { kind: "access", address: 0x9001, bytes: 4096 },
  ]);
  for (const [kind, word] of [
    ["write", "watch"],
    ["read", "rwatch"],
    ["access", "awatch"],
  ] as const) {
    await ask("c");
    target.onStopped!(5, { kind, address: 0x9002, bytes: 4 });
    assert.equal(sent, [`T05${word}:9002;thread:1;`]);
    assert.is(await ask("?"), `T05${word}:9002;thread:1;`);
  }
  await ask("c");
  target.onStopped!(5, null);
  assert.is(await ask("?"), "T05thread:1;", "the next halt has its own reason");
  assert.is(await ask("z2,9000,4"), "OK");
  assert.is(await ask("z2,9000,4"), "OK", "one that is gone already");
  assert.is(target.watches.length, 2);
  for (const packet of ["Z2,9000,0", "Z2,9000,1001", "Z2,9000", "Z2,123456789,4"]) assert.is(await ask(packet), "E16");
  for (let n = 2; n < WATCHPOINT_COUNT_MAX; n++) assert.is(await ask(`Z2,${(n * 4).toString(16)},4`), "OK");
  assert.is(await ask("Z4,9000,4"), "E1c");
  await ask("D");
  assert.equal(target.watches, []);
});

stub("running: the answer comes with the halt, and only Ctrl-C is heard before", async () => {
  const { ask, target, stub: it, sent } = stage();
  target.asked.length = 0;
  for (const [packet, how] of [
    ["c", "run"],
    ["s", "step"],
    ["vCont;c", "run"],
    ["vCont;s:1;c", "step"],
    ["vCont;S05:p1.1", "step"],
    ["C05", "run"],
  ] as const) {
    assert.is(await ask(packet), undefined, packet);
    assert.is(target.asked.pop(), how, packet);
    assert.is(await ask("g"), "E10", "busy");
    sent.length = 0;
    it.interrupt();
    assert.is(target.asked.pop(), "halt");
    target.onStopped!(5, null);
    assert.equal(sent, ["T05thread:1;"]);
    it.interrupt();
    target.onStopped!(5, null);
    assert.is(target.asked.length + sent.length, 1, "a guest that stands is not halted again");
  }
  assert.is(await ask("c9000"), undefined);
  assert.equal([...target.file.slice(60, 64)], [0, 0x90, 0, 0], "an address to go on at");
  target.onStopped!(5, null);
  for (const packet of ["cxyz", "vCont;t", "vCont;", "vCont;c:2"]) assert.is(await ask(packet), "E16", packet);
});

stub("detach, or going without a word: breakpoints go, the guest goes on", async () => {
  const { ask, target, events } = stage();
  await ask("Z0,8000,4");
  assert.is(await ask("D"), "OK");
  assert.equal([target.stops, target.asked.at(-1), events], [[], "run", ["detached"]]);
  const other = stage();
  await other.ask("Z0,8000,4");
  await other.stub.leave();
  assert.equal([other.target.stops, other.target.asked.at(-1)], [[], "run"]);
});

stub("kill ends the guest; a guest that ends while it runs is told with its status", async () => {
  const { ask, target, stub: it, sent } = stage();
  assert.is(await ask("k"), undefined);
  assert.is(target.asked.at(-1), "kill");
  await ask("c");
  it.ended(7);
  assert.is(sent.at(-1), "W07");
});

stub("random packets get an answer or none, and never an exception", async () => {
  const random = new Random(42);
  const starts = [
    ..."?gGpPmMZzcsCSHTvqQXk!",
    "vCont;",
    "qXfer:features:read:target.xml:",
    "qSupported",
    "Z0,",
    "M8000,",
  ];
  const { ask, target } = stage();
  for (let round = 0; round < 20_000; round++) {
    const tail = Array.from({ length: random.below(24) }, () =>
      random.oneIn(3) ? String.fromCharCode(random.below(256)) : random.pick([..."0123456789abcdef,;:=-"]),
    ).join("");
    await ask(random.pick(starts) + tail);
    // Whatever made it run has come to its end.
    target.onStopped?.(5, null);
    assert.ok(target.stops.length <= BREAKPOINT_COUNT_MAX);
  }
});

stub.run();
