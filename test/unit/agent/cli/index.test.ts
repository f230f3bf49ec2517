// The command as scripts see it: exit statuses, and a reader that goes.

import { spawnSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { pocketvisor } from "../../../support/pocketvisor.js";
import { temporaryFolder } from "../../../support/temporary.js";

const command = suite("command");
const program = fileURLToPath(new URL("../../../../scripts/pocketvisor.mjs", import.meta.url));

command("a reader that goes, as in | head, ends it without a word", () => {
  for (const line of ["--help", "fleet --help", "doctor", "guest ls"]) {
    // The reader is gone before the first line: every write meets a closed pipe.
    const script = `{ sleep 1; '${process.execPath}' '${program}' ${line} 2>&3; echo "status $?" >&3; } | exec true`;
    const { output } = spawnSync("sh", ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe", "pipe"] });
    assert.is(output[3], "status 0\n", line);
  }
});

command("what this computer refuses is status 10, in words", async () => {
  const open = temporaryFolder();
  chmodSync(open, 0o777);
  for (const [folder, code] of [
    [open, "SOCKET_FOLDER"],
    [`/${"x".repeat(200)}`, "SOCKET_PATH"],
    [temporaryFolder(), "HANDSET_DOWN"],
  ] as const) {
    const { status, stderr } = await pocketvisor(["ls"], {
      environment: { XDG_RUNTIME_DIR: folder, POCKETVISOR_HANDSET: "demo" },
    });
    assert.is(status, 10, stderr);
    assert.match(stderr, new RegExp(`\\[${code}\\]`));
    assert.not.match(stderr, /internal error|\n +at /);
  }
});

command("a GDB port in use is an argument that cannot be taken: status 2, in words", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const guest = fileURLToPath(new URL("../../../guest/bare/beats.bin", import.meta.url));
  const { status, stderr } = await pocketvisor(["run", "--kernel", guest, "--gdb", String(port)]);
  server.close();
  assert.is(status, 2, stderr);
  assert.match(stderr, /cannot be listened on[^]*\[DEBUG_PORT\]/);
});

command.run();
