// The watch for Linux's panic message (kernel/panic.c).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PanicWatch } from "../../../../../agent/host/between/panic-watch.js";

const panic = suite("panic-watch");

panic("the panic message is seen wherever chunks cut it, and forgotten at the next boot", () => {
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

panic.run();
