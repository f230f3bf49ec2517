// The limits of a QuickJS runtime: what loops, grows, recurses or throws is stopped, and the next script works.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Sandbox, type SandboxLimits } from "../../../../agent/shell/sandbox.js";

const LIMITS: SandboxLimits = { memoryBytes: 1 << 20, stackBytes: 128 << 10, milliseconds: 50, textMax: 4096 };
const sandbox = suite("sandbox");

const HOSTILE: [what: string, code: string, ended: RegExp][] = [
  ["loops", "for (;;) {}", /"stopped","by":"time"/],
  ["loops, and catches what it can", "for (;;) try { for (;;) {} } catch {}", /"stopped","by":"time"/],
  ["grows an array", "const a = []; for (;;) a.push([1, 2, 3]);", /"stopped","by":"(memory|time)"/],
  ["grows a string", "let s = 'xxxxxxxx'; for (;;) s = s + s + 'y';", /memory|too long/],
  ["asks for a huge string", "'x'.repeat(1 << 29)", /memory|invalid/],
  ["recurses", "(function f() { return f() + 1; })()", /stack/],
  ["throws", "throw new TypeError('no')", /"threw","name":"TypeError","message":"no"/],
  ["throws an accessor that loops", "throw { get name() { for (;;) {} } }", /time/],
  ["has a toJSON that loops", "({ toJSON() { for (;;) {} } })", /time/],
  ["answers too much", "'x'.repeat(5000)", /"stopped","by":"size"/],
  ["answers with a circle", "const a = []; a.push(a); a", /threw.*circular/],
  ["is no JavaScript", "pause work", /SyntaxError/],
];

for (const [what, code, ended] of HOSTILE) {
  sandbox(`a script that ${what} is stopped, and a new runtime beside it works`, async () => {
    const runtime = await Sandbox.create(LIMITS);
    assert.match(JSON.stringify(runtime.evaluate(code)), ended);
    runtime.dispose();
    const next = await Sandbox.create(LIMITS);
    assert.equal(next.evaluate("6 * 7"), { ended: "value", json: "42" });
    next.dispose();
  });
}

sandbox("nothing of the host is in reach", async () => {
  const runtime = await Sandbox.create(LIMITS);
  const names = ["process", "require", "fetch", "setTimeout", "WebAssembly", "Buffer"];
  for (const name of names) {
    assert.match(JSON.stringify(runtime.evaluate(`${name}.x`)), /"threw"/, name);
  }
  runtime.dispose();
});

sandbox("a host function gets text and gives text, and what it throws can be caught", async () => {
  const runtime = await Sandbox.create(LIMITS);
  const heard: string[] = [];
  runtime.expose("host", (text) => {
    heard.push(text);
    if (text === "bad") throw new RangeError("refused");
    return "fine";
  });
  assert.equal(runtime.evaluate("host('a')"), { ended: "value", json: '"fine"' });
  assert.equal(runtime.evaluate("try { host('bad') } catch (e) { e.name + e.message }"), {
    ended: "value",
    json: '"RangeErrorrefused"',
  });
  assert.match(JSON.stringify(runtime.evaluate("host('x'.repeat(5000))")), /too large/);
  assert.equal(heard, ["a", "bad"]);
  runtime.dispose();
});

sandbox.run();
