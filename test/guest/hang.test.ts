// A handset whose worker hangs ends with a status of its own and says why, on its terminal and to whoever asks over the control socket. The whole
// product is real but for its machine, whose run() never comes back.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { EXIT_HUNG } from "../../agent/cli/exit-codes.js";
import { hangingMachine } from "../support/hanging-machine.js";
import { temporaryFolder } from "../support/temporary.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const hang = suite("hang");

hang("up ends with its own status, and tells", async () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "build"));
  for (const name of readdirSync(join(root, "build")).filter((file) => /\.(mjs|js|wasm)$/.test(file))) {
    copyFileSync(join(root, "build", name), join(folder, "build", name));
  }
  copyFileSync(hangingMachine(), join(folder, "build", "machine.wasm"));
  symlinkSync(join(root, "boards"), join(folder, "boards"));
  const kernel = join(root, "test", "guest", "bare", "keys.bin");
  const file = join(folder, "hangs.yaml");
  writeFileSync(
    file,
    `handset: hangs\npartitions:\n  - { name: work, kernel: ${kernel}, memory: 1M, overhead: small }\n`,
  );
  const up = spawn(process.execPath, [join(folder, "build", "pocketvisor.mjs"), "up", file, "--plain"], {
    env: { ...process.env, XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  let answers = "";
  let closed: Promise<unknown> | null = null;
  up.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    said += chunk;
    if (closed !== null || !said.includes("envelope")) return;
    // It asks again and again: the handset hangs as soon as its partition runs.
    const client = connect(join(folder, "pocketvisor", "hangs.sock"));
    const ask = (): void => void (client.destroyed || client.write(`${JSON.stringify({ id: 1, command: "ls" })}\n`));
    client.setEncoding("utf8").on("data", (part: string) => {
      answers += part;
      if (part.endsWith("\n")) ask();
    });
    client.on("connect", ask).on("error", () => client.destroy());
    closed = new Promise((resolve) => client.once("close", resolve));
  });
  const [status] = (await once(up, "exit")) as [number];
  await closed;
  assert.is(status, EXIT_HUNG, said);
  assert.match(said, /the handset's worker hangs: it has not come round for 5 s/);
  assert.match(answers, /"error":\{"code":"HYPERVISOR_REFUSED","message":"snapshot: the handset's worker hangs/);
});

hang.run();
