// The gate before the broker: packets up to the limit pass whatever their pieces, a larger one ends at its length.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PacketGate } from "../../../fleet/packet-gate.js";
import { Random } from "../../support/random.js";

const gate = suite("packet gate");

/** MQTT 3.1.1 §2.2.3. */
function packet(length: number): Buffer {
  const digits: number[] = [];
  for (let rest = length; ; rest = Math.floor(rest / 128)) {
    digits.push((rest % 128) | (rest >= 128 ? 0x80 : 0));
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([0x30, ...digits]), Buffer.alloc(length, 0xff)]);
}

function pass(bytes: Buffer, sizes: () => number, bytesMax: number): { passed: number; failed: boolean } {
  const under = new PacketGate(bytesMax);
  let [passed, failed] = [0, false];
  for (let at = 0; at < bytes.length && !failed;) {
    const chunk = bytes.subarray(at, at + sizes());
    at += chunk.length;
    under._transform(chunk, "buffer" as BufferEncoding, (error, out) => {
      failed = error instanceof Error;
      passed += (out as Buffer | undefined)?.length ?? 0;
    });
  }
  under.destroy();
  return { passed, failed };
}

gate("packets up to the limit pass, in any pieces", () => {
  const random = new Random(1);
  for (let round = 0; round < 200; round++) {
    const lengths = Array.from({ length: 1 + random.below(6) }, () => [0, 1, 127, 128, 300, 16_384][random.below(6)]!);
    const bytes = Buffer.concat(lengths.map(packet));
    const { passed, failed } = pass(bytes, () => 1 + random.below(200), 16_384);
    assert.not(failed);
    assert.is(passed, bytes.length);
  }
});

gate("a packet beyond it ends at its length, before its body", () => {
  const large = packet(16_385);
  const { passed, failed } = pass(Buffer.concat([packet(5), large]), () => 1, 16_384);
  assert.ok(failed);
  assert.ok(passed <= 7 + 4, `${passed} bytes passed`);
});

gate("a length of five digits ends it (malformed, §2.2.3)", () => {
  assert.ok(pass(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 0x01]), () => 1, 1 << 30).failed);
});

gate.run();
