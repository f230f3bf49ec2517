// What an operator, an owner or a device does to have a document accepted. Keys stay where they are: a signer is asked for a signature, and
// may be a key in a file, a card or a service.

import { sealSign, sealSign1, signingInput, type Envelope, type MadeSignature } from "./cose.ts";
import { SCHEMAS, type DocumentKind, type DocumentOf } from "./kinds.ts";
import { DOCUMENT_BYTES_MAX, SIGNATURES_MAX } from "./limits.ts";
import { WireError } from "./error.ts";
import { encodeMessage, type Schema } from "./schema.ts";
import { kidOf, type Crypto } from "./signers.ts";

export interface Signer {
  /** The raw Ed25519 public key. */
  publicKey: Uint8Array;
  sign: (message: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

type Hash = Pick<Crypto, "sha256">;

/** The bytes that a document's signatures cover, and whose SHA-256 is its hash. Throws WIRE_SCHEMA. */
export function encodeDocument<K extends DocumentKind>(kind: K, document: DocumentOf<K>): Uint8Array {
  return encodeMessage(SCHEMAS[kind] as unknown as Schema<DocumentOf<K>>, document);
}

/** A document with one signature (COSE_Sign1). Throws WIRE_SCHEMA, and WIRE_SHAPE when it is larger than a device takes. */
export async function sign1<K extends DocumentKind>(
  kind: K,
  document: DocumentOf<K>,
  signer: Signer,
  hash: Hash,
): Promise<Uint8Array> {
  const payload = encodeDocument(kind, document);
  return sized(sealSign1(payload, await signatureOf(kind, payload, signer, "sign1", hash)));
}

/** A document with 2 to 8 signatures (COSE_Sign), each of another key. Throws as sign1() does, and WIRE_SCHEMA for their number. */
export async function signMany<K extends DocumentKind>(
  kind: K,
  document: DocumentOf<K>,
  signers: Signer[],
  hash: Hash,
): Promise<Uint8Array> {
  if (signers.length < 2 || signers.length > SIGNATURES_MAX) {
    throw new WireError("WIRE_SCHEMA", `${signers.length} signers: a threshold has 2 to ${SIGNATURES_MAX}`);
  }
  const payload = encodeDocument(kind, document);
  const made: MadeSignature[] = [];
  for (const signer of signers) made.push(await signatureOf(kind, payload, signer, "sign", hash));
  return sized(sealSign(payload, made));
}

async function signatureOf(
  kind: DocumentKind,
  payload: Uint8Array,
  signer: Signer,
  form: Envelope["form"],
  hash: Hash,
): Promise<MadeSignature> {
  const { protectedHeader, toBeSigned } = signingInput(kind, payload, kidOf(signer.publicKey, hash), form);
  return [protectedHeader, await signer.sign(toBeSigned)];
}

function sized(envelope: Uint8Array): Uint8Array {
  if (envelope.length <= DOCUMENT_BYTES_MAX) return envelope;
  throw new WireError("WIRE_SHAPE", `the signed document has ${envelope.length} bytes, ${DOCUMENT_BYTES_MAX} at most`);
}
