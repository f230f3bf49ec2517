// The claims that every signed document has: a map of our own whose keys 1 … 7 mean what those of a CWT mean (RFC 8392 §4).

import { cmdId, epoch, name, secs, target, u53 } from "./common.ts";
import { optional, required, type RecordOf } from "./schema.ts";

export const claims = {
  /** iss: the authority. */
  issuer: required(1, name),
  /** aud: never omitted. */
  audience: required(3, target),
  /** nbf. */
  notBefore: optional(5, secs),
  /** exp. */
  expires: required(4, secs),
  /** iat. */
  issued: required(6, secs),
  /** cti. */
  id: required(7, cmdId),
  epoch: required(8, epoch),
  /** Rises strictly within its epoch. */
  version: required(9, u53),
};

export type Claims = RecordOf<typeof claims>;
