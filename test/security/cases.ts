// What the tests of this folder share: one case in one line, and bytes that are signed whatever they say.

import type { Test } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../agent/identity/crypto.js";
import type { AcceptedKind, Via } from "../../agent/wire/accept.js";
import { fromHex, toHex } from "../../agent/wire/bytes.js";
import { encode, type Item } from "../../agent/wire/cbor.js";
import { sealSign, sealSign1, signingInput, type MadeSignature } from "../../agent/wire/cose.js";
import { SCHEMAS, type DocumentKind } from "../../agent/wire/kinds.js";
import { kidOf } from "../../agent/wire/signers.js";
import type { Trust } from "../../agent/wire/trust.js";
import { fleetTrust, GOOD, judge, KEYS, NOW, SIGNERS, wordOf, type TestKey } from "../support/signed.js";

export const KINDS = Object.keys(SIGNERS) as AcceptedKind[];

/** Adds one case: what is sent, to which device, and in one word what becomes of it. With `rtc` alone nobody has told it the time. */
export type Expect = (
  what: string,
  word: string,
  make: () => Promise<Uint8Array> | Uint8Array,
  to: AcceptedKind | Via,
  device?: { trust?: () => Trust; rtc?: number; session?: number },
) => void;

export function expectIn(suite: Test): Expect {
  return (what, word, make, to, device = {}) => {
    suite(`${what}: ${word}`, async () => {
      const input = await make();
      const trust = device.trust?.() ?? fleetTrust();
      const { rtc = NOW, session = device.rtc === undefined ? NOW : null } = device;
      const verdict = judge(input, to, { trust, rtc, session });
      assert.is(wordOf(verdict), word, verdict.verdict === "refused" ? verdict.detail : "");
    });
  };
}

/** Signs any bytes as if they were a document's. */
export async function sealed(
  kind: DocumentKind,
  payload: Uint8Array,
  signers: readonly TestKey[],
): Promise<Uint8Array> {
  const form = signers.length === 1 ? "sign1" : "sign";
  const made = signers.map((signer): MadeSignature => {
    const { protectedHeader, toBeSigned } = signingInput(kind, payload, kidOf(signer.publicKey, nodeCrypto), form);
    return [protectedHeader, signer.sign(toBeSigned) as Uint8Array];
  });
  return form === "sign1" ? sealSign1(payload, made[0]!) : sealSign(payload, made);
}

/** A policy with other items at some of its keys; undefined takes one away. */
export function policyItems(changes: [number, Item | undefined][]): Uint8Array {
  const map = SCHEMAS.pol.write(GOOD.pol()) as Map<number, Item>;
  for (const [key, item] of changes) {
    if (item === undefined) map.delete(key);
    else map.set(key, item);
  }
  return encode(map);
}

/** The payload under the policy key's signature. */
export const policyPayload = (payload: Uint8Array) => (): Promise<Uint8Array> => sealed("pol", payload, [KEYS.policy]);

/** A policy with these bytes at one of its keys. */
export function policyHex(key: number, hex: string): () => Promise<Uint8Array> {
  const marker = 77_777_777;
  const text = toHex(policyItems([[key, marker]])).replace(toHex(encode(marker)), hex.replaceAll(" ", ""));
  return policyPayload(fromHex(text)!);
}

export const bytesOf = (hex: string): Uint8Array => fromHex(hex.replaceAll(" ", ""))!;
