// The block log's keys. No nonce depends on a counter that somebody could set back: each life of an extent (its incarnation) has a key of its own,
// from 32 random bytes in its header, and within it the nonce is the unit's place, which is written once.

import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from "node:crypto";
import { LogError } from "./error.ts";
import { UNIT_BYTES, type Mac } from "./format.ts";

export const VOLUME_KEY_BYTES = 32;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const derive = (key: Uint8Array, salt: Uint8Array, what: string): Buffer =>
  Buffer.from(hkdfSync("sha256", key, salt, `pocketvisor/1/block-log/${what}`, KEY_BYTES));

export class Seal {
  private readonly volumeKey: Buffer;
  private readonly macKey: Buffer;
  private readonly nonce = Buffer.alloc(NONCE_BYTES);
  private readonly address = Buffer.alloc(4);

  constructor(volumeKey: Uint8Array) {
    if (volumeKey.length !== VOLUME_KEY_BYTES) throw new RangeError(`a volume key has ${VOLUME_KEY_BYTES} bytes`);
    this.volumeKey = Buffer.from(volumeKey);
    this.macKey = derive(volumeKey, new Uint8Array(0), "mac");
  }

  /** The code of some bytes, under the volume's key. */
  readonly mac: Mac = (...parts) => {
    const hmac = createHmac("sha256", this.macKey);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  };

  /** The key of one life of an extent. */
  keyOf(incarnation: Uint8Array): Buffer {
    return derive(this.volumeKey, incarnation, "extent");
  }

  /** Encrypts a unit into `target`; returns its tag. One key and unit are for one write. */
  close(key: Buffer, unit: number, address: number, plain: Uint8Array, target: Buffer): Buffer {
    const cipher = createCipheriv("aes-256-gcm", key, this.nonceOf(unit));
    cipher.setAAD(this.aad(address));
    cipher.update(plain).copy(target);
    cipher.final();
    return cipher.getAuthTag();
  }

  /** Decrypts a unit. Throws LogError LOG_UNIT where a bit of it, of its tag or of its place differs. */
  open(key: Buffer, unit: number, address: number, sealed: Uint8Array, tag: Buffer): Buffer {
    const decipher = createDecipheriv("aes-256-gcm", key, this.nonceOf(unit));
    decipher.setAAD(this.aad(address));
    decipher.setAuthTag(tag);
    const plain = decipher.update(sealed);
    try {
      decipher.final();
    } catch {
      throw new LogError("LOG_UNIT", `the unit ${address} is not what was written`, "The medium may be failing.");
    }
    if (plain.length !== UNIT_BYTES) throw new LogError("LOG_UNIT", `the unit ${address} is cut short`);
    return plain;
  }

  /** Forgets the keys. */
  destroy(): void {
    this.volumeKey.fill(0);
    this.macKey.fill(0);
  }

  private nonceOf(unit: number): Buffer {
    this.nonce.writeUInt32LE(unit, 0);
    return this.nonce;
  }

  private aad(address: number): Buffer {
    this.address.writeUInt32LE(address, 0);
    return this.address;
  }
}
