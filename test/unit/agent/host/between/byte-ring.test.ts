// The byte queue between two threads, against a plain list.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ByteRing } from "../../../../../agent/host/between/byte-ring.js";
import { Generator } from "../../../../support/generator.js";

const ring = suite("byte-ring");

ring("100,000 random writes and reads through two views keep every byte in order", () => {
  const generator = new Generator(3);
  const producer = new ByteRing(64);
  const consumer = new ByteRing(producer.buffer);
  const expected: number[] = [];
  for (let round = 0; round < 100_000; round++) {
    if (generator.below(2) === 0) {
      const bytes = generator.bytes(generator.below(90));
      const written = producer.write(bytes);
      assert.is(written, Math.min(bytes.length, 64 - expected.length));
      expected.push(...bytes.subarray(0, written));
    } else {
      const target = new Uint8Array(generator.below(90));
      const count = consumer.read(target);
      assert.is(count, Math.min(target.length, expected.length));
      assert.equal([...target.subarray(0, count)], expected.splice(0, count));
    }
    assert.equal([producer.count, consumer.room], [expected.length, 64 - expected.length]);
  }
});

ring("the counters wrap at 2^32", () => {
  const wrapped = new ByteRing(16);
  new Uint32Array(wrapped.buffer, 0, 2).fill(0xfffffff8);
  assert.is(wrapped.write(Buffer.from("0123456789abcdefg")), 16);
  const target = new Uint8Array(20);
  assert.is(wrapped.read(target), 16);
  assert.is(Buffer.from(target.subarray(0, 16)).toString(), "0123456789abcdef");
});

ring("a capacity that is no power of two is refused", () => {
  assert.throws(() => new ByteRing(48), /power of two/);
});

ring.run();
