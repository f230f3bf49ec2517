// Sectors under AES-256-XTS (IEEE 1619-2007): each sector is a data unit of its own, its number is the tweak, so that every sector can be read
// and written alone. XTS hides contents. It does not notice who changes them: a changed sector reads as noise, an older one as it was.

import { createCipheriv, createDecipheriv } from "node:crypto";
import { SECTOR_BYTES } from "./block-store.ts";

/** Two AES-256 keys, one behind the other: for data, for tweaks (§5.1). */
export const DISK_KEY_BYTES = 64;
const ALGORITHM = "aes-256-xts";
const TWEAK_BYTES = 16;

export class SectorCipher {
  private readonly key: Buffer;

  /** `key` is copied. Throws a RangeError when it has not 64 bytes, or two equal halves, which XTS must not have. */
  constructor(key: Uint8Array) {
    if (key.length !== DISK_KEY_BYTES) throw new RangeError(`a disk's key has ${DISK_KEY_BYTES} bytes`);
    this.key = Buffer.from(key);
    const half = DISK_KEY_BYTES / 2;
    if (this.key.subarray(0, half).equals(this.key.subarray(half))) throw new RangeError("the halves of a key differ");
  }

  /** Encrypts whole sectors, the first of which has this number, into `target`. */
  encrypt(sector: number, source: Uint8Array, target: Uint8Array): void {
    for (let at = 0; at < source.length; at += SECTOR_BYTES, sector++) {
      const cipher = createCipheriv(ALGORITHM, this.key, tweakOf(sector));
      target.set(cipher.update(source.subarray(at, at + SECTOR_BYTES)), at);
    }
  }

  /** Decrypts whole sectors in place. */
  decrypt(sector: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; at += SECTOR_BYTES, sector++) {
      const decipher = createDecipheriv(ALGORITHM, this.key, tweakOf(sector));
      data.set(decipher.update(data.subarray(at, at + SECTOR_BYTES)), at);
    }
  }

  /** Nothing can be read or written any more. */
  forget(): void {
    this.key.fill(0);
  }
}

/** §5.1: the number of the data unit, least significant byte first. */
function tweakOf(sector: number): Buffer {
  const tweak = Buffer.alloc(TWEAK_BYTES);
  tweak.writeUIntLE(sector, 0, 6);
  return tweak;
}
