// npm run image: a board's disk image, from Debian's packages, npm's Node and build/.

import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { escapeText } from "../agent/escape.ts";
import { Failure, UsageError } from "../agent/failure.ts";
import { buildImage, type BuiltImage } from "./image/build.ts";
import { ImageBuildError } from "./image/failure.ts";
import { lockPath, readLock, writeLock } from "./image/lock.ts";
import { PackageStore } from "./image/packages.ts";
import { missingPrograms } from "./image/program.ts";
import { imageBoards, readRecipe } from "./image/recipe.ts";
import { mebibytes } from "./image/slot.ts";
import { isStale, NEEDED, root } from "./stale.mjs";

const PROGRAMS = ["apt-get", "dpkg-deb", "npm", "mksquashfs", "mkfs.fat", "mmd", "mcopy", "mke2fs", "zstd"];
const HELP = `usage: npm run image -- BOARD [--out FILE] [--handset FILE] [--lock FILE] [--update] [--fetch] [--dry-run] [--json]

Builds the disk image of a board (${imageBoards().join(", ")}): boot partition, two root slots under dm-verity, data. Nothing is mounted, and nobody needs to be root.
What it is made of is fixed by boards/BOARD/image.lock.json: the same lock and product give the same bytes.

  --out FILE      default: build/images/BOARD.img; FILE.json says what it is
  --handset FILE  the handset that it runs; kernels that the file names must lie beside it
  --lock FILE     another lock than the board's
  --fetch         fetches what the lock names into the cache, and builds nothing
  --update        renews the lock from the mirrors first
  --dry-run       says what would be fetched and built
  --json          what was built, as JSON`;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      out: { type: "string" },
      handset: { type: "string" },
      lock: { type: "string" },
      update: { type: "boolean" },
      fetch: { type: "boolean" },
      "dry-run": { type: "boolean" },
      json: { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return console.log(HELP);
  const [board, ...more] = positionals;
  if (board === undefined || more.length > 0) throw new UsageError("USAGE", "name one board", HELP);
  const recipe = readRecipe(board);
  const say = (line: string): void => console.error(`image: ${line}`);
  const missing = missingPrograms([...PROGRAMS, ...(board === "qemu-virt" ? ["iasl"] : [])]);
  if (missing !== null) throw new ImageBuildError("IMAGE_PROGRAM", missing);
  const path = values.lock === undefined ? lockPath(board) : resolve(values.lock);
  if (values.update === true)
    writeLock(path, await new PackageStore(say).resolve(recipe, Math.floor(Date.now() / 86_400_000) * 86_400));
  const lock = readLock(board, path);
  const out = resolve(values.out ?? `build/images/${board}.img`);
  if (values["dry-run"] === true) {
    for (const { name, version } of [...lock.debian, ...lock.npm]) say(`${name} ${version}`);
    return say(`would build ${escapeText(out)}`);
  }
  if (values.fetch === true) {
    const store = new PackageStore(say);
    for (const wanted of lock.debian) await store.debian(recipe, wanted);
    for (const wanted of lock.npm) store.npm(wanted);
    return;
  }
  if (NEEDED.some(isStale)) {
    const builder = join(root, "scripts/bootstrap.mjs");
    const { status } = spawnSync(process.execPath, [builder, "build", "--quiet"], { stdio: ["ignore", 2, 2] });
    if (status !== 0) throw new ImageBuildError("IMAGE_STALE", "the product does not build", "See above.");
  }
  const handset = values.handset === undefined ? null : resolve(values.handset);
  const built = await buildImage(recipe, lock, { out, handset, progress: say });
  if (values.json === true) console.log(JSON.stringify(built));
  else tell(built);
}

function tell({ file, bytes, sha256, rootHash, sizes, measurement, untried, board }: BuiltImage): void {
  console.log(`${file}: ${mebibytes(bytes)}, sha256 ${sha256}`);
  for (const [name, size] of Object.entries(sizes)) console.log(`  ${name.padEnd(10)} ${mebibytes(size)}`);
  console.log(`  root hash  ${rootHash}`);
  for (const [name, hash] of Object.entries(measurement)) console.log(`  ${name.padEnd(10)} ${hash}`);
  if (untried) console.log(`This image was checked for its structure; nobody has started it on a ${board} yet.`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Failure || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!known) throw error;
  const { message, code, hint = "" } = error as { message: string; code: string; hint?: string };
  console.error(`image: ${message} [${code}]${hint === "" ? "" : `\n  ${hint}`}`);
  process.exitCode = 1;
}
