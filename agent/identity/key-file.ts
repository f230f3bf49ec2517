// A device key in a file: PKCS#8 (RFC 5958, RFC 8410) as PEM, which TLS takes as it is. The file is the user's alone from its first byte
// on; one that others can read has to be taken for known to them, so it is refused and not repaired.

import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { constants } from "node:fs";
import { link, mkdir, open, unlink, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure } from "../failure.ts";
import { deviceKey, type DeviceKey, type KeySlot } from "./device-key.ts";

/** A key cannot be used: KEY_EXPOSED, KEY_DAMAGED, KEY_UNREADABLE. */
export class KeyError extends Failure {}

const FILE_BYTES_MAX = 4096;
const OTHERS = 0o077;

/** A slot that is a file. Its folder is made when it is not there. */
export class KeyFile implements KeySlot {
  private readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  async open(): Promise<DeviceKey> {
    const key = (await this.read()) ?? (await this.make());
    const publicKey = Buffer.from(createPublicKey(key).export({ format: "jwk" }).x!, "base64url");
    return deviceKey(new Uint8Array(publicKey), (message) => new Uint8Array(sign(null, message, key)));
  }

  /** The key in the file; null when there is no file. */
  private async read(): Promise<KeyObject | null> {
    let file: FileHandle;
    try {
      // What is looked at is what is read: one descriptor, and no link is followed.
      file = await open(this.path, constants.O_RDONLY | constants.O_NOFOLLOW);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENOENT") return null;
      throw this.failure(
        "KEY_UNREADABLE",
        `cannot be opened (${code ?? "unknown error"})`,
        "Is it a file of this user?",
      );
    }
    try {
      const stat = await file.stat();
      const { mode, uid, size } = stat;
      const again = "Move it away and enrol the device again: it gets a new key.";
      if (!stat.isFile()) throw this.failure("KEY_UNREADABLE", "is no file", again);
      if ((mode & OTHERS) !== 0 || uid !== process.getuid!()) {
        const what = `can be read or changed by others (mode ${(mode & 0o777).toString(8)}, user ${uid})`;
        throw this.failure("KEY_EXPOSED", what, again);
      }
      const contents = size <= FILE_BYTES_MAX ? await file.readFile() : Buffer.alloc(0);
      const key = parse(contents);
      if (key?.asymmetricKeyType !== "ed25519") throw this.failure("KEY_DAMAGED", "holds no Ed25519 key", again);
      return key;
    } finally {
      await file.close();
    }
  }

  /** Makes a key and its file. The name appears when every byte is on the disk; when somebody was faster, theirs is the key. */
  private async make(): Promise<KeyObject> {
    const { privateKey } = generateKeyPairSync("ed25519");
    const folder = dirname(this.path);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.${randomBytes(8).toString("hex")}`;
    try {
      await written(await open(temporary, "wx", 0o600), privateKey.export({ type: "pkcs8", format: "pem" }));
      await link(temporary, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      const theirs = await this.read();
      if (theirs === null) throw error;
      return theirs;
    } finally {
      await unlink(temporary).catch(() => {});
    }
    await written(await open(folder, "r"));
    return privateKey;
  }

  private failure(code: string, what: string, hint: string): KeyError {
    return new KeyError(code, `the device key ${this.path} ${what}`, hint);
  }
}

/** Writes, and waits for the disk. */
async function written(file: FileHandle, contents?: string | Buffer): Promise<void> {
  try {
    if (contents !== undefined) await file.writeFile(contents);
    await file.sync();
  } finally {
    await file.close();
  }
}

function parse(contents: Buffer): KeyObject | null {
  try {
    return createPrivateKey(contents);
  } catch {
    return null;
  }
}
