// The terminal (or pipe) that a guest's console is attached to.
//
// A terminal is put into raw mode: every key goes to the guest, Ctrl-C too, but Ctrl-] leaves. The mode is restored whatever
// happens. From a pipe or file, bytes go to the guest as they are, no faster than it takes them.

import type { SinglePartition } from "../host/index.ts";

/** Ctrl-]. */
const LEAVE = 0x1d;

/** Attaches standard input; `leave` is called once for Ctrl-]. Returns the function that lets go of it. */
export function attachInput(partition: SinglePartition, leave: () => void): () => void {
  const { stdin } = process;
  const raw = stdin.isTTY === true;
  const restore = (): void => {
    if (raw) stdin.setRawMode(false);
  };
  if (raw) {
    stdin.setRawMode(true);
    process.once("exit", restore);
  }
  const onData = (chunk: Buffer): void => {
    const leaveAt = raw ? chunk.indexOf(LEAVE) : -1;
    const bytes = leaveAt < 0 ? chunk : chunk.subarray(0, leaveAt);
    // One chunk at a time: while the guest's queue is full, the source has to wait.
    stdin.pause();
    void partition.input(bytes).then(() => {
      if (leaveAt >= 0) leave();
      else stdin.resume();
    });
  };
  const onEnd = (): void => partition.endInput();
  stdin.on("data", onData);
  stdin.once("end", onEnd);
  // A closed or broken standard input is one that has ended.
  stdin.once("error", onEnd);
  return () => {
    stdin.off("data", onData);
    stdin.pause();
    restore();
    process.off("exit", restore);
  };
}

/** A function that writes to standard output and resolves when more can be taken. When the reader is gone, `gone` is called
 *  once, and later bytes are dropped. */
export function openOutput(gone: () => void): (chunk: Uint8Array) => Promise<void> {
  const { stdout } = process;
  let broken = false;
  let wake: (() => void) | null = null;
  stdout.on("error", () => {
    if (!broken) gone();
    broken = true;
    wake?.();
  });
  stdout.on("drain", () => wake?.());
  return (chunk) => {
    if (broken || stdout.write(chunk)) return Promise.resolve();
    return new Promise((resolve) => {
      wake = resolve;
    });
  };
}
