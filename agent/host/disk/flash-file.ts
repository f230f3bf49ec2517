// The file that the second bank of a machine's flash is kept in: what firmware programs there, such as its boot entries, is there at the next start. The
// machine says which bytes have changed when the guest reads its array again (kernel/machine/devices/flash), and they are written then; the
// operating system brings them to the medium.

import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { BANK1 } from "../../../kernel/machine/memory-map.ts";
import { FLASH_WRITTEN } from "../../../kernel/abi/layout.ts";
import { escapeText } from "../../escape.ts";
import { HostError } from "../../failure.ts";
import type { Machine } from "../machine/machine.ts";

/** First offset and end of what has changed in bank 1. */
const [CHANGED, CHANGED_END] = [FLASH_WRITTEN + 8, FLASH_WRITTEN + 12];
const CHUNK = 1 << 20;

/** Makes the file as long as the bank, erased where it was shorter. Throws HostError when it is no file that can be written. */
export function prepareFlash(path: string, bankBytes: number): void {
  const descriptor = openFlash(path, constants.O_CREAT);
  try {
    const erased = Buffer.alloc(Math.min(bankBytes, CHUNK), 0xff);
    for (let at = fstatSync(descriptor).size; at < bankBytes;) {
      at += writeSync(descriptor, erased, 0, Math.min(erased.length, bankBytes - at), at);
    }
  } catch (error) {
    throw unusable(path, (error as Error).message);
  } finally {
    closeSync(descriptor);
  }
}

export class FlashFile {
  private descriptor: number | null;

  /** Null: nothing is kept. Throws HostError. */
  constructor(path: string | null) {
    this.descriptor = path === null ? null : openFlash(path, 0);
  }

  /** Writes what the guest has programmed or erased since the last call. False: it had to be left, and is tried again. */
  keep(machine: Machine | null): boolean {
    const { descriptor } = this;
    if (descriptor === null || machine === null) return true;
    const end = machine.word(CHANGED_END);
    if (end === 0) return true;
    const first = machine.word(CHANGED);
    try {
      writeSync(descriptor, machine.guestBytes(BANK1 + first, end - first), 0, end - first, first);
    } catch {
      return false;
    }
    machine.setWord(CHANGED, 0);
    machine.setWord(CHANGED_END, 0);
    return true;
  }

  /** The machine ends. */
  end(machine: Machine | null): void {
    this.keep(machine);
    if (this.descriptor !== null) closeSync(this.descriptor);
    this.descriptor = null;
  }
}

function openFlash(path: string, flags: number): number {
  let descriptor: number;
  try {
    // Opening a pipe must not wait.
    descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK | flags, 0o600);
  } catch (error) {
    throw unusable(path, (error as Error).message);
  }
  if (fstatSync(descriptor).isFile()) return descriptor;
  closeSync(descriptor);
  throw unusable(path, "it is no regular file");
}

function unusable(path: string, why: string): HostError {
  return new HostError("FLASH_FILE", `the flash file ${escapeText(path)} cannot be used: ${escapeText(why, 200)}`);
}
