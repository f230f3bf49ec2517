// virtio-net through the real machine.wasm, with the test as the host. Clauses: VIRTIO 1.2 §5.1.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  CONFIG_NETWORK_LINK,
  NETWORK_FEATURES,
  NETWORK_RECEIVED_DROPS,
  NETWORK_SENT_DROPS,
} from "../../../../../../kernel/abi/layout.js";
import { RUN_IO } from "../../../../../../kernel/abi/reasons.js";
import { type BareMachine, bareMachine } from "../../../../../support/bare-machine.js";
import {
  ACKNOWLEDGE,
  type Buffer,
  DRIVER,
  FEATURES_OK,
  NEEDS_RESET,
  VirtioDriver,
} from "../../../../../support/virtio-driver.js";

const net = suite("virtio/net");
const DATA = 0x4002_0000;
const BUFFERS = 0x4004_0000;
const [CSUM, GUEST_CSUM, MTU, MAC, GUEST_TSO4, HOST_TSO4, MRG_RXBUF, STATUS] = [0, 1, 3, 5, 7, 11, 15, 16].map(
  (bit) => 1 << bit,
) as [number, number, number, number, number, number, number, number];
const PLAIN = MTU | MAC | STATUS;
const [NEEDS_CSUM, DATA_VALID] = [1, 2];
const RING_BYTES = 1 << 18;

function started(features = ~0, base = 0x4000_0000) {
  const machine = bareMachine({ networkBytes: 2 * RING_BYTES });
  const driver = new VirtioDriver(machine, 4);
  const [receive, transmit] = driver.start(
    [
      { index: 0, size: 128 },
      { index: 1, size: 128 },
    ],
    features,
    base,
  );
  return { machine, driver, receive: receive!, transmit: transmit! };
}

/** virtio_net_hdr of 12 bytes. */
function header(flags = 0, type = 0, size = 0): Uint8Array {
  return Uint8Array.of(flags, type, 54, 0, size & 255, size >>> 8, 34, 0, 16, 0, 0, 0);
}
const frameOf = (length: number): Uint8Array => Uint8Array.from({ length }, (_, n) => (n * 7 + (n >>> 8)) & 255);

/** Header and frame in RAM, cut into pieces of `piece` bytes. */
function placed(machine: BareMachine, head: Uint8Array, frame: Uint8Array, piece = 65536, at = DATA): Buffer[] {
  const bytes = Uint8Array.from([...head, ...frame]);
  machine.writeRam(at, bytes);
  return Array.from({ length: Math.ceil(bytes.length / piece) }, (_, n) => ({
    address: at + n * piece,
    length: Math.min(piece, bytes.length - n * piece),
  }));
}
/** Buffers for frames, end to end. */
function offer(queue: ReturnType<typeof started>["receive"], count: number, length: number): void {
  for (let n = 0; n < count; n++) queue.offer([{ address: BUFFERS + n * length, length, write: true }]);
  queue.kick();
}

net("no network: an empty slot 4, and no memory for rings", () => {
  const machine = bareMachine();
  const driver = new VirtioDriver(machine, 4);
  assert.is(driver.read(0x008), 0);
  assert.is(driver.read(0x100), 0);
  assert.throws(() => bareMachine({ networkBytes: 1 << 16 }), /refused with 9/, "rings that a frame may not fit");
  assert.throws(() => bareMachine({ networkBytes: 3 << 18 }), /refused with 9/, "no power of two");
});

net("§5.1.4 MAC, status, one pair of queues, MTU", () => {
  const { machine, driver } = started();
  const bytes = Array.from({ length: 12 }, (_, n) => machine.read8(driver.base + 0x100 + n));
  assert.equal(bytes, [0x52, 0x54, 0, 1, 2, 3, 1, 0, 1, 0, 0xdc, 5]);
});

net("§5.1.4 the link goes down and up: a configuration change each", () => {
  const { machine, driver } = started();
  for (const link of [0, 1]) {
    machine.store32(CONFIG_NETWORK_LINK, link);
    machine.tick();
    assert.is(machine.read16(driver.base + 0x106), link);
    assert.is(driver.interruptStatus, 2);
    driver.acknowledge();
    machine.tick();
    assert.is(driver.interruptStatus, 0, "once");
  }
});

net("§5.1.3.1 segments without checksums are not accepted", () => {
  for (const [features, fits] of [
    [PLAIN | HOST_TSO4, false],
    [PLAIN | GUEST_TSO4, false],
    [PLAIN | CSUM | HOST_TSO4, true],
    [PLAIN | GUEST_CSUM | GUEST_TSO4, true],
  ] as const) {
    const driver = new VirtioDriver(bareMachine({ networkBytes: 1 << 19 }), 4);
    driver.status = ACKNOWLEDGE | DRIVER;
    driver.write(0x024, 0);
    driver.write(0x020, features);
    driver.write(0x024, 1);
    driver.write(0x020, 1);
    driver.status = ACKNOWLEDGE | DRIVER | FEATURES_OK;
    assert.is((driver.status & FEATURES_OK) !== 0, fits, `features ${features.toString(16)}`);
  }
});

