// fleet image: says which files are an image's newest release, so that policies can allow it by name.

import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { basename } from "node:path";
import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import type { Image } from "../../agent/wire/documents.ts";
import { audienceOf, issue, rootPublication } from "../documents.ts";
import { signFreshness } from "../freshness.ts";
import { LINK, LINK_HELP, withLink } from "./link.ts";
import { daysOf, DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const DAYS = 365;
const FILES_MAX = 32;
const NAME = /^[a-z0-9-]{1,32}$/;

export const imageVerb: Verb = {
  name: "image",
  usage: "NAME RELEASE FILE…",
  summary: "signs an image's manifest, and sends it",
  help: `A policy that allows images by NAME (images: { channel: NAME }) allows the files of its manifest, from then on, and no others: the kernel that
a partition starts must be one of them. RELEASE is a number that rises.
  --to NAME           a device (32 characters), a group, or all (default all)
  --boards LIST       for these boards alone, separated by commas
  --days N            how long the manifest may be taken up (default ${DAYS})
  --dry-run           says what would be signed
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN, to: { type: "string" }, boards: { type: "string" }, days: { type: "string" } },
  positionalMax: 2 + FILES_MAX,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const name = needed(parsed, 0, "the image's name", "image");
    if (!NAME.test(name)) throw new UsageError("USAGE", "an image's name has 1 to 32 of a-z, 0-9 and -");
    const release = Number(needed(parsed, 1, "a release", "image"));
    if (!Number.isSafeInteger(release) || release < 0) throw new UsageError("USAGE", "a release is a whole number");
    needed(parsed, 2, "a file", "image");
    const files: Image["files"] = [];
    for (const path of parsed.positionals.slice(2)) files.push(await fileOf(path));
    const boards = parsed.text("boards")?.split(",");
    const body = { name, release, files, ...(boards === undefined ? {} : { boards }) };
    const to = parsed.text("to") ?? "all";
    const audience = audienceOf(to);
    const seconds = daysOf(parsed, "days", DAYS);
    for (const { file, size, hash } of files) io.say(`${file}: ${size} bytes, ${toHex(hash)}`);
    if (parsed.flag("dry-run")) {
      io.say("nothing was signed");
      return EXIT_OK;
    }
    const version = await withLink(parsed, store, io, async (link) => {
      const issued = await issue(store, "img", audience, body, io.now(), seconds);
      const time = await signFreshness(store, audience, io.now());
      for (const { topic, envelope } of [rootPublication(store), issued, time])
        await link.publish(topic, envelope, true);
      return issued.document.version;
    });
    if (parsed.flag("json")) io.out(JSON.stringify({ name, release, version, to, files: files.length }));
    else io.say(`${name} ${release} for ${to} is with the broker`);
    return EXIT_OK;
  },
};

/** A file as the manifest names it. Throws UsageError when it cannot be read. */
async function fileOf(path: string): Promise<Image["files"][number]> {
  const hash = createHash("sha256");
  try {
    const { size } = statSync(path);
    for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
    return { file: basename(path), size, hash: new Uint8Array(hash.digest()), urls: [] };
  } catch (error) {
    throw new UsageError("USAGE_FILE", `${path} cannot be read: ${(error as Error).message}`);
  }
}
