// The command line's handset: two Debian partitions under budgets, from `up` to `down`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readCachedGuest } from "../../agent/guests/cache.js";
import { pocketvisor } from "../support/pocketvisor.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { fileURLToPath } from "node:url";

const missing = readCachedGuest("linux") === null ? "the guest linux is not cached and could not be fetched" : null;
const program = fileURLToPath(new URL("../../scripts/pocketvisor.mjs", import.meta.url));
const handset = suite("handset");

interface Summary {
  board: string;
  partitions: { name: string; state: string; bootMs: number; instructions: number; cpu: { timeNs: number } }[];
}

testUnless(
  handset,
  missing,
  "up --until ready --json: both partitions reach their shells, and the process ends with 0",
  async () => {
    const folder = temporaryFolder();
    const result = await pocketvisor(["up", "--until", "ready", "--json"], {
      environment: { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder },
    });
    assert.is(result.status, 0, result.stderr);
    const { board, partitions } = JSON.parse(result.stdout) as Summary;
    assert.is(board, "qemu-virt");
    assert.equal(
      partitions.map(({ name, state }) => [name, state]),
      [
        ["personal", "running"],
        ["work", "running"],
      ],
    );
    for (const { bootMs, instructions, cpu } of partitions) {
      assert.ok(bootMs > 0 && instructions > 1e8 && cpu.timeNs > 0);
    }
  },
);

testUnless(
  handset,
  missing,
  "commands of a running handset: console, budgets, pause, why, and refusals with their numbers",
  async () => {
    const folder = temporaryFolder();
    const env = { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder };
    const call = async (...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> =>
      pocketvisor(args, { environment: env });
    const up = spawn(process.execPath, [program, "up", "--plain"], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(up, "exit");
    try {
      let log = "";
      for (let tries = 0; tries < 600 && !log.includes("/root #"); tries++) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        log = (await call("log", "work")).stdout;
      }
      assert.match(log, /BusyBox/);
      const budget = await call("budget", "work", "--budget", "10ms", "--ceiling", "20ms", "--json");
      assert.is(budget.status, 0, budget.stderr);
      assert.is((JSON.parse(budget.stdout) as { cpu: { ceiling: number } }).cpu.ceiling, 20_000);
      const refused = await call("budget", "work", "--budget", "60ms", "--ceiling", "none");
      assert.is(refused.status, 10);
      assert.match(
        refused.stderr,
        /guaranteed CPU shares would exceed the limit: asked 60\.00 %, held by others 40\.00 %, limit 90\.00 %/,
      );
      assert.match((await call("budget", "work", "--memory", "1G")).stderr, /changes at the next start only/);
      assert.is((await call("pause", "personal")).status, 0);
      assert.match((await call("ls")).stdout, /personal +paused/);
      assert.match((await call("why", "personal")).stdout, /personal is paused/);
      const nobody = await call("pause", "nobody");
      assert.is(nobody.status, 2);
      assert.match(nobody.stderr, /there is no partition "nobody"[^]*Partitions: personal, work/);
      assert.is((await call("up", "--plain")).status, 10, "a second handset of the same name");
      assert.is((await call("down")).status, 0);
      const [status] = (await ended) as [number];
      assert.is(status, 0);
    } finally {
      up.kill("SIGKILL");
      await ended;
    }
  },
);

handset("without a handset, a command says what to do", async () => {
  const folder = temporaryFolder();
  const result = await pocketvisor(["ls"], { environment: { XDG_RUNTIME_DIR: folder } });
  assert.is(result.status, 10);
  assert.match(result.stderr, /no handset "demo" runs here[^]*pocketvisor up/);
});

handset.run();
