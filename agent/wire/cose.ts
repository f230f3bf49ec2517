// Envelopes: COSE_Sign1 (RFC 9052 §4.2) for one signer, COSE_Sign (§4.1) for a threshold, with exactly the headers alg, kid and typ,
// all protected. external_aad is "pv/1/" and the document's kind, so that no signature fits another kind.

import { decode, encode, type Item } from "./cbor.ts";
import { concatBytes } from "./bytes.ts";
import { WireError } from "./error.ts";
import { docType, kindOfType, typeOfKind, type DocumentKind } from "./kinds.ts";
import { DOCUMENT_BYTES_MAX, ENVELOPE, PROTECTED_HEADER, SIGNATURES_MAX } from "./limits.ts";
import { refuse } from "./reasons.ts";
import { bytes, embedded, list, literals, place, record, required, rule, tagged, tuple } from "./schema.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Ed25519 (RFC 9864); EdDSA (RFC 9053), deprecated there, is read too. */
const ED25519 = -19;
const EDDSA = -8;
export const KID_BYTES = 8;

export const prot = rule(
  "prot",
  record({
    algorithm: required(1, literals(ED25519, EDDSA)),
    kid: required(4, bytes(KID_BYTES)),
    type: required(16, docType),
  }),
);
const header = place(embedded(prot, PROTECTED_HEADER));
const unprotected = place(record({}));
const signatureBytes = place(bytes(64));
export const signature = rule("signature", tuple({ protected: header, unprotected, signature: signatureBytes }));
export const signed = rule(
  "signed",
  tagged(18, tuple({ protected: header, unprotected, payload: place(bytes()), signature: signatureBytes })),
);
export const multi = rule(
  "multi",
  tagged(
    98,
    tuple({
      protected: place(bytes(0, 0)),
      unprotected,
      payload: place(bytes()),
      signatures: place(list(signature, 2, SIGNATURES_MAX)),
    }),
  ),
);
const SIGN1_TAG = Uint8Array.of(0xd2);
const SIGN_TAG = Uint8Array.of(0xd8, 0x62);

/** One signature and what it was made over. */
export interface EnvelopeSignature {
  kid: Uint8Array;
  signature: Uint8Array;
  /** Made when it is asked for: each is a copy of the payload. */
  toBeSigned: () => Uint8Array;
}

export interface Envelope {
  form: "sign1" | "sign";
  kind: DocumentKind;
  payload: Uint8Array;
  signatures: EnvelopeSignature[];
}

/** Takes an envelope apart; nothing is verified yet. Throws a Refusal: empty, too-large, tag, envelope or header. */
export function openEnvelope(input: Uint8Array): Envelope {
  if (input.length === 0) refuse("empty", "an empty message");
  if (input.length > DOCUMENT_BYTES_MAX) refuse("too-large", `${input.length} bytes, ${DOCUMENT_BYTES_MAX} at most`);
  try {
    if (input[0] === SIGN1_TAG[0]) return openSign1(input.subarray(1));
    if (input[0] === SIGN_TAG[0] && input[1] === SIGN_TAG[1]) return openSign(input.subarray(2));
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    refuse(/\.(protected|unprotected)\b/.test(error.path) ? "header" : "envelope", error.message);
  }
  return refuse("tag", "the outer tag is neither 18 nor 98");
}

function openSign1(content: Uint8Array): Envelope {
  const body = signed.read(decode(content, ENVELOPE), "signed");
  const { kid, type } = body.protected.value;
  const kind = kindOfType(type);
  const toBeSigned = (): Uint8Array => sigStructure(kind, body.payload, body.protected.bytes, "sign1");
  return { form: "sign1", kind, payload: body.payload, signatures: [{ kid, signature: body.signature, toBeSigned }] };
}

function openSign(content: Uint8Array): Envelope {
  const { payload, signatures } = multi.read(decode(content, ENVELOPE), "multi");
  const [kind, ...others] = new Set(signatures.map((each) => kindOfType(each.protected.value.type)));
  if (kind === undefined || others.length > 0) refuse("header", "the signatures are of different types");
  return {
    form: "sign",
    kind,
    payload,
    signatures: signatures.map((each) => ({
      kid: each.protected.value.kid,
      signature: each.signature,
      toBeSigned: () => sigStructure(kind, payload, each.protected.bytes, "sign"),
    })),
  };
}

/** RFC 9052 §4.4: what is signed. COSE_Sign has a protected header of the body too; ours is empty. */
function sigStructure(
  kind: DocumentKind,
  payload: Uint8Array,
  protectedHeader: Uint8Array,
  form: Envelope["form"],
): Uint8Array {
  const aad = encodeUtf8(`pv/1/${kind}`)!;
  const none = new Uint8Array();
  return encode(
    form === "sign1"
      ? ["Signature1", protectedHeader, aad, payload]
      : ["Signature", none, protectedHeader, aad, payload],
  );
}

/** What a signer with this kid signs, and the header that goes into the envelope beside the signature. */
export function signingInput(
  kind: DocumentKind,
  payload: Uint8Array,
  kid: Uint8Array,
  form: Envelope["form"],
): { protectedHeader: Uint8Array; toBeSigned: Uint8Array } {
  const protectedHeader = encode(prot.write({ algorithm: ED25519, kid, type: typeOfKind(kind) }));
  return { protectedHeader, toBeSigned: sigStructure(kind, payload, protectedHeader, form) };
}

/** One header and its signature. */
export type MadeSignature = [protectedHeader: Uint8Array, signature: Uint8Array];

/** The bytes of a COSE_Sign1. */
export function sealSign1(payload: Uint8Array, [protectedHeader, made]: MadeSignature): Uint8Array {
  return concatBytes(SIGN1_TAG, encode([protectedHeader, new Map(), payload, made]));
}

/** The bytes of a COSE_Sign. */
export function sealSign(payload: Uint8Array, signatures: MadeSignature[]): Uint8Array {
  const made = signatures.map(([protectedHeader, each]): Item => [protectedHeader, new Map(), each]);
  return concatBytes(SIGN_TAG, encode([new Uint8Array(), new Map(), payload, made]));
}
