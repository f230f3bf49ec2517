// What devices have said that is worth keeping: events, refusals, answers, verdicts on their audit. One file a device, a line for each, wherever a process
// of the fleet runs; so who looks later learns of it too. Two processes that hear the same write it twice, and it is read once.

import { appendFileSync, readFileSync, renameSync, statSync } from "node:fs";
import { Bucket } from "../agent/bucket.ts";
import type { FleetStore } from "./store.ts";

export interface JournalLine {
  /** Seconds since 1970: when this computer heard it. */
  at: number;
  /** The device's name. */
  device: string;
  kind: "event" | "refusal" | "answer" | "audit" | "finding";
  /** What tells it apart from every other line of the device. */
  key: string;
  /** When it was, as the device says, in seconds since 1970. */
  time: number;
  /** RFC 5424 §6.2.1. */
  severity: number;
  /** Empty: the device itself. */
  partition: string;
  /** One word. */
  word: string;
  /** The rest, in words; escaped when it is shown. */
  detail: string;
}

/** Of one file; there are two, the older is dropped when the younger is full. */
const FILE_BYTES_MAX = 256 << 10;
const DETAIL_CHARACTERS_MAX = 512;
/** A device that floods gets so many lines at once, so many a second; the others are counted. */
const BURST = 200;
const PER_SECOND = 5;
const FOLDER = "events";

export class Journal {
  private readonly store: FleetStore;
  private readonly buckets = new Map<string, Bucket>();
  /** Lines that came too fast to be kept. */
  droppedCount = 0;

  constructor(store: FleetStore) {
    this.store = store;
  }

  /** Keeps a line. Throws the file system's error. */
  add(line: JournalLine): void {
    if (!this.bucketOf(line.device).take()) {
      this.droppedCount++;
      return;
    }
    this.store.makeFolder(FOLDER);
    const path = this.pathOf(line.device);
    if (sizeOf(path) >= FILE_BYTES_MAX) renameSync(path, `${path}.1`);
    const text = JSON.stringify({ ...line, detail: line.detail.slice(0, DETAIL_CHARACTERS_MAX) });
    appendFileSync(path, `${text}\n`, { mode: 0o600 });
  }

  /** What is kept of a device, oldest first, each once. Lines that a cut has torn are left out. */
  read(device: string): JournalLine[] {
    const path = this.pathOf(device);
    const lines = new Map<string, JournalLine>();
    for (const file of [`${path}.1`, path]) {
      for (const text of textOf(file).split("\n")) {
        const line = lineOf(text);
        const key = line === null ? "" : `${line.kind}/${line.key}`;
        if (line !== null && !lines.has(key)) lines.set(key, line);
      }
    }
    return [...lines.values()];
  }

  private pathOf(device: string): string {
    return this.store.path(FOLDER, `${device}.jsonl`);
  }

  private bucketOf(device: string): Bucket {
    const found = this.buckets.get(device) ?? new Bucket(BURST, PER_SECOND, () => performance.now());
    this.buckets.set(device, found);
    return found;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function textOf(path: string): string {
  return sizeOf(path) === 0 || sizeOf(path) > 4 * FILE_BYTES_MAX ? "" : readFileSync(path, "utf8");
}

function lineOf(text: string): JournalLine | null {
  try {
    const line = JSON.parse(text) as JournalLine;
    const texts = [line.device, line.kind, line.key, line.partition, line.word, line.detail];
    const numbers = [line.at, line.time, line.severity];
    const isWhole = texts.every((each) => typeof each === "string") && numbers.every(Number.isSafeInteger);
    return isWhole ? line : null;
  } catch {
    return null;
  }
}
