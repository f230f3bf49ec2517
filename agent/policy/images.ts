// Which kernel images a policy's image section leaves, as hashes. A section names them, or names a channel: then they are those of the channel's
// manifest, which the vendor has signed and the fleet has sent; without a manifest of that name nothing is allowed, because nobody has said what
// belongs to it.

import { toHex } from "../wire/bytes.ts";
import type { Image } from "../wire/documents.ts";
import type { Policy } from "../wire/policy.ts";

/** SHA-256 in hexadecimal of every file that may be started. */
export function allowedImages(
  { allowed, releaseLeast = 0 }: NonNullable<Policy["images"]>,
  manifests: readonly Image[],
): string[] {
  const recent = manifests.filter(({ release }) => release >= releaseLeast);
  const hashesOf = (images: readonly Image[]): string[] =>
    images.flatMap(({ files }) => files.map(({ hash }) => toHex(hash)));
  if (typeof allowed === "string") return hashesOf(recent.filter(({ name }) => name === allowed));
  const named = allowed.map(toHex);
  // A hash has no release but by a manifest that names it.
  return releaseLeast === 0 ? named : named.filter((hash) => hashesOf(recent).includes(hash));
}
