// pocketvisor shell against a running handset: what a line does, and what it cannot do.

import { connect } from "node:net";
import { createInterface } from "node:readline";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset } from "../support/handset-process.js";

const shell = suite("shell");

shell(
  "lines and commands act, variables stay, and every hostile line is stopped with the next one working",
  async () => {
    await withHandset("", async ({ call }) => {
      const lines = async (...text: string[]) => call(["shell"], `${text.join("\n")}\n`);

      const acts = await lines(
        "pause work",
        "const names = ls().partitions.filter((each) => each.state === 'paused').map((each) => each.name)",
        "names",
        "budget('home', { ceiling: '20ms' }).cpu.ceiling",
        "try { pause('nobody') } catch (error) { error.name }",
        "try { budget('work', { memory: '1G' }) } catch (error) { error.name }",
        "try { budget('work', { budget: '95ms' }) } catch (error) { error.name + error.message }",
      );
      assert.is(acts.status, 0, acts.stderr);
      assert.match(
        acts.stdout,
        /"state": "paused"[^]*\[\n {2}"work"\n\]\n20000\n"PARTITION_UNKNOWN"\n"ADMIT_MEMORY_LIVE"\n"HYPERVISOR_REFUSED.*limit 90\.00 %/,
      );

      const hostile: [line: string, stopped: RegExp][] = [
        ["for (;;) {}", /took too long/],
        ["const a = []; for (;;) a.push([1, 2])", /too much memory|took too long/],
        ["(function f() { return f() + 1 })()", /stack overflow/],
        ["'x'.repeat(300000)", /result is too large/],
        ["Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)", /hung in a built-in/],
        ["for (let n = 0; n < 201; n++) ls()", /COMMANDS_EXHAUSTED/],
        ["pause({ toString: 1, valueOf: 1 }, {})", /USAGE: a command has words/],
        ["budget('work', { weight: { toString: 1 } })", /USAGE: a command has words/],
        ["pause('x'.repeat(300000))", /argument is too large/],
        ["explode('work')", /not defined/],
        ["throw new Error('\\u001b[2J')", /\\x1b\[2J/],
      ];
      for (const [line, stopped] of hostile) {
        const result = await lines(line, "1");
        assert.is(result.status, 2, line);
        assert.match(result.stderr, stopped, `${line}: ${result.stderr}`);
        assert.is(result.stdout, "", "nothing after the first error is run");
      }
      assert.is((await lines("resume work")).status, 0);
      assert.match((await call(["ls"])).stdout, /work +running/);
    });
  },
);

shell("a request with objects for words is refused, and the handset lives on", async () => {
  await withHandset("", async ({ call, socket }) => {
    const requests = [
      { id: 1, command: "pause", positionals: [{ toString: 1 }] },
      { id: 2, command: "budget", positionals: ["work"], options: { weight: { toString: 1 } } },
      { id: 3, eval: "1 + 1" },
      { id: 4, eval: 5 },
    ];
    const client = connect(socket);
    client.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
    const answers: string[] = [];
    for await (const line of createInterface({ input: client })) {
      answers.push(line);
      if (answers.length === requests.length) break;
    }
    client.destroy();
    assert.is(answers.filter((line) => line.includes("CONTROL_SYNTAX")).length, 3);
    assert.ok(answers.includes('{"id":3,"value":{"json":"2"}}'));
    assert.match((await call(["ls"])).stdout, /work +running/);
  });
});

shell.run();
