// When an attached console ends by itself, in the time that the test gives.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ConsoleEnd, QUIET_MS, STOPPED_MS } from "../../../../agent/cli/console-end.js";

const test = suite("agent/cli/console-end");

test("somebody may type: a silent guest is waited for as long as it lives", () => {
  const end = new ConsoleEnd("work", 0);
  for (const state of ["running", "paused", "failed", "running"]) assert.is(end.look(state, 1e9), null, state);
  assert.match(end.look(null, 1e9)!, /^work is gone$/);
});

test("a stopped partition: its old text is shown to the end, then the next step is said", () => {
  const end = new ConsoleEnd("work", 0);
  assert.is(end.look("stopped", 0), null);
  end.output(500);
  assert.is(end.look("stopped", STOPPED_MS), null, "text still comes");
  assert.match(end.look("stopped", 500 + STOPPED_MS)!, /^work is stopped: .*pocketvisor start work$/);
});

test("a restart passes through the state", () => {
  const end = new ConsoleEnd("work", 0);
  assert.is(end.look("stopped", 10_000), null);
  assert.is(end.look("running", 10_500), null);
  assert.is(end.look("stopped", 11_000), null);
  assert.is(end.look("stopped", 11_000 + STOPPED_MS - 1), null);
  assert.ok(end.look("stopped", 11_000 + STOPPED_MS));
});

test("when the input has ended, silence ends it; every word of the guest's puts that off", () => {
  const end = new ConsoleEnd("work", 0);
  end.inputEnd(10_000);
  assert.is(end.look("running", 10_000 + QUIET_MS - 1), null);
  end.output(11_000);
  assert.is(end.look("running", 11_000 + QUIET_MS - 1), null);
  assert.match(end.look("running", 11_000 + QUIET_MS)!, /the input has ended.*for 3 s: left\. It is still running$/);
  assert.match(end.look("paused", 11_000 + QUIET_MS)!, /It is still paused$/);
});

test.run();
