// agent/host/compiler-threads: in a process of its own, the engine's threads give way, and nobody else does.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../../../../scripts/stale.mjs";

/** Prints its threads' niceness (proc_pid_stat(5), field 19), the first thread's first; a worker was started before. */
const PROGRAM = `
import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { compilersGiveWay } from ${JSON.stringify(join(root, "agent/host/machine/compiler-threads.ts"))};
const worker = new Worker("import { parentPort } from 'node:worker_threads'; setInterval(() => {}, 1000); parentPort.postMessage(1)", { eval: true });
worker.on("message", () => {
  compilersGiveWay();
  compilersGiveWay();
  const niceness = readdirSync("/proc/self/task").map(Number).sort((a, b) => a - b).map((id) => {
    const stat = readFileSync("/proc/self/task/" + id + "/stat", "latin1");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
  });
  console.log(JSON.stringify(niceness));
  void worker.terminate();
});
`;

const threads = suite("agent/host/compiler-threads");

threads("the engine's threads have niceness 10; the first thread and a worker keep theirs", () => {
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ["--v8-pool-size=4", "--import", "tsx", "--input-type=module", "--eval", PROGRAM],
    { cwd: root, encoding: "utf8" },
  );
  if (process.platform !== "linux") return assert.match(stderr, /ENOENT/, "there is no /proc to look at");
  assert.ok(stdout, stderr);
  const niceness = JSON.parse(stdout) as number[];
  const own = niceness[0];
  assert.ok(niceness.filter((value) => value === 10).length >= 4, `${stdout} ${stderr}`);
  assert.ok(niceness.filter((value) => value === own).length >= 2, "the first thread and the worker");
});

threads.run();
