// The guard before the MQTT library: packets as MQTT 5 §2.1 frames them, cut in any way.

import { suite } from "uvu";
import packets from "mqtt-packet";
import { FrameGuard, PACKET_BYTES_MAX } from "../../../../agent/link/frames.js";
import { assertFails } from "../../../support/failure.js";
import { Random } from "../../../support/random.js";

const test = suite("frames");
const header = (first: number, length: number): number[] => {
  const bytes = [first];
  do {
    bytes.push((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
    length = Math.floor(length / 128);
  } while (length > 0);
  return bytes;
};

test("real packets pass, whatever pieces they come in", () => {
  const random = new Random(3);
  const publish = (bytes: number, qos: 0 | 1): Buffer =>
    packets.generate({
      cmd: "publish",
      topic: "a/b",
      payload: Buffer.alloc(bytes, 0x34),
      qos,
      messageId: 1,
      retain: false,
      dup: false,
    });
  const stream = Buffer.concat([
    packets.generate({ cmd: "connack", returnCode: 0, sessionPresent: false }),
    ...[0, 1, 118, 119, 16_370, 16_380, 65_536].map((bytes) => publish(bytes, (bytes % 2) as 0 | 1)),
    packets.generate({ cmd: "pingresp" }),
    packets.generate({ cmd: "puback", messageId: 9 }),
  ]);
  for (let round = 0; round < 200; round++) {
    const guard = new FrameGuard();
    for (let at = 0; at < stream.length;) {
      const size = 1 + random.below(random.oneIn(3) ? 5 : 30_000);
      guard.push(stream.subarray(at, at + size));
      at += size;
    }
  }
});

test("a packet that is too large is refused at its header, before a byte of it is there", () => {
  new FrameGuard().push(Uint8Array.from(header(0x30, PACKET_BYTES_MAX)));
  for (const length of [PACKET_BYTES_MAX + 1, 2 ** 21, 268_435_455]) {
    assertFails("FRAME_TOO_LARGE", () => new FrameGuard().push(Uint8Array.from(header(0x30, length))));
  }
  assertFails("FRAME_LENGTH", () => new FrameGuard().push(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80)));
});

test("what a broker never sends to a device is refused", () => {
  for (const type of [0, 1, 5, 6, 7, 8, 10, 12, 15]) {
    assertFails("FRAME_TYPE", () => new FrameGuard().push(Uint8Array.of(type << 4, 0)));
  }
});

test("QoS 2 and 3 are refused, at any place in the stream", () => {
  for (const first of [0x34, 0x36, 0x3c, 0x3d]) {
    assertFails("FRAME_QOS", () => new FrameGuard().push(Uint8Array.of(0xd0, 0, first)));
  }
  new FrameGuard().push(Uint8Array.of(0x30, 2, 0x34, 0x34, 0x40, 2, 0x34, 0x34));
});

test.run();
