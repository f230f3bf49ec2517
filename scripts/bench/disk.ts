// What encryption at rest costs where a disk is served: requests of the sizes that guests make, on an encrypted disk and on a plain one.

import { randomBytes } from "node:crypto";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BLOCK_READ, BLOCK_WRITE } from "../../kernel/abi/layout.ts";
import { BlockStore, openDisk, DiskVault } from "../../agent/host/index.ts";
import { temporaryFolder } from "../../test/support/temporary.ts";
import { rowStart, type Measurement } from "./report.ts";

const DISK_BYTES = 32 << 20;
const SECTOR_BYTES = 512;

export async function measureDisk(runs: number): Promise<Measurement[]> {
  const folder = temporaryFolder();
  const [image, plain] = [join(folder, "image"), join(folder, "plain")];
  for (const path of [image, plain]) {
    writeFileSync(path, "");
    truncateSync(path, DISK_BYTES);
  }
  const encrypted = openDisk({
    ...{ path: image, readOnly: false },
    layer: new DiskVault(join(folder, "disks")).layerOver("bench", image),
  });
  const stores = { encrypted, plain: new BlockStore(plain, false) };
  const rows: Measurement[] = [];
  for (const kibibytes of [4, 32]) {
    for (const [word, operation] of [
      ["write", BLOCK_WRITE],
      ["read", BLOCK_READ],
    ] as const) {
      const bytes = kibibytes << 10;
      for (const name of ["encrypted", "plain"] as const) {
        const what = `${word}s of ${kibibytes} KiB on ${name === "plain" ? "a plain" : "an encrypted"} disk`;
        const row = rowStart(`disk-${word}-${kibibytes}k-${name}`, "MB/s", what, null, true);
        const data = randomBytes(bytes);
        for (let run = 0; run < runs; run++) {
          const started = performance.now();
          for (let at = 0; at < DISK_BYTES; at += bytes) stores[name].serve(operation, at / SECTOR_BYTES, bytes, data);
          row.ours.push(DISK_BYTES / 1000 / (performance.now() - started));
        }
        rows.push(row);
      }
    }
  }
  for (const store of Object.values(stores)) store.close();
  return rows;
}
