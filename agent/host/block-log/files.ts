// The files of a block log: a folder, behind an interface that tests put a failing medium behind.

import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { syncFolder } from "../../durable-file.ts";

/** Every method throws the file system's error. What is written is safe after sync(); a name that was made, changed or removed, after
 *  syncNames(). */
export interface Files {
  list(): string[];
  /** Bytes from `at` on, fewer at the end of the file. */
  read(name: string, at: number, length: number): Buffer;
  write(name: string, at: number, bytes: Uint8Array): void;
  create(name: string): void;
  rename(from: string, to: string): void;
  remove(name: string): void;
  size(name: string): number;
  sync(name: string): void;
  syncNames(): void;
  close(): void;
}

const NAME = /^(super|x[0-9a-f]{8}|reserve-\d)$/;

export class FolderFiles implements Files {
  private readonly folder: string;
  private readonly readOnly: boolean;
  private readonly open = new Map<string, number>();

  /** Makes the folder where it is not there. */
  constructor(folder: string, readOnly = false) {
    this.folder = folder;
    this.readOnly = readOnly;
    if (!readOnly) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  list(): string[] {
    return readdirSync(this.folder).filter((name) => NAME.test(name));
  }

  read(name: string, at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.descriptor(name), bytes, done, length - done, at + done);
      if (count === 0) break;
      done += count;
    }
    return bytes.subarray(0, done);
  }

  write(name: string, at: number, bytes: Uint8Array): void {
    const descriptor = this.descriptor(name);
    for (let done = 0; done < bytes.length;) done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  }

  create(name: string): void {
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    this.open.set(name, openSync(join(this.folder, name), flags, 0o600));
  }

  rename(from: string, to: string): void {
    this.forget(to);
    renameSync(join(this.folder, from), join(this.folder, to));
    const descriptor = this.open.get(from);
    this.open.delete(from);
    if (descriptor !== undefined) this.open.set(to, descriptor);
  }

  remove(name: string): void {
    this.forget(name);
    unlinkSync(join(this.folder, name));
  }

  size(name: string): number {
    return fstatSync(this.descriptor(name)).size;
  }

  sync(name: string): void {
    fdatasyncSync(this.descriptor(name));
  }

  syncNames(): void {
    syncFolder(this.folder);
  }

  close(): void {
    for (const descriptor of this.open.values()) closeSync(descriptor);
    this.open.clear();
  }

  private descriptor(name: string): number {
    let descriptor = this.open.get(name);
    if (descriptor === undefined) {
      const access = this.readOnly ? constants.O_RDONLY : constants.O_RDWR;
      // A FIFO or a link in the folder is not ours.
      const flags = access | constants.O_NOFOLLOW | constants.O_NONBLOCK;
      this.open.set(name, (descriptor = openSync(join(this.folder, name), flags)));
    }
    return descriptor;
  }

  private forget(name: string): void {
    const descriptor = this.open.get(name);
    if (descriptor !== undefined) closeSync(descriptor);
    this.open.delete(name);
  }
}
