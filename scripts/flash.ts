// npm run flash: writes a board's image to a card.

import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { Failure, UsageError } from "../agent/failure.ts";
import { readFlashImage } from "./flash/source.ts";
import { checkTarget, FlashError, type Target } from "./flash/target.ts";
import { flash, openMedium, progressText } from "./flash/write.ts";

const HELP = `usage: npm run flash -- IMAGE DEVICE [--serial TEXT] [--emmc] [--dry-run]

Writes IMAGE (npm run image) over everything on DEVICE, such as /dev/sdb, and reads it back. It refuses partitions, disks of this computer, what is
mounted, holds swap, is read-only, too small or too large to be a card.

  --serial TEXT  the disk's serial number, instead of being asked for it
  --emmc         allows a phone's built-in memory
  --dry-run      looks at both, writes nothing`;

const PROGRESS_MS = 1000;

async function main(args: string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      serial: { type: "string" },
      emmc: { type: "boolean" },
      "dry-run": { type: "boolean" },
      help: { type: "boolean" },
    },
  });
  if (values.help === true) return console.log(HELP);
  const [path, device, ...more] = positionals;
  if (path === undefined || device === undefined || more.length > 0)
    throw new UsageError("USAGE", "name an image and a disk", HELP);
  const image = readFlashImage(path);
  const target = checkTarget(device, image.bytes, values.emmc === true);
  console.error(`${path}: ${image.board} ${image.version}, ${Math.round(image.bytes / 2 ** 20)} MiB`);
  console.error(`${target.path}: ${target.model}, ${(target.bytes / 2 ** 30).toFixed(1)} GiB, serial ${target.serial}`);
  if (image.untried) console.error(`nobody has started this image on a ${image.board} yet`);
  if (values["dry-run"] === true) return console.error("nothing was written");
  await confirm(target, values.serial ?? null);
  // Between the question and the answer somebody may have mounted it.
  checkTarget(device, image.bytes, values.emmc === true);
  const medium = openMedium(target.path);
  const began = Date.now();
  let told = 0;
  try {
    await flash(image, medium, (done) => {
      if (Date.now() - told < PROGRESS_MS && done < image.bytes) return;
      told = Date.now();
      console.error(
        done < image.bytes ? progressText(done, image.bytes, Date.now() - began) : "written; reading it back",
      );
    });
  } finally {
    medium.close();
  }
  console.error(`${target.path} holds the image. Take it out, put it into the ${image.board}, and start that.`);
}

async function confirm(target: Target, given: string | null): Promise<void> {
  const wrong = new FlashError(
    "FLASH_SERIAL",
    `that is not the serial number of ${target.path}`,
    "Nothing was written.",
  );
  if (given !== null) {
    if (given !== target.serial) throw wrong;
    return;
  }
  if (process.stdin.isTTY !== true)
    throw new UsageError("USAGE", "nobody is here to be asked", `Write --serial ${target.serial}`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await prompt.question(`EVERYTHING on it will be gone. Type its serial number to go on: `);
    if (answer.trim() !== target.serial) throw wrong;
  } finally {
    prompt.close();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const known = error instanceof Failure || (error as { code?: string }).code?.startsWith("ERR_PARSE_ARGS") === true;
  if (!known) throw error;
  const { message, code, hint = "" } = error as { message: string; code: string; hint?: string };
  console.error(`flash: ${message} [${code}]${hint === "" ? "" : `\n  ${hint}`}`);
  process.exitCode = 1;
}
