// The command `console` with a pipe at its standard input: it ends by itself, with the guest's text, and says why.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset } from "../support/handset-process.js";

const test = suite("guest/console");

test("it ends when its input has ended and the guest is silent, and when the partition is stopped", async () => {
  await withHandset("", async ({ call }) => {
    const typed = await call(["console", "work"], "abc");
    assert.is(typed.status, 0, typed.stderr);
    assert.match(typed.stdout, /^ready/);
    assert.match(typed.stderr, /the input has ended, and work has said nothing for 3 s: left\. It is still running/);
    assert.match((await call(["log", "work"])).stdout, /abc/, "what was typed has arrived");

    assert.is((await call(["stop", "work"])).status, 0);
    const stopped = await call(["console", "work"]);
    assert.is(stopped.status, 0, stopped.stderr);
    assert.match(stopped.stdout, /^ready\s+abc/);
    assert.match(stopped.stderr, /work is stopped: nothing more will come\. Start it with: pocketvisor start work/);
    const none = await call(["console", "nobody"]);
    assert.is(none.status, 2);
    assert.match(none.stderr, /there is no partition "nobody"/);
  });
});

test.run();
