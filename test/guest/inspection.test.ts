// A debugger and a profile on a partition of a running handset: the others run on, and each use is in the audit.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { AuditView, HandsetView } from "../../agent/view.js";
import type { ProfileResult } from "../../agent/host/machine/profile.js";
import { gdb, missingGdb } from "../support/gdb.js";
import { withHandset, type HandsetProcess } from "../support/handset-process.js";
import { testUnless } from "../support/skip.js";

const PROGRAM = fileURLToPath(new URL("../../scripts/pocketvisor.mjs", import.meta.url));
const inspection = suite("inspection");

/** Starts `pocketvisor debug work`; `body` gets the socket's path. */
async function debugging(handset: HandsetProcess, body: (path: string) => Promise<void>): Promise<string> {
  const child = spawn(process.execPath, [PROGRAM, "debug", "work", "--handset", "small"], {
    env: { ...process.env, ...handset.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  let text = "";
  let opened: (path: string) => void = () => undefined;
  const path = new Promise<string>((resolve) => (opened = resolve));
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const found = /target remote (\S+)/.exec(text);
    if (found !== null) opened(found[1]!);
  });
  try {
    await body(await Promise.race([path, ended.then(() => Promise.reject(new Error(text)))]));
  } finally {
    child.kill("SIGINT");
    await ended;
  }
  return text;
}

async function instructions({ call }: HandsetProcess): Promise<Record<string, number>> {
  const { partitions } = JSON.parse((await call(["ls", "--json"])).stdout) as HandsetView;
  return Object.fromEntries(partitions.map((each) => [each.name, each.instructions]));
}

testUnless(
  inspection,
  missingGdb(),
  "debug: the partition stands and answers GDB over a socket of mode 0600, the other runs on, and it goes on after",
  async () => {
    await withHandset("", async (handset) => {
      await handset.press("work", "s");
      await handset.press("home", "s");
      await debugging(handset, async (path) => {
        assert.is(statSync(path).mode & 0o777, 0o600);
        const before = await instructions(handset);
        const said = await gdb(path, [
          `printf "@%08x\\n", $pc`,
          `printf "@%08x\\n", *(unsigned *)$pc`,
          "stepi",
          "detach",
        ]);
        assert.match(said, /@400100[0-9a-f]{2}\n@[0-9a-f]{8}/);
        const second = await handset.call(["debug", "work"]);
        assert.is(second.status, 2);
        assert.match(second.stderr, /somebody debugs work already \[DEBUG_TAKEN\]/);
        const after = await instructions(handset);
        assert.ok(after["home"]! > before["home"]!, "the other partition runs");
      });
      const left = await instructions(handset);
      for (let tries = 0; (await instructions(handset))["work"] === left["work"]; tries++) assert.ok(tries < 100);
      const { records } = JSON.parse((await handset.call(["audit", "--json"])).stdout) as AuditView;
      assert.ok(records.some(({ partition, text }) => partition === "work" && /attached a debugger/.test(text)));
    });
  },
);

inspection("debug: the socket is gone when the command has ended", async () => {
  await withHandset("", async (handset) => {
    let path = "";
    await debugging(handset, (at) => Promise.resolve(void (path = at)));
    for (let tries = 0; existsSync(path); tries++) {
      assert.ok(tries < 200);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});

inspection("profile: says where the guest is, as a table and as JSON, and is in the audit", async () => {
  await withHandset("", async (handset) => {
    await handset.press("work", "s");
    const table = await handset.call(["profile", "work", "--seconds", "0.5"]);
    assert.is(table.status, 0, table.stderr);
    assert.match(table.stdout, /400100[0-9a-f]{2}/);
    const { places } = JSON.parse(
      (await handset.call(["profile", "work", "--seconds", "0.5", "--json"])).stdout,
    ) as ProfileResult;
    assert.ok(places.every(({ address }) => address >= 0x4001_0000 && address < 0x4001_1000));
    assert.is((await handset.call(["profile", "work", "--seconds", "601"])).status, 2);
    const { records } = JSON.parse((await handset.call(["audit", "--json"])).stdout) as AuditView;
    assert.is(records.filter(({ text }) => /took a profile/.test(text)).length, 2);
  });
});

inspection.run();
