// The schema table and wire.cddl say the same.

import { readFileSync } from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { printTable } from "../../../../agent/wire/table.js";
import { readCddl } from "../../../support/cddl.js";

const table = suite("wire table");
const file = readFileSync(new URL("../../../../agent/wire/wire.cddl", import.meta.url), "utf8");

table("every rule that the table prints means what wire.cddl says, and the other way round", () => {
  const written = readCddl(file);
  const printed = readCddl(printTable());
  for (const [name, meaning] of printed) assert.is(meaning, written.get(name), name);
  // The claims are a group: they have no place of their own in the table, and stand in every document.
  assert.equal(
    [...written.keys()].filter((name) => !printed.has(name)),
    ["claims"],
  );
});

const EDITS: [what: string, from: string, to: string][] = [
  ["a bound", "? 2 => 0..1000", "? 2 => 0..999"],
  ["a key", "30 => label", "29 => label"],
  ["an optional field", "? 51 => label", "51 => label"],
  ["an occurrence", "[+ sha256] / name", "[* sha256] / name"],
  ["a word", "locked: 6", "barred: 6"],
  ["a word's number", "wipe-device: 16", "wipe-device: 23"],
  ["a size", "cmd-id   = bstr .size 16", "cmd-id   = bstr .size 17"],
  ["a claim", "? 5 => secs,                       ; nbf", "5 => secs,"],
  ["a tuple's order", "[language: name, text:", "[text: name, language: name, text:"],
  ["a tag", "#6.98", "#6.97"],
  ["an algorithm", "-19 / -8", "-19 / -7"],
];

for (const [what, from, to] of EDITS) {
  table(`the comparison sees ${what}`, () => {
    assert.is(file.split(from).length, 2, `${from} stands in the file once`);
    assert.is.not(JSON.stringify([...readCddl(file.replace(from, to))]), JSON.stringify([...readCddl(file)]));
  });
}

table("comments, names of tuple members and the order of map entries mean nothing", () => {
  const same = [
    "a = { 1 => b, 2 => tstr } b = [uint, +bool]",
    "; x\na = { 2 => tstr, 1 => [n: uint, 1*bool] } b = [uint, + bool]",
  ];
  assert.equal(...(same.map((text) => [...readCddl(text)]) as [unknown, unknown]));
});

table.run();