net(
  "§5.1.6.2 a frame goes to the host with its header, however it is cut up; the host is asked once until it has taken some",
  () => {
    const { machine, transmit } = started();
    const first = frameOf(1514);
    transmit.offer(placed(machine, header(NEEDS_CSUM), first, 13));
    transmit.kick();
    assert.is(machine.takeExit(), RUN_IO);
    assert.equal(transmit.used(), [{ id: 0, length: 0 }]);
    transmit.offer(placed(machine, header(), frameOf(60)));
    transmit.kick();
    assert.is(machine.takeExit(), 0, "not asked twice");
    const sent = machine.networkSent();
    assert.is(sent.length, 2);
    assert.equal(sent[0]!.frame, first);
    assert.equal(sent[0]!.header, header(NEEDS_CSUM));
    assert.equal(sent[1]!.frame, frameOf(60));
    transmit.offer(placed(machine, header(), frameOf(60)));
    transmit.kick();
    assert.is(machine.takeExit(), RUN_IO);
  },
);

net(
  "§5.1.6.2 the longest frame passes, one byte more or too few do not, and an empty header is a broken driver",
  () => {
    const { machine, driver, transmit } = started();
    const big = frameOf(65550);
    transmit.offer(placed(machine, header(NEEDS_CSUM, 1, 1448), big));
    transmit.offer(placed(machine, header(), frameOf(14), 65536, DATA + 0x18000));
    transmit.kick();
    assert.equal(
      machine.networkSent().map(({ frame }) => frame.length),
      [65550, 14],
    );
    for (const length of [65551, 13, 0]) {
      transmit.offer(placed(machine, header(), frameOf(length)));
      transmit.kick();
    }
    assert.is(machine.networkSent().length, 0);
    assert.is(machine.load32(NETWORK_SENT_DROPS), 3);
    assert.is(transmit.used().length, 5, "given back all the same");
    transmit.offer([{ address: DATA, length: 11 }]);
    transmit.kick();
    assert.ok(driver.status & NEEDS_RESET);
  },
);

net("§5.1.6.2.1 a header that asks for what was not negotiated: the frame is dropped and counted", () => {
  const { machine, transmit } = started(PLAIN);
  for (const head of [header(NEEDS_CSUM), header(NEEDS_CSUM, 1, 1448), header(0, 1, 1448)]) {
    transmit.offer(placed(machine, head, frameOf(100)));
    transmit.kick();
  }
  assert.is(machine.networkSent().length, 0);
  assert.is(machine.load32(NETWORK_SENT_DROPS), 3);
  const all = started();
  for (const head of [
    header(0, 1, 1448),
    header(NEEDS_CSUM, 1, 0),
    header(NEEDS_CSUM, 3, 9),
    header(NEEDS_CSUM, 0x81, 9),
  ]) {
    all.transmit.offer(placed(all.machine, head, frameOf(100)));
    all.transmit.kick();
  }
  assert.is(all.machine.load32(NETWORK_SENT_DROPS), 4, "no checksum, no size, UDP fragments, ECN");
});

net("a full ring holds the guest's frames back, and loses none", () => {
  const { machine, transmit } = started();
  const count = 9;
  for (let n = 0; n < count; n++) transmit.offer(placed(machine, header(), frameOf(60_000), 65536));
  transmit.kick();
  const before = transmit.used().length;
  assert.ok(before >= 3 && before < count, `${before} of ${count} fitted`);
  machine.tick();
  assert.is(transmit.used().length, 0, "nobody has taken any");
  let taken = 0;
  for (let round = 0; round < count && taken < count; round++) {
    const frames = machine.networkSent();
    for (const { frame } of frames) assert.equal(frame, frameOf(60_000));
    taken += frames.length;
    machine.tick();
  }
  assert.is(taken, count);
});

net("§5.1.6.4 a frame fills as many buffers as it needs, and num_buffers says how many", () => {
  const { machine, receive } = started();
  offer(receive, 60, 1536);
  const frame = frameOf(65_000);
  assert.ok(machine.networkBring(frame, header(NEEDS_CSUM, 1, 1448)));
  const used = receive.used();
  assert.is(used.length, Math.ceil((65_000 + 12) / 1536));
  const bytes = machine.readRam(BUFFERS, 65_012);
  assert.is(bytes[10]! | (bytes[11]! << 8), used.length);
  assert.equal(bytes.subarray(0, 10), header(NEEDS_CSUM, 1, 1448).subarray(0, 10));
  assert.equal(bytes.slice(12), frame);
  assert.is(
    used.reduce((sum, { length }) => sum + length, 0),
    65_012,
  );
});

