// The verb tables of both command lines: help, completion, the manual page and errors say the same.

import { spawnSync } from "node:child_process";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { completionScript } from "../../../../agent/cli/completion.js";
import { helpText, nearest, type VerbFacts } from "../../../../agent/cli/verb.js";
import { VERBS } from "../../../../agent/cli/verbs.js";
import { VERBS as FLEET } from "../../../../fleet/cli/main.js";
import { manPage } from "../../../../scripts/man-page.js";
import { pocketvisor } from "../../../support/pocketvisor.js";
import { programPath } from "../../../../agent/paths.js";
import { testUnless } from "../../../support/skip.js";

const verbs = suite("verbs");
const BOTH: [program: string, verb: VerbFacts][] = [
  ...VERBS.filter(({ name }) => name !== "fleet").map((verb): [string, VerbFacts] => ["pocketvisor", verb]),
  ...FLEET.map((verb): [string, VerbFacts] => ["pocketvisor fleet", verb]),
];
/** Said once for all verbs, in `fleet --help`. */
const COMMON = ["help", "json", "tenant"];

verbs("every option of a verb is in its help, and every option in its help is one that it takes", () => {
  for (const [program, verb] of BOTH) {
    const help = helpText(program, verb);
    const named = new Set([...help.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map((match) => match[1]!));
    const taken = Object.keys(verb.options);
    const silent = taken.filter((name) => !named.has(name) && !COMMON.includes(name));
    assert.equal(silent, [], `${program} ${verb.name} --help says nothing of these`);
    if (program !== "pocketvisor") continue;
    const known = new Set(VERBS.flatMap(({ options }) => Object.keys(options)));
    for (const name of named) assert.ok(known.has(name), `${verb.name} --help names --${name}`);
  }
});

verbs("names are there once, and each has a summary in one line", () => {
  for (const table of [VERBS, FLEET]) {
    assert.is(new Set(table.map(({ name }) => name)).size, table.length);
    for (const { name, summary } of table) assert.ok(/^[^\n.]{8,100}$/.test(summary), `${name}: ${summary}`);
  }
});

verbs("what was meant is guessed when it is near", async () => {
  assert.is(nearest("puase", VERBS), "pause");
  assert.is(nearest("insepct", VERBS), "inspect");
  assert.is(nearest("x".repeat(100_000), VERBS), "");
  assert.is(nearest("qqqqqq", VERBS), "");
  const { status, stderr } = await pocketvisor(["restrat"]);
  assert.is(status, 2);
  assert.match(stderr, /there is no command "restrat" \[USAGE\]\n {2}Did you mean restart\?/);
});

const noBash = programPath("bash") === null ? "no bash here" : null;
testUnless(verbs, noBash, "bash completes commands, options, and those of fleet", () => {
  const script = completionScript("bash", VERBS, FLEET)!;
  const complete = (...words: string[]): string[] => {
    const line = words.map((word) => `'${word}'`).join(" ");
    const ask = `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=${words.length - 1}; _pocketvisor; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, status, stderr } = spawnSync("bash", ["--norc", "-c", ask], { encoding: "utf8", cwd: "/" });
    assert.is(status, 0, stderr);
    return stdout.split("\n").filter((word) => word !== "");
  };
  assert.equal(complete("pocketvisor", "res"), ["resume", "restart"]);
  assert.equal(complete("pocketvisor", "budget", "--energy-"), [
    "--energy-rate",
    "--energy-share",
    "--energy-capacity",
  ]);
  assert.ok(complete("pocketvisor", "fleet", "pol").includes("policy"));
  assert.ok(complete("pocketvisor", "fleet", "wipe", "--con").includes("--confirm"));
  assert.ok(complete("pocketvisor", "up", "/et").includes("/etc"));
});

verbs("the scripts for zsh and fish name every verb; another shell is refused", async () => {
  for (const shell of ["zsh", "fish"]) {
    const script = completionScript(shell, VERBS, FLEET)!;
    for (const { name } of [...VERBS, ...FLEET]) assert.match(script, new RegExp(`\\b${name}\\b`), shell);
  }
  assert.is(completionScript("csh", VERBS, FLEET), null);
  assert.is((await pocketvisor(["completion", "csh"])).status, 2);
  assert.is((await pocketvisor(["completion", "fish"])).status, 0);
});

verbs("the manual page has every verb and option, and no line that roff would take for a request", () => {
  const page = manPage("1.2.3", "a summary");
  for (const [, { name, options }] of BOTH) {
    assert.ok(page.includes(`.SS ${name.replaceAll("-", "\\-")}\n`), name);
    for (const option of Object.keys(options)) {
      if (!COMMON.includes(option)) assert.ok(page.includes(`\\-\\-${option.replaceAll("-", "\\-")}`), option);
    }
  }
  const requests = page.split("\n").filter((line) => line.startsWith("."));
  assert.ok(
    requests.every((line) => /^\.(TH|SH|SS|TP|B|I|nf|fi)( |$)/.test(line)),
    requests.join("\n"),
  );
});

verbs.run();
