// A folder for a test's files, gone when the process ends.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folders: string[] = [];
process.on("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new, empty folder. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "pocketvisor-test-"));
  folders.push(folder);
  return folder;
}

/** A file with these contents in a new folder. */
export function temporaryFile(contents: string | Uint8Array, name = "file"): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, contents);
  return path;
}
