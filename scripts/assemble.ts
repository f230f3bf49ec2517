// npm run assemble: turns the bare-metal guests under test/guest/ into the flat binaries recorded beside them. Needs
// Debian's binutils for ARM; the recorded files are in the tree so that the tests do not.

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assembleFlat } from "./assembler.ts";
import { root } from "./stale.mjs";

if (process.argv.includes("--help")) {
  console.log("usage: npm run assemble\nAssembles test/guest/{bare,architecture}/*.S into the .bin files beside them.");
  process.exit(0);
}
for (const folder of ["test/guest/bare", "test/guest/architecture"].map((each) => join(root, each))) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".S"))) {
    const binary = assembleFlat(join(folder, name));
    writeFileSync(join(folder, name.replace(/\.S$/, ".bin")), binary);
    console.log(`${name}: ${binary.length} bytes`);
  }
}