net("too few buffers: nothing is seen of the frame until the driver offers more", () => {
  const { machine, driver, receive } = started();
  offer(receive, 2, 1024);
  machine.networkBring(frameOf(3000));
  assert.is(receive.used().length, 0);
  assert.is(driver.interruptStatus, 0);
  machine.networkBring(frameOf(100));
  assert.is(receive.used().length, 0, "order is kept");
  for (let n = 2; n < 5; n++) receive.offer([{ address: BUFFERS + n * 1024, length: 1024, write: true }]);
  receive.kick();
  assert.equal(
    receive.used().map(({ length }) => length),
    [1024, 1024, 964, 112],
  );
  assert.equal(machine.readRam(BUFFERS + 12, 3000), frameOf(3000));
});

net("a frame that a full queue cannot hold is dropped, and the next one passes", () => {
  const { machine, receive } = started();
  offer(receive, 128, 128);
  machine.networkBring(frameOf(60_000));
  assert.is(machine.load32(NETWORK_RECEIVED_DROPS), 1);
  machine.networkBring(frameOf(100));
  assert.equal(
    receive.used().map(({ length }) => length),
    [112],
  );
});

net("§5.1.6.3.1 without merged buffers a frame fits one chain, or is dropped whole", () => {
  const { machine, receive } = started(PLAIN);
  offer(receive, 3, 1536);
  machine.networkBring(frameOf(1525));
  assert.is(machine.load32(NETWORK_RECEIVED_DROPS), 1);
  machine.networkBring(frameOf(1524));
  assert.equal(
    receive.used().map(({ length }) => length),
    [1536],
  );
  assert.equal(machine.readRam(BUFFERS + 10, 2), Uint8Array.of(1, 0), "num_buffers is 1");
});

net("§5.1.6.4.1 offloads that the driver did not take do not reach it", () => {
  const { machine, receive } = started(PLAIN | MRG_RXBUF);
  offer(receive, 8, 1536);
  machine.networkBring(frameOf(100), header(NEEDS_CSUM));
  machine.networkBring(frameOf(100), header(DATA_VALID));
  machine.networkBring(frameOf(100), header(NEEDS_CSUM, 1, 1448));
  assert.is(machine.load32(NETWORK_RECEIVED_DROPS), 3);
  assert.is(machine.load32(NETWORK_FEATURES) & GUEST_CSUM, 0, "the host is told what it may use");
  machine.networkBring(frameOf(100));
  assert.is(receive.used().length, 1);
});

net("a reset: frames of before do not reach the next driver", () => {
  const { machine, driver } = started();
  machine.networkBring(frameOf(100));
  driver.status = 0;
  assert.is(machine.load32(NETWORK_FEATURES), 0);
  const [receive] = driver.start([{ index: 0, size: 16 }]);
  offer(receive!, 4, 1536);
  assert.is(receive!.used().length, 0);
  machine.networkBring(frameOf(64));
  assert.equal(
    receive!.used().map(({ length }) => length),
    [76],
  );
});

net("a receive buffer without room for the header is a broken driver", () => {
  const { machine, driver, receive } = started();
  offer(receive, 1, 12);
  machine.networkBring(frameOf(100));
  assert.ok(driver.status & NEEDS_RESET);
});

net("frames are work: a longer one costs more, for its bytes and its buffers", () => {
  const cost = (length: number, piece: number): number => {
    const { machine, receive } = started(~0, 0x4001_0000);
    machine.write32(0x4000_0000, 0xeafffffe); // b .
    for (let n = 0; n * piece < length + 12; n++)
      receive.offer([{ address: BUFFERS + n * piece, length: piece, write: true }]);
    receive.kick();
    // The machine looks, and the guest pays when it runs.
    machine.tick = () => machine.exports.machineTick();
    machine.networkBring(frameOf(length));
    machine.exports.run(100_000);
    assert.is.not(receive.used().length, 0);
    return Number(machine.work);
  };
  const [small, large, pieces] = [cost(60, 65536), cost(60_000, 65536), cost(60_000, 1000)];
  assert.ok(small >= 20, `${small}`);
  assert.ok(large - small >= 60_000 / 64 - 2, `${small}, ${large}`);
  assert.ok(pieces - large >= 60 * 8, `${large}, ${pieces}`);
});

net("rings go round: 400 frames of all sizes in both directions arrive as they were", () => {
  const { machine, receive, transmit } = started();
  for (let n = 0; n < 400; n++) {
    const frame = frameOf(14 + ((n * 7919) % 65_000));
    transmit.offer(placed(machine, header(), frame));
    transmit.kick();
    const [sent] = machine.networkSent();
    assert.equal(sent!.frame, frame);
    receive.offer([{ address: BUFFERS, length: 70_000, write: true }]);
    receive.kick();
    assert.ok(machine.networkBring(frame));
    assert.is(receive.used()[0]!.length, frame.length + 12);
    assert.equal(machine.readRam(BUFFERS + 12, frame.length), frame);
  }
});

net.run();
