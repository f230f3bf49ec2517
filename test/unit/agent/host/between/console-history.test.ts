// The bounded console history, and the watch for Linux's panic message (kernel/panic.c).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConsoleHistory, PanicWatch } from "../../../../../agent/host/between/console-history.js";
import { Generator } from "../../../../support/generator.js";

const history = suite("console-history");

history("the last 64 KiB are kept, however they came", () => {
  const generator = new Generator(4);
  const kept = new ConsoleHistory();
  let all = Buffer.alloc(0);
  for (let round = 0; round < 60; round++) {
    const chunk = generator.bytes(generator.below(round % 20 === 0 ? 100_000 : 5_000));
    kept.append(chunk);
    all = Buffer.concat([all, chunk]).subarray(-65_536);
    assert.ok(kept.contents().equals(all));
  }
});

history("the panic message is seen wherever chunks cut it, and forgotten at the next boot", () => {
  const text = Buffer.from("[ 1.0] Kernel panic - not syncing: VFS: Unable to mount root fs");
  for (let cut = 0; cut <= text.length; cut++) {
    const watch = new PanicWatch();
    watch.append(text.subarray(0, cut));
    watch.append(text.subarray(cut));
    assert.is(watch.seen, true);
    watch.forget();
    watch.append(Buffer.from("Kernel panic - not sync"));
    assert.is(watch.seen, false);
  }
});

history.run();
