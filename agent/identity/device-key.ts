// Who a device is: an Ed25519 key that was made on it and never leaves it. Everything else follows from the public half: the device's id,
// which names it in topics, and the kid by which its signatures name it.

import { nodeCrypto } from "./crypto.ts";
import { toHex } from "../wire/bytes.ts";
import type { Signer } from "../wire/sign.ts";
import { kidOf } from "../wire/signers.ts";

/** A device's key, wherever its private half lies. */
export interface DeviceKey extends Signer {
  /** The first 16 bytes of SHA-256 of the raw public key. */
  readonly id: Uint8Array;
  /** The same as topics have it: 32 characters of hexadecimal. */
  readonly name: string;
  /** The first 8 bytes of SHA-256 of the raw public key. */
  readonly kid: Uint8Array;
}

/** A place for one device key: a file, or hardware that signs without giving the key away. */
export interface KeySlot {
  /** The key in the slot. One is made when the slot is empty. Throws a KeyError for a slot that cannot be used. */
  open(): Promise<DeviceKey>;
}

const ID_BYTES = 16;

/** The id of the device with this raw public key. */
export function deviceIdOf(publicKey: Uint8Array): Uint8Array {
  return nodeCrypto.sha256(publicKey).slice(0, ID_BYTES);
}

/** A key whose private half signs by `sign`. */
export function deviceKey(publicKey: Uint8Array, sign: Signer["sign"]): DeviceKey {
  const id = deviceIdOf(publicKey);
  return { publicKey, sign, id, name: toHex(id), kid: kidOf(publicKey, nodeCrypto) };
}
