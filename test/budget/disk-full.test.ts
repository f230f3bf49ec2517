// A disk whose file cannot grow: the guest is told of an I/O error, its neighbour keeps its share, and it is told once. The file system's refusal is
// real: RLIMIT_FSIZE makes every write beyond it fail with EFBIG (setrlimit(2)).

import { spawnSync } from "node:child_process";
import { readFileSync, truncateSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { LOSS_DISK } from "../../kernel/abi/reasons.js";
import { temporaryFile } from "../support/temporary.js";
import type { HandsetEvent } from "../../agent/view.js";

const CHILD = fileURLToPath(new URL("../support/full-disk.ts", import.meta.url));
/** In blocks of 512 bytes, as POSIX says of `ulimit -f`. */
const LIMIT_BLOCKS = 256;
const DISK_BYTES = 512 * LIMIT_BLOCKS * 2;

const full = suite("full disk");

interface Outcome {
  console: string;
  share: number;
  state: string;
  sleeping: boolean;
  operations: number;
  events: HandsetEvent[];
}

for (const backend of ["in place", "queue"]) {
  full(`${backend}: an I/O error for the guest, an event for the handset, nothing for the neighbour`, () => {
    const path = temporaryFile("");
    truncateSync(path, DISK_BYTES);
    const script = `ulimit -f ${LIMIT_BLOCKS} && exec "$0" --import tsx "$@"`;
    const child = spawnSync("sh", ["-c", script, process.execPath, CHILD, path, backend], { encoding: "utf8" });
    assert.is(child.status, 0, child.stderr);
    const { events, ...outcome } = JSON.parse(child.stdout) as Outcome;
    assert.is(outcome.console, "ready\nerror\n");
    assert.equal([outcome.state, outcome.sleeping], ["running", true]);
    assert.ok(Math.abs(outcome.share - 0.6) < 0.0005, `${outcome.share}`);
    // What fitted was written, and the one that did not was charged too: it was tried.
    const fitting = (LIMIT_BLOCKS * 512) / 4096;
    assert.is(outcome.operations, fitting + 1);
    assert.is(readFileSync(path).length, DISK_BYTES);
    const told = events.filter(({ kind }) => kind === "disk-error");
    assert.equal(
      told.map(({ partition, reason, value }) => [partition, reason, value]),
      [[1, LOSS_DISK, 1]],
    );
  });
}

full.run();
