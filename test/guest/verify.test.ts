// `run --translate=verify`: whole guests, interpreted and translated at once, differ nowhere.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RunStats } from "../../agent/host/index.js";
import { ARCHITECTURE_GUESTS, guestPath, recordedOutput } from "./architecture/oracle.js";
import { linux, missingGuest } from "../support/linux.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const verify = suite("run --translate=verify");

function statsOf(path: string): RunStats {
  return JSON.parse(readFileSync(path, "utf8")) as RunStats;
}

for (const name of ARCHITECTURE_GUESTS) {
  verify(`${name}: no difference, and the output of the oracle`, async () => {
    const stats = join(temporaryFolder(), "stats");
    const args = ["run", "--kernel", guestPath(name, "bin"), "--translate=verify", "--stats", stats];
    const result = await pocketvisor(args);
    assert.is(result.status, 0, result.stderr);
    assert.fixture(result.stdout.replaceAll("\r", ""), recordedOutput(name));
    assert.ok(statsOf(stats).translation!.functions > 0, "something was translated");
  });
}

testUnless(
  verify,
  missingGuest(),
  "Linux: boot, processes, a disk, and power-off without a difference; the disk's file is written once",
  async () => {
    const folder = temporaryFolder();
    const [stats, disk] = [join(folder, "stats"), join(folder, "disk")];
    const image = Buffer.alloc(1 << 20);
    for (let at = 0; at < image.length; at += 4) image.writeUInt32LE(Math.imul(at, 0x9e3779b1) >>> 0, at);
    writeFileSync(disk, image);
    const commands = [
      "for n in 1 2 3; do seq 1 300 | sort -r | md5sum; done",
      "sha256sum /dev/vda",
      "echo written | dd of=/dev/vda conv=notrunc 2>/dev/null; sync",
    ];
    const result = await linux(commands, ["--translate=verify", "--stats", stats, "--disk", disk]);
    assert.is(result.status, 0, result.stderr);
    const sums = result.answers[0]!.trim().split("\n");
    assert.is(sums.length, 3);
    assert.is(new Set(sums).size, 1, "three times the same sum");
    assert.match(result.answers[1]!, createHash("sha256").update(image).digest("hex"));
    image.write("written\n");
    assert.ok(readFileSync(disk).equals(image), "the disk has what was written, and nothing else has changed");
    const { instructions, translation } = statsOf(stats);
    assert.ok(instructions > 100e6, `${instructions} instructions`);
    // How much is hot depends on the computer's pace; what is translated at fixed slices alone is more than this.
    assert.ok(translation!.executed > 10e6, `${translation!.executed} of ${instructions} were translated code's`);
  },
);

/** Programs of a user's, and what they must print: computed here. */
const lines = (count: number, line: (n: number) => string | number): string =>
  Array.from({ length: count }, (_, n) => `${line(n + 1)}\n`).join("");
const sum = (hash: string, text: string): string => createHash(hash).update(text).digest("hex");
const NUMBERS = lines(8000, (n) => n);
const PROGRAMS: [command: string, answer: string][] = [
  ["seq 1 8000 >/tmp/n; sha256sum </tmp/n | cut -c1-64", sum("sha256", NUMBERS)],
  ["gzip -c /tmp/n >/tmp/n.gz; gunzip -c /tmp/n.gz | sha512sum | cut -c1-128", sum("sha512", NUMBERS)],
  ["bzip2 -c /tmp/n | bunzip2 -c | md5sum | cut -c1-32", sum("md5", NUMBERS)],
  [
    "awk '{ a[$1 % 97] += $1 * $1; f += $1 / 7 } END { for (n = 0; n < 97; n++) print n, a[n]; printf \"%.6f\\n\", f }' /tmp/n | sha1sum | cut -c1-40",
    sum("sha1", awkAnswer()),
  ],
  ["sed 's/\\([0-9]\\)7/<\\1>/g' /tmp/n | tr 0-9 a-j | grep -c '<'", String(sedCount())],
  ["sort -r /tmp/n | uniq | tail -1", "1"],
  [
    "i=0; s=0; while [ $i -lt 3000 ]; do i=$((i + 1)); s=$(((s * 31 + i) % 65521)); done; echo $s",
    String(loopAnswer()),
  ],
  ["f() { [ $1 -lt 2 ] && echo $1 || echo $(($(f $(($1 - 1))) + $(f $(($1 - 2))))); }; f 8", "21"],
  ["for w in gamma alpha beta; do echo $w; done | sort | tr '\\n' ' '; echo", "alpha beta gamma"],
  ["tar c -C /tmp n | tar t; expr 6 '*' 7; printf '%05.2f|%x\\n' 3.14159 48879", "n\n42\n03.14|beef"],
];

function awkAnswer(): string {
  const squares = new Array<number>(97).fill(0);
  let sevenths = 0;
  for (let n = 1; n <= 8000; n++) {
    squares[n % 97]! += n * n;
    sevenths += n / 7;
  }
  return squares.map((value, n) => `${n} ${value}\n`).join("") + `${sevenths.toFixed(6)}\n`;
}

function sedCount(): number {
  return NUMBERS.split("\n").filter((line) => /[0-9]7/.test(line)).length;
}

function loopAnswer(): number {
  let value = 0;
  for (let n = 1; n <= 3000; n++) value = (value * 31 + n) % 65_521;
  return value;
}

testUnless(
  verify,
  missingGuest(),
  "Linux: a user's programs, hashes, compression, floating point, text and the shell itself, compute what they must, without a difference",
  async () => {
    const stats = join(temporaryFolder(), "stats");
    const commands = PROGRAMS.map(([command]) => command);
    const result = await linux(commands, ["--translate=verify", "--stats", stats]);
    assert.is(result.status, 0, result.stderr);
    for (const [n, [command, answer]] of PROGRAMS.entries()) assert.is(result.answers[n]!.trim(), answer, command);
    const { instructions, translation } = statsOf(stats);
    assert.ok(instructions > 200e6, `${instructions} instructions`);
    assert.ok(translation!.executed > 50e6, `${translation!.executed} of ${instructions} were translated code's`);
  },
);

verify("what it excludes is said", async () => {
  const kernel = guestPath("mmu", "bin");
  const both = await pocketvisor(["run", "--kernel", kernel, "--translate=verify", "--gdb", "0"]);
  assert.is(both.status, 2);
  assert.match(both.stderr, "--translate=verify runs two");
  const unknown = await pocketvisor(["run", "--kernel", kernel, "--translate=maybe"]);
  assert.is(unknown.status, 2);
});

verify.run();
