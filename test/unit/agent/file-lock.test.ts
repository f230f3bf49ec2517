// Locks on files: flock(2). Two processes never both write, readers share, the kernel lets go of a dead one's, and people hear who has it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL, fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { HostError } from "../../../agent/failure.js";
import { FileLock } from "../../../agent/file-lock.js";
import { DiskLocks } from "../../../agent/host/disk/locks.js";
import { programPath } from "../../../agent/paths.js";
import { testUnless } from "../../support/skip.js";
import { temporaryFolder } from "../../support/temporary.js";

const SOURCE = fileURLToPath(new URL("../../../agent/file-lock.ts", import.meta.url));
const LOADER = fileURLToPath(new URL("../../../node_modules/tsx/dist/loader.mjs", import.meta.url));
const missing = programPath("flock") === null ? "no flock program here" : null;
const locks = suite("file-lock");

/** Another process that takes a lock, says so, and holds it until it is killed. */
async function other(path: string, how: string, state: string): Promise<{ said: string; kill: () => Promise<void> }> {
  const program = `
    import { FileLock } from ${JSON.stringify(pathToFileURL(SOURCE).href)};
    try {
      FileLock.take(${JSON.stringify(path)}, ${JSON.stringify(how)}, { handset: "other", partition: "work" });
      console.log("taken");
      setInterval(() => {}, 1000);
    } catch (error) { console.log(error.code); }`;
  const args = ["--import", pathToFileURL(LOADER).href, "--input-type=module", "-e", program];
  const child = spawn(process.execPath, args, { env: { ...process.env, XDG_STATE_HOME: state } });
  const ended = once(child, "exit");
  const [said] = (await once(child.stdout.setEncoding("utf8"), "data")) as [string];
  return {
    said: said.trim(),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function code(body: () => unknown): string {
  try {
    body();
    return "taken";
  } catch (error) {
    if (!(error instanceof HostError)) throw error;
    return `${error.code}: ${error.message}`;
  }
}

testUnless(
  locks,
  missing,
  "one writer among processes; a killed one leaves nothing; the next hears who has it",
  async () => {
    const folder = temporaryFolder();
    process.env["XDG_STATE_HOME"] = folder;
    const path = join(folder, "image");
    writeFileSync(path, "x");
    linkSync(path, join(folder, "another name"));
    const me = { handset: "mine", partition: "" };
    const first = await other(path, "exclusive", folder);
    assert.is(first.said, "taken");
    for (const [name, how] of [
      ["image", "exclusive"],
      ["image", "shared"],
      ["another name", "exclusive"],
    ] as const) {
      assert.match(
        code(() => FileLock.take(join(folder, name), how, me)),
        /^LOCK_HELD: .* is in use by partition work of handset other: process \d+$/,
      );
    }
    await first.kill();
    const mine = FileLock.take(path, "shared", me);
    const reader = await other(path, "shared", folder);
    assert.is(reader.said, "taken");
    await reader.kill();
    const writer = await other(path, "exclusive", folder);
    assert.is(writer.said, "LOCK_HELD");
    await writer.kill();
    mine.release();
    const exclusive = FileLock.take(path, "exclusive", me);
    assert.match(
      code(() => FileLock.take(path, "shared", me)),
      /^LOCK_HELD/,
      "another descriptor of this process, too",
    );
    exclusive.release();
    assert.not.ok(existsSync(join(folder, "pocketvisor", ".locks")), "no note is left");
  },
);

testUnless(locks, missing, "partitions of one handset share an image, and its lock goes with the last", () => {
  const folder = temporaryFolder();
  process.env["XDG_STATE_HOME"] = folder;
  const path = join(folder, "image");
  writeFileSync(path, "x");
  const [mine, theirs] = [new DiskLocks("mine", true), new DiskLocks("theirs", true)];
  const writes = { path, readOnly: false };
  const letGo = mine.take("a", { path, readOnly: true });
  const letGoToo = mine.take("b", writes);
  assert.match(
    code(() => theirs.take("c", { path, readOnly: true })),
    /^LOCK_HELD/,
  );
  letGo();
  assert.match(
    code(() => theirs.take("c", writes)),
    /^LOCK_HELD/,
  );
  letGoToo();
  theirs.take("c", writes)();
  new DiskLocks("x", false).take("d", writes);
  theirs.take("c", writes)();
});

locks("without a flock program writing is refused, reading is not", () => {
  const folder = temporaryFolder();
  const path = join(folder, "image");
  writeFileSync(path, "x");
  const before = process.env["PATH"];
  process.env["PATH"] = folder;
  try {
    const me = { handset: "mine", partition: "" };
    assert.match(
      code(() => FileLock.take(path, "exclusive", me)),
      /^LOCK_ABSENT: .* no flock program/,
    );
    FileLock.take(path, "shared", me).release();
  } finally {
    process.env["PATH"] = before;
  }
});

locks.run();
