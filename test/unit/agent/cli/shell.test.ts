// The prompt of pocketvisor shell: completion, and the history that it keeps.

import { chmodSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { complete } from "../../../../agent/cli/shell.js";
import { HISTORY_LINES_MAX, readHistory, writeHistory } from "../../../../agent/cli/shell-history.js";
import { commands } from "../../../../agent/command.js";
import { temporaryFolder } from "../../../support/temporary.js";

const shell = suite("shell prompt");
const completed = (line: string): [string[], string] => complete(line, commands(), ["personal", "work"]);

shell("Tab completes the last word: a command, or a partition, also within quotes and brackets", () => {
  assert.equal(completed("p"), [["pause", "personal", "profile"], "p"]);
  assert.equal(completed("pause wo"), [["work"], "wo"]);
  assert.equal(completed('pause("per'), [["personal"], "per"]);
  assert.equal(completed("nothing"), [[], "nothing"]);
});

shell("Tab completes the options of the command that the line begins with", () => {
  assert.equal(completed("budget work --we"), [["--weight"], "--we"]);
  assert.equal(completed("budget work --energy-"), [
    ["--energy-capacity", "--energy-rate", "--energy-share"],
    "--energy-",
  ]);
  assert.equal(completed("pause work --"), [[], "--"]);
  assert.equal(completed("toString --"), [[], "--"]);
});

shell("the history comes back, is for the user alone, and has bounds", () => {
  const path = join(temporaryFolder(), "a", "b", "history");
  assert.equal(readHistory(path), []);
  writeHistory(path, ["ls()", "pause work", "x".repeat(1001), "", "bad\u001b[2J"]);
  assert.equal(readHistory(path), ["ls()", "pause work"]);
  assert.is(statSync(path).mode & 0o777, 0o600);
  chmodSync(path, 0o644);
  writeHistory(
    path,
    Array.from({ length: 2000 }, (_, n) => `${n} ${"é".repeat(900)}`),
  );
  assert.is(statSync(path).mode & 0o777, 0o600, "also when it was there before");
  assert.ok(statSync(path).size <= 256 << 10);
  const lines = readHistory(path);
  assert.ok(lines.length > 100 && lines.length <= HISTORY_LINES_MAX && lines[0]!.startsWith("0 "));
  writeFileSync(path, "x\n".repeat(1 << 20));
  assert.is(readHistory(path).length, HISTORY_LINES_MAX);
});

shell("a history that is a link is neither read nor written", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "other"), "secret\n");
  symlinkSync(join(folder, "other"), join(folder, "history"));
  assert.equal(readHistory(join(folder, "history")), []);
  assert.throws(() => writeHistory(join(folder, "history"), ["x"]));
  assert.is(readFileSync(join(folder, "other"), "utf8"), "secret\n");
});

shell.run();
