// Files that become part of a guest: whatever lies at a path, looking at it ends at once.

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { imageFile, imageRead, withRegularFile } from "../../../../../agent/host/loader/image-file.js";
import { BlockStore } from "../../../../../agent/host/disk/block-store.js";
import { sha256OfFile } from "../../../../../agent/host/disk/image-files.js";
import { assertFails } from "../../../../support/failure.js";
import { temporaryFolder } from "../../../../support/temporary.js";

const images = suite("image-file");

/** Puts something that is no regular file at `path`. */
const OTHERS: Record<string, (path: string) => void> = {
  "a FIFO": (path) => assert.is(spawnSync("mkfifo", [path]).status, 0),
  "a folder": (path) => mkdirSync(path),
};

for (const [what, make] of Object.entries(OTHERS)) {
  images(`${what} is refused without waiting for it, at the start and when it took a file's place later`, () => {
    const path = join(temporaryFolder(), "image");
    writeFileSync(path, "kernel");
    const file = imageFile(path, "kernel");
    assert.is(imageRead(file, 1, 3).toString(), "ern");
    rmSync(path);
    make(path);
    assertFails("IMAGE_NOT_A_FILE", () => imageFile(path, "kernel"));
    assertFails("IMAGE_NOT_A_FILE", () => imageRead(file, 0, 1));
    assertFails("IMAGE_NOT_A_FILE", () => withRegularFile(path, "kernel", () => assert.unreachable()));
    assertFails("IMAGE_UNREADABLE", () => sha256OfFile({ path, sha256: null }));
    assertFails("DISK_FORMAT", () => new BlockStore(path, true));
    rmSync(path, { recursive: true });
    assertFails("IMAGE_UNREADABLE", () => withRegularFile(path, "kernel", () => assert.unreachable()));
  });
}

images.run();
