// Which lines of the prompt are commands, and which are JavaScript.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { commandLine } from "../../../../agent/shell/command-line.js";

const line = suite("command-line");

line("a command with words and options becomes a call", () => {
  assert.is(commandLine("ls"), "ls()");
  assert.is(commandLine("  pause   work "), 'pause("work")');
  assert.is(commandLine("budget work --ceiling 20ms --weight=7"), 'budget("work", {"ceiling":"20ms","weight":"7"})');
  assert.is(commandLine("budget work --energy-share 30%"), 'budget("work", {"energy-share":"30%"})');
});

line("everything else stays JavaScript, and no word can break out of its quotes", () => {
  for (const text of [
    "ls()",
    "ls = 3",
    "ls % 2",
    "ls - 1",
    'pause("work")',
    "why ? 1 : 2",
    'pause work");stop("home',
    "1 + 1",
    "",
  ]) {
    assert.is(commandLine(text), text);
  }
});

line.run();
