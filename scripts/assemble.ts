// npm run assemble: turns the bare-metal guests under test/ into the flat binaries recorded beside them. Needs Debian's
// binutils for ARM; the recorded files are in the tree so that the tests do not.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assembleFlat } from "./assembler.ts";
import { root } from "./stale.mjs";

const FOLDERS = [
  "test/guest/bare",
  "test/guest/architecture",
  "test/guest/channel",
  "test/isa/system",
  "test/perf/bare",
];

if (process.argv.includes("--help")) {
  console.log(
    `usage: npm run assemble\nAssembles the sources (.S) in ${FOLDERS.join(", ")} into the .bin files beside them.`,
  );
  process.exit(0);
}
for (const folder of FOLDERS) {
  for (const name of readdirSync(join(root, folder)).filter((file) => file.endsWith(".S"))) {
    const binary = assembleFlat(join(root, folder, name));
    writeFileSync(join(root, folder, name.replace(/\.S$/, ".bin")), binary);
    console.log(`${folder}/${name}: ${binary.length} bytes`);
  }
}
