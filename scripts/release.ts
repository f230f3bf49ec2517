// npm run release -- VERSION: everything between "it passes" and "push": changelog, version, commit, tag and package. Nothing leaves this
// computer.

import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { releasedChangelog, releaseNotes } from "./changelog.ts";
import { root } from "./stale.mjs";

const HELP = `usage: npm run release -- VERSION [--dry-run]

Dates the changelog's unreleased part as VERSION, sets the version of package.json, builds, tries the package on other Node.js
versions (.ci/engines), commits, tags, and packs build/pocketvisor-VERSION.tgz with build/RELEASE_NOTES.md beside it.
Pushing them is yours.

  --dry-run  prints the notes and changes nothing`;

const args = process.argv.slice(2);
if (args.includes("--help")) {
  console.log(HELP);
  process.exit(0);
}
const version = args.find((arg) => !arg.startsWith("-")) ?? "";
if (!/^\d+\.\d+\.\d+(-[a-z0-9.]+)?$/.test(version)) fail(`"${version}" is no version such as 1.2.3\n${HELP}`);

const changelogFile = join(root, "CHANGELOG.md");
const changelog = releasedChangelog(readFileSync(changelogFile, "utf8"), version, new Date());
if (changelog === null) fail('CHANGELOG.md has nothing under "## Unreleased"');
const notes = releaseNotes(changelog, version);
if (args.includes("--dry-run")) {
  console.log(notes);
  process.exit(0);
}
if (run("git", ["status", "--porcelain"]) !== "") fail("the working tree is not clean: commit first");
if (run("git", ["tag", "--list", `v${version}`]) !== "") fail(`the tag v${version} is there already`);

writeFileSync(changelogFile, changelog);
run("npm", ["version", version, "--no-git-tag-version", "--allow-same-version"]);
run(process.execPath, [join(root, "scripts/bootstrap.mjs"), "build", "--force"]);
run(join(root, ".ci/engines"), []);
run("git", ["commit", "--quiet", "--all", "--message", `release: ${version}`]);
run("git", ["tag", "--annotate", `v${version}`, "--message", notes]);
run("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", join(root, "build")]);
writeFileSync(join(root, "build/RELEASE_NOTES.md"), notes);
console.log(`build/pocketvisor-${version}.tgz and build/RELEASE_NOTES.md; next: git push --follow-tags`);

/** Runs a program to its end; returns what it printed. */
function run(program: string, words: string[]): string {
  const { status, stdout } = spawnSync(program, words, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", 2] });
  if (status !== 0) fail(`${program} ${words[0] ?? ""} ended with status ${status ?? -1}`);
  return stdout.trim();
}

function fail(message: string): never {
  console.error(`release: ${message}`);
  process.exit(1);
}
