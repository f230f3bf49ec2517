// Reading what is inside an envelope, and opening one whose signer is known or names itself: what a fleet does with a device's documents.

import { openEnvelope } from "./cose.ts";
import { WireError } from "./error.ts";
import { SCHEMAS, type DocumentKind, type DocumentOf } from "./kinds.ts";
import { DOCUMENT } from "./limits.ts";
import { refuse } from "./reasons.ts";
import { decodeMessage, type Schema } from "./schema.ts";
import { keyOf, verifyEach, type Crypto } from "./signers.ts";

/** Reads a payload. Throws a Refusal: encoding or schema. */
export function decodeDocument<K extends DocumentKind>(kind: K, payload: Uint8Array): DocumentOf<K> {
  try {
    return decodeMessage(SCHEMAS[kind] as unknown as Schema<DocumentOf<K>>, payload, DOCUMENT);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return refuse(error.code === "WIRE_SCHEMA" ? "schema" : "encoding", error.message);
  }
}

/** Opens a document with one signature, of the key that `signer` tells: a device's that is known, or the one that the document names (an
 *  enrolment request proves that its sender has the key; whether it may enrol, its token tells). Times, audience and versions
 *  are the caller's. Throws a Refusal. */
export function openSigned<K extends DocumentKind>(
  kind: K,
  input: Uint8Array,
  signer: (document: DocumentOf<K>) => Uint8Array,
  crypto: Crypto,
): DocumentOf<K> {
  const envelope = openEnvelope(input);
  if (envelope.kind !== kind) refuse("topic", `a document of kind ${envelope.kind} where ${kind} belongs`);
  const [signature, ...others] = envelope.signatures;
  if (signature === undefined || others.length > 0) refuse("signer", "one signature is asked for");
  const document = decodeDocument(kind, envelope.payload);
  const key = keyOf(signature, [signer(document)], crypto) ?? refuse("signer", "signed by another key");
  verifyEach([[signature, key]], crypto);
  return document;
}
