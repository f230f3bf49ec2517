// A channel's ring against a plain list of messages: order, contents, and not a byte beyond what the books say.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CHANNEL_HEADER } from "../../../../../kernel/abi/hypervisor.js";
import { MessageRing } from "../../../../../agent/host/worker/message-ring.js";
import { Generator } from "../../../../support/generator.js";

const rings = suite("message-ring");

rings(
  "random messages of random lengths, empty ones too: what goes in comes out, and what does not fit does not",
  () => {
    const generator = new Generator(8);
    for (const capacity of [4, 5, 64, 1000, 4096]) {
      const ring = new MessageRing(capacity);
      const model: Buffer[] = [];
      let fill = 0;
      for (let step = 0; step < 5000; step++) {
        if (generator.below(2) === 0) {
          const message = generator.bytes(generator.below(Math.max(1, capacity >> 1)));
          const taken = CHANNEL_HEADER + message.length;
          const fits = fill + taken <= capacity;
          assert.is(ring.push(message), fits);
          if (fits) {
            model.push(Buffer.from(message));
            fill += taken;
          }
        } else {
          const expected = model.shift();
          assert.is(ring.firstLength, expected?.length ?? -1);
          if (generator.below(5) === 0) assert.is(ring.drop(), expected?.length ?? -1);
          else {
            const target = new Uint8Array(capacity);
            assert.is(ring.shift(target), expected?.length ?? -1);
            if (expected !== undefined) assert.ok(Buffer.from(target.subarray(0, expected.length)).equals(expected));
          }
          if (expected !== undefined) fill -= CHANNEL_HEADER + expected.length;
        }
        assert.is(ring.fill, fill);
      }
    }
  },
);

rings("a ring without room takes nothing", () => {
  const ring = new MessageRing(0);
  assert.is(ring.push(new Uint8Array(0)), false);
  assert.equal([ring.firstLength, ring.drop(), ring.fill], [-1, -1, 0]);
});

rings.run();
