// One partition's unlock code on disk: what scrypt (RFC 7914) makes of it, and how many tries were wrong since the last right one. A try is
// counted before it is looked at, so that cutting the power gives nobody another.

import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { readDurable, syncFolder, writeDurably } from "../../durable-file.ts";
import { HostError } from "../../failure.ts";
import { factsOf, type CodeFacts } from "../../policy/unlock.ts";

/** 16 MiB, and five passes over it: a quarter of a second of a phone's processor. */
const COST = { N: 1 << 14, r: 8, p: 5, maxmem: 32 << 20 };
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const FILE_BYTES_MAX = 16 << 10;
/** Hashes of earlier codes: wire.cddl allows a history of 24. */
const HISTORY_MAX = 24;

interface Kept extends CodeFacts {
  format: 1;
  salt: string;
  /** Of this code, then of those before it, newest first; all with one salt, so that a new code is hashed once. In hexadecimal. */
  hashes: string[];
  wrongCount: number;
}

export class CodeFile {
  private readonly path: string;
  private kept: Kept | null = null;
  /** Why it cannot be read; null: it can, or there is none. A lost code opens nothing. */
  readonly damage: HostError | null = null;

  /** `expected`: a code was set once, so a file that is not there is damage. */
  constructor(path: string, expected: boolean) {
    this.path = path;
    try {
      this.kept = this.read();
      if (this.kept === null && expected) throw this.damaged("it is not there, and a code was set");
    } catch (error) {
      if (!(error instanceof HostError)) throw error;
      this.damage = error;
    }
  }

  get facts(): CodeFacts | null {
    return this.kept;
  }

  /** Wrong tries in a row. */
  get wrongCount(): number {
    return this.kept?.wrongCount ?? 0;
  }

  /** One try. Throws the file system's error when it cannot be counted, and nothing is looked at then. */
  async isRight(code: string): Promise<boolean> {
    const { kept } = this;
    if (kept === null) return false;
    this.write({ ...kept, wrongCount: kept.wrongCount + 1 });
    const right = timingSafeEqual(await hashOf(code, kept.salt), Buffer.from(kept.hashes[0]!, "hex"));
    if (right) this.write({ ...kept, wrongCount: 0 });
    return right;
  }

  /** Sets the code, unless it is the present one or one of the `historyCount` before it: then false. */
  async set(code: string, historyCount: number, now: number): Promise<boolean> {
    const salt = this.kept?.salt ?? randomBytes(SALT_BYTES).toString("hex");
    const hash = (await hashOf(code, salt)).toString("hex");
    const before = this.kept?.hashes ?? [];
    if (before.slice(0, historyCount).includes(hash)) return false;
    this.write({
      ...factsOf(code, now),
      ...{ format: 1, salt, hashes: [hash, ...before].slice(0, HISTORY_MAX), wrongCount: 0 },
    });
    return true;
  }

  /** There is no code any more. */
  forget(): void {
    if (!existsSync(this.path)) return;
    this.kept = null;
    rmSync(this.path);
    syncFolder(dirname(this.path));
  }

  private write(kept: Kept): void {
    writeDurably(this.path, Buffer.from(JSON.stringify(kept)));
    this.kept = kept;
  }

  private read(): Kept | null {
    let bytes: Uint8Array | null;
    try {
      bytes = readDurable(this.path, FILE_BYTES_MAX);
      if (bytes === null) return null;
      const kept = JSON.parse(Buffer.from(bytes).toString("utf8")) as Kept;
      if (isKept(kept)) return kept;
    } catch (error) {
      throw this.damaged((error as Error).message);
    }
    throw this.damaged("it is not what was written");
  }

  private damaged(why: string): HostError {
    const hint = "Put it back from a copy; or the fleet wipes the partition, and a new code is set.";
    return new HostError("CODE_DAMAGED", `${this.path} cannot be read: ${why}`, hint);
  }
}

function isKept({ format, salt, hashes, quality, length, setAt, wrongCount }: Partial<Kept>): boolean {
  const isHex = (text: unknown, bytes: number): boolean =>
    typeof text === "string" && new RegExp(`^[0-9a-f]{${bytes * 2}}$`).test(text);
  return (
    format === 1 &&
    isHex(salt, SALT_BYTES) &&
    Array.isArray(hashes) &&
    hashes.length > 0 &&
    hashes.every((each) => isHex(each, HASH_BYTES)) &&
    (quality === "pin" || quality === "password") &&
    [length, setAt, wrongCount].every((each) => Number.isSafeInteger(each) && each! >= 0)
  );
}

function hashOf(code: string, salt: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One code typed on two keyboards is one code.
    scrypt(code.normalize("NFC"), Buffer.from(salt, "hex"), HASH_BYTES, COST, (error, hash) =>
      error === null ? resolve(hash) : reject(error),
    );
  });
}
