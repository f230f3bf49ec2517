// The prompt of pocketvisor shell.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { complete } from "../../../../agent/cli/shell.js";

const shell = suite("shell prompt");

shell("Tab completes the last word: a command, or a partition, also within quotes and brackets", () => {
  const words = ["pause", "ls", "personal", "work"];
  assert.equal(complete("p", words), [["pause", "personal"], "p"]);
  assert.equal(complete("pause wo", words), [["work"], "wo"]);
  assert.equal(complete('pause("per', words), [["personal"], "per"]);
  assert.equal(complete("nothing", words), [[], "nothing"]);
});

shell.run();
