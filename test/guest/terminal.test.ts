// What a person at a terminal sees and types: the prompt, and the live view, on a real pseudo-terminal.

import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset } from "../support/handset-process.js";
import { testUnless } from "../support/skip.js";
import { terminalMissing, withTerminal } from "../support/terminal.js";

const [UP, LEFT, DETACH, END, INTERRUPT] = ["\x1b[A", "\x1b[D", "\x1d", "\x04", "\x03"];
const terminal = suite("terminal");
const RULES = `rules:\n  - { name: throws, on: [state], run: "throw new Error('a text that is longer than a row of a terminal has room for')" }\n`;

testUnless(terminal, terminalMissing, "the prompt: editing, completion, Ctrl-C, history, and its end", async () => {
  await withHandset("", async ({ environment }) => {
    const prompt = ["shell", "--handset", "small"];
    const size = { columns: 80, rows: 24 };
    await withTerminal(prompt, size, environment, async ({ type, shows, end }) => {
      await shows(/small> /);
      // Key by key: what comes at once is pasted text, in which a tab completes nothing.
      const enter = async (...keys: [typed: string, echo: RegExp][]): Promise<void> => {
        for (const [typed, echo] of keys) {
          type(typed);
          await shows(echo);
        }
      };
      await enter(["paus", /paus/], ["\t", /e/], [" wo", /wo/], ["\t", /rk/], ["\r", /"state": "paused"[^]*small> /]);
      type("throw 1");
      await shows(/throw 1/);
      type(INTERRUPT);
      await shows(/small> /);
      await enter(["1 + 2", /2/], [LEFT, /\[1D/], ["4", /4/], ["\r", /\r\n43\r\n[^]*small> /]);
      type("nonsense(\r");
      await shows(/SyntaxError[^]*small> /);
      type(END);
      assert.is(await end(), 0);
    });
    const history = join(environment["XDG_STATE_HOME"]!, "pocketvisor", "small", "monitor", "shell-history");
    assert.is(statSync(history).mode & 0o777, 0o600);
    assert.is(readFileSync(history, "utf8"), "nonsense(\n1 + 42\npause work\n");
    await withTerminal(prompt, size, environment, async ({ type, shows, end }) => {
      await shows(/small> /);
      type(`${UP}${UP}\r`);
      await shows(/\r\n43\r\n/);
      type("down\r");
      await shows(/the handset has ended/);
      assert.is(await end(), 0);
    });
  });
});

/** The rows of the last screen that was drawn, without colours. */
function screenOf(shown: string): string[] {
  const screen = shown.slice(shown.lastIndexOf("\x1b[H") + 3);

  return screen.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").split("\r\n");
}

for (const columns of [40, 60, 80, 120]) {
  testUnless(terminal, terminalMissing, `the live view at ${columns} columns: no row is longer, keys act`, async () => {
    await withHandset(RULES, async ({ environment, call }) => {
      await withTerminal(
        ["top", "--handset", "small"],
        { columns, rows: 24 },
        environment,
        async ({ type, shown, shows, end }) => {
          await shows(/rule throws[^]*q leave/);
          for (const row of screenOf(shown())) assert.ok(row.length <= columns, `${row.length}: ${row}`);
          assert.match(screenOf(shown()).join("\n"), /battery 100.0 % · drain [^]*› work[^]*home[^]*\? help/);
          type("p");
          await shows(/pause work: done/);
          type("w");
          await shows(/work is paused/);
          for (const row of screenOf(shown())) assert.ok(row.length <= columns, `${row.length}: ${row}`);
          type("r");
          await shows(/resume work: done/);
          type("c");
          await shows(/console of work; Ctrl-\] returns\r\n[^]*ready/);
          type("xyz");
          await shows(/xyz/);
          type(DETACH);
          await shows(/small on qemu-virt/);
          type("q");
          assert.is(await end(), 0);
        },
      );
      assert.match((await call(["ls"])).stdout, /work +running/);
    });
  });
}

terminal("ls --watch prints plain lists where there is no terminal, and ends with the handset", async () => {
  await withHandset("", async ({ call }) => {
    const watching = call(["ls", "--watch"]);
    const late = Date.now() + 60_000;
    // One list, at least, before the end: the command is given time to connect.
    while (Date.now() < late && !(await call(["why"])).stdout.includes("average of the last")) continue;
    assert.is((await call(["down"])).status, 0);
    const { stdout, status } = await watching;
    assert.is(status, 0);
    assert.ok(stdout.split("small on qemu-virt").length > 1, stdout);
    assert.not.match(stdout, /\x1b/);
  });
});

terminal.run();
