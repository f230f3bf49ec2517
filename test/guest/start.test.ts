// npm start ends whole: whichever signal ends it, neither broker nor handset nor agent is left behind.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { cacheFolder } from "../../agent/paths.js";
import { missingGuest } from "../support/linux.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(cacheFolder(), "..");
const start = suite("start");

interface Run {
  home: string;
  stderr: () => string;
  signal: (name: NodeJS.Signals) => void;
  ended: Promise<number | null>;
}

function run(command: string, args: string[], home: string): Run {
  const environment = { ...process.env, HOME: home, XDG_CACHE_HOME: cache, XDG_STATE_HOME: join(home, "state") };
  const child = spawn(command, args, {
    cwd: root,
    env: { ...environment, XDG_RUNTIME_DIR: "" },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  return { home, stderr: () => text, signal: (name) => void child.kill(name), ended };
}

/** Processes that were started with this home. */
function processesOf(home: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        if (!readFileSync(`/proc/${pid}/environ`, "latin1").includes(`HOME=${home}\0`)) return [];
        return [readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ")];
      } catch {
        return [];
      }
    });
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 600) throw new Error(what());
    await sleep(100);
  }
}

for (const [how, command, args, signal] of [
  ["SIGTERM to npm", "npm", ["start", "--", "--plain"], "SIGTERM"],
  ["SIGTERM", "node", ["scripts/bootstrap.mjs", "start", "--plain"], "SIGTERM"],
  ["SIGHUP", "node", ["scripts/bootstrap.mjs", "start", "--plain"], "SIGHUP"],
] as const) {
  testUnless(start, missingGuest(), `${how} ends everything that it has started`, async () => {
    const home = temporaryFolder();
    const it = run(command, [...args], home);
    await until(() => /overhead/.test(it.stderr()), it.stderr);
    assert.ok(processesOf(home).some((line) => line.includes("fleet broker")));
    it.signal(signal);
    await it.ended;
    await until(
      () => processesOf(home).length === 0,
      () => `left: ${processesOf(home).join("\n")}`,
    );
  });
}

testUnless(start, missingGuest(), "a broker's port that is taken is an error in words", async () => {
  const home = temporaryFolder();
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  mkdirSync(join(home, "state"), { recursive: true });
  // The broker listens where it listened last.
  const keys = run("node", ["scripts/pocketvisor.mjs", "fleet", "keys", "init"], home);
  assert.is(await keys.ended, 0, keys.stderr());
  const folder = readdirSync(join(home, "state"), { recursive: true, encoding: "utf8" }).find((each) =>
    each.endsWith("demo"),
  )!;
  const address = JSON.stringify({ port, password: "0123456789abcdef0123" });
  writeFileSync(join(home, "state", folder, "broker.json"), address, { mode: 0o600 });
  const it = run("node", ["scripts/bootstrap.mjs", "start", "--plain"], home);
  assert.is(await it.ended, 1);
  server.close();
  assert.match(it.stderr(), /cannot be listened on/);
  assert.match(it.stderr(), /npm start cannot start its broker/);
  assert.not.match(it.stderr(), /at .*\.ts:\d/);
  assert.equal(processesOf(home), []);
});

start.run();
