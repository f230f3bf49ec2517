// The systems that the speed bench compares, and a row's run in one of them.
//
// What counts is this process's clock between the two markers on the console: a guest's own clock could lie, and is kept beside
// it. In deterministic mode a guest's microsecond is 100 instructions, so that its own clock counts a row's instructions.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { guestFolder, readCachedGuest } from "../../agent/guests/cache.ts";
import { root } from "../stale.mjs";
import type { GuestProcess } from "./guest-process.ts";
import { PROMPT, READY, startOurs } from "./ours.ts";
import { peerSameImage, peerZimage, startPeer, type PeerBoard } from "./peer.ts";
import { PREPARATION, type SpeedRow } from "./speed-rows.ts";

export const SPEED_BOARD: PeerBoard = { cpu: "cortex-a15", ramMib: 128, initramfs: null };
/** A row, or a boot, that takes longer is killed with its system. */
const ROW_LIMIT_MS = 240_000;
/** One session runs every row once. */
const SESSION_LIMIT_MS = 1_800_000;
const INSTRUCTIONS_PER_NS = 0.1;
const SILENCE = `PS1=; stty -echo; ${PREPARATION}`;

export interface SpeedSystem {
  /** "off", "on" … for ours, by what --translate says; "qemu". */
  name: string;
  /** Starts it with an initramfs; null stands for the guest's own. */
  start(initramfs: string | null): StartedSystem;
  /** Starts it as a user would, with the guest's own initramfs; null when that cannot be done here. */
  startAsUser(): StartedSystem | null;
}

export interface StartedSystem {
  guest: GuestProcess;
  /** Our counters when the guest has ended; null for the peer. */
  stats: (() => Record<string, unknown>) | null;
}

export interface RowRun {
  seconds: number;
  /** What the guest's own clock said. */
  guestSeconds: number;
  /** "ok", or what was wrong. */
  verdict: string;
}

/** Whether this build's `run` has an option --translate. */
export function translates(): boolean {
  const help = spawnSync(process.execPath, [join(root, "scripts/pocketvisor.mjs"), "run", "--help"], {
    encoding: "utf8",
  });
  return help.stdout.includes("--translate");
}

/** Our side; `tier` goes to --translate, null where there is no such option. */
export function ourSystem(name: string, tier: string | null, more: string[] = []): SpeedSystem {
  const start = (initramfs: string | null): StartedSystem =>
    startOurs(
      [
        ...["linux", "--memory", `${SPEED_BOARD.ramMib}M`],
        ...(initramfs === null ? [] : ["--initrd", initramfs]),
        ...(tier === null ? [] : [`--translate=${tier}`]),
        ...more,
      ],
      SESSION_LIMIT_MS,
    );
  return { name, start, startAsUser: () => start(null) };
}

export function peerSystem(): SpeedSystem {
  const zimage = peerZimage("linux", SPEED_BOARD);
  const start = (args: string[]): StartedSystem => ({ guest: startPeer(args, SESSION_LIMIT_MS), stats: null });
  return {
    name: "qemu",
    start: (initramfs) => start(peerSameImage("linux", { ...SPEED_BOARD, initramfs })),
    startAsUser: () => (zimage === null ? null : start(zimage)),
  };
}

/** Seconds from the start of the process to the guest's shell; powers it off. */
export async function bootRun({ guest }: StartedSystem): Promise<number> {
  const ready = await guest.shown(READY);
  await guest.shown(PROMPT);
  guest.send("poweroff\n");
  await guest.ended();
  return ready / 1000;
}

/** Boots to a shell that says nothing of its own. */
export async function sessionStart(guest: GuestProcess): Promise<void> {
  await guest.shown(READY);
  await guest.shown(PROMPT);
  guest.send(`${SILENCE}; echo "be""gin"\n`);
  await guest.shown("begin\r\n");
}

/** Runs a row in a session. */
export async function sessionRun(guest: GuestProcess, row: SpeedRow): Promise<RowRun> {
  guest.send(`${row.command}\n`);
  return rowRun(guest);
}

/** Waits for both markers of the row that runs next. */
async function rowRun(guest: GuestProcess): Promise<RowRun> {
  const began = await guest.shown("speed-begin\r\n");
  const ended = await guest.shown("speed-end ");
  await guest.shown("\n");
  const [nanoseconds, ...verdict] = guest.lastText().trim().split(" ");
  return { seconds: (ended - began) / 1000, guestSeconds: Number(nanoseconds) / 1e9, verdict: verdict.join(" ") };
}

export async function sessionEnd(guest: GuestProcess): Promise<void> {
  guest.send("poweroff\n");
  await guest.ended();
}

/** How many instructions each row takes, by our counter: one deterministic run, which has its whole input from the start. */
export async function countInstructions(
  initramfs: string,
  rows: SpeedRow[],
  progress: (line: string) => void,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const { guest } = ourSystem("count", null, ["--deterministic"]).start(initramfs);
  guest.send([SILENCE, ...rows.map((row) => row.command), "poweroff"].map((line) => `${line}\n`).join(""));
  guest.sentAll();
  for (const row of rows) {
    const run = await withinLimit(guest, rowRun(guest));
    if (run instanceof Error) {
      progress(`${row.name}: its instructions, and those of the rows after it, were not counted: ${run.message}`);
      return counts;
    }
    const { guestSeconds, verdict } = run;
    if (verdict === "ok") counts.set(row.name, guestSeconds * 1e9 * INSTRUCTIONS_PER_NS);
    progress(
      `${row.name.padEnd(14)} ${verdict === "ok" ? `${(guestSeconds * 100).toFixed(0)} M instructions` : verdict}`,
    );
  }
  await guest.ended();
  return counts;
}

/** Waits for `work` of a system. A system that ends early or takes too long is killed, and what went wrong is the answer. */
export async function withinLimit<T>(guest: GuestProcess, work: Promise<T>): Promise<T | Error> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ROW_LIMIT_MS / 1000} s`)), ROW_LIMIT_MS);
  });
  try {
    return await Promise.race([work, late]);
  } catch (error) {
    guest.kill();
    work.catch(() => {});
    return error as Error;
  } finally {
    clearTimeout(timer);
  }
}

/** The fetched guest's identity, for the record. */
export function guestRecord(): Record<string, unknown> {
  const guest = readCachedGuest("linux")!;
  return {
    folder: guestFolder("linux"),
    packages: guest.packages,
    kernel: guest.kernel,
    commandLine: guest.commandLine,
  };
}
