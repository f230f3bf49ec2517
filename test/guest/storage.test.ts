// A partition with a storage of its own: its guest's requests go to the block log, and the next start of the handset finds it.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { withHandset, type HandsetProcess } from "../support/handset-process.js";
import { temporaryFolder } from "../support/temporary.js";

const test = suite("guest/storage");

const DISK_GUEST = fileURLToPath(new URL("bare/disk.bin", import.meta.url));
const STORE = `  - { name: store, kernel: ${DISK_GUEST}, memory: 1M, overhead: small, storage: 8M }\n`;

interface Listed {
  partitions: { name: string; state: string; io: { used: number }[] }[];
}

/** Types a key, and waits until that many disk operations more are done. */
async function works(handset: HandsetProcess, key: string, count: number): Promise<void> {
  const operations = async (): Promise<number> => {
    const { stdout } = await handset.call(["ls", "--json"]);
    const { partitions } = JSON.parse(stdout) as Listed;
    const store = partitions.find(({ name }) => name === "store")!;
    assert.is(store.state, "running");
    return store.io[0]!.used;
  };
  const goal = (await operations()) + count;
  await handset.press("store", key);
  for (let looks = 0; (await operations()) < goal; looks++) {
    assert.ok(looks < 200, `${key}: requests come back`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { stdout } = await handset.call(["log", "store"]);
  assert.not.match(stdout, /error/, key);
}

test("a guest writes, flushes and reads its storage; the next start of the handset has it again", async () => {
  const folder = temporaryFolder();
  await withHandset(
    STORE,
    async (handset) => {
      await handset.says(/store: .* overhead/);
      await works(handset, "w", 40);
      await works(handset, "f", 4);
    },
    folder,
  );
  const log = join(folder, "pocketvisor/small/monitor/disks/store/log");
  assert.ok(existsSync(join(log, "super")));
  assert.ok(
    readdirSync(log).some((name) => name.startsWith("x")),
    "extents",
  );
  await withHandset(
    STORE,
    async (handset) => {
      await handset.says(/store: .* overhead/);
      await works(handset, "r", 40);
      await works(handset, "z", 4);
      await works(handset, "f", 4);
    },
    folder,
  );
});

test.run();
