// `run --translate=verify`: whole guests, interpreted and translated at once, differ nowhere.

import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RunStats } from "../../agent/host/messages.js";
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

verify("what it excludes is said", async () => {
  const kernel = guestPath("mmu", "bin");
  const both = await pocketvisor(["run", "--kernel", kernel, "--translate=verify", "--gdb", "0"]);
  assert.is(both.status, 2);
  assert.match(both.stderr, "--translate=verify runs two");
  const unknown = await pocketvisor(["run", "--kernel", kernel, "--translate=maybe"]);
  assert.is(unknown.status, 2);
});

verify.run();
