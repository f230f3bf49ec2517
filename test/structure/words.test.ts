// Words that no file of the project may hold: unfinished work, paths of the computer it was written on, hosts that a clone
// must not depend on, singled-out tests.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { filesBelow, root } from "./sources.js";

// Each is written in two parts, so that this file does not hold it.
const UNFINISHED = [
  ["TO", "DO"],
  ["FIX", "ME"],
  ["XX", "X"],
  ["HA", "CK"],
  ["not ", "implemented"],
  ["place", "holder"],
];
const FOREIGN = [
  ["/wo", "rk/"],
  ["/ro", "ot/"],
  ["../sha", "red"],
  ["registry.", "npmjs"],
  ["tmp/bash", "_jobs"],
];
const SINGLED_OUT = [
  ["test.", "only"],
  ["it.", "only"],
  [".only", "("],
  ["skip", "("],
];

function holders(words: string[][], folders: (path: string) => boolean, wholeWord: boolean): string[] {
  const escaped = words.map((parts) => parts.join("").replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"));
  const pattern = new RegExp(wholeWord ? `\\b(${escaped.join("|")})\\b` : escaped.join("|"));
  return filesBelow(".")
    .filter((path) => /\.(ts|mjs|js|json|md|S|s|sh)$|(^|\/)(run|init)$/.test(path))
    .filter((path) => path !== "package-lock.json" && path !== "LICENSE" && folders(path))
    .flatMap((path) =>
      readFileSync(join(root, path), "utf8")
        .split("\n")
        .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim().slice(0, 100)}`] : [])),
    );
}

const words = suite("words");

words("no unfinished work is left", () =>
  assert.equal(
    holders(UNFINISHED, () => true, true),
    [],
  ),
);

words("nothing depends on the computer that it was written on", () => {
  assert.equal(
    holders(FOREIGN, (path) => !path.startsWith("boards/guests/linux/"), false),
    [],
  );
});

words("every test runs: what cannot run here says why, through test/support/skip", () => {
  const inTests = (path: string): boolean => path.startsWith("test/") && path !== "test/support/skip.ts";
  assert.equal(holders(SINGLED_OUT, inTests, false), []);
});

words.run();
