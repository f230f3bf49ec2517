// The rows of the speed bench: what runs in the guest, and which promise of SPECIFICATION.md each belongs to.

import { createHash } from "node:crypto";

/** What a row needs on this computer beside the guest: the cross compiler, or packages from a Debian mirror too. */
export type Need = "compiler" | "both";

export interface SpeedRow {
  name: string;
  what: string;
  /** Typed into the guest's shell: prints the markers of test/perf/speed/speed.h. */
  command: string;
  needs: Need;
}

const SHA_BYTES = 32 << 20;
const SHA_OF_ZEROS = createHash("sha256").update(Buffer.alloc(SHA_BYTES)).digest("hex");

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
/** A program that has no markers of its own (by its full path where it is Debian's: the guest's shell prefers busybox's), between the markers of `command`; `check` is outside of the clock. */
const between = (work: string, check: string): string => `/speed/command ${quoted(work)} ${quoted(check)}`;

// What the scripts find on other computers too.
const LUA_RESULT = "92 1512888290 1.6449332335";
const PERL_RESULT = "2262 1963159554";

/** Typed once after each boot, before any clock runs. */
export const PREPARATION = `dd if=/dev/zero of=/tmp/zeros bs=1M count=${SHA_BYTES >> 20} 2>/dev/null`;

const own = (name: string, what: string, command = name): SpeedRow => ({
  name,
  what,
  command: `/speed/${command}`,
  needs: "compiler",
});

const debian = (name: string, what: string, work: string, check: string): SpeedRow => ({
  name,
  what,
  command: between(work, check),
  needs: "both",
});

/** Rows that run in the guest's shell, in the order in which they are measured. */
export const SPEED_ROWS: SpeedRow[] = [
  own("integer", "lists, matrices, a state machine, a CRC; Thumb-2, as Debian compiles"),
  own("integer-arm", "the same compiled with -marm"),
  own("calls", "records and strings through small procedures"),
  own("pointer", "a random cycle through 2 MiB"),
  own("crc", "CRC-32 by table and bit by bit"),
  {
    name: "sha256",
    what: "busybox sha256sum of 32 MiB",
    command: between("sha256sum /tmp/zeros >/tmp/out", `grep -q ${SHA_OF_ZEROS} /tmp/out`),
    needs: "compiler",
  },
  debian(
    "gzip",
    "Debian's gzip of the corpus",
    "/bin/gzip -6 -n -c /speed/corpus >/tmp/out",
    "/bin/gzip -d -c /tmp/out | cmp - /speed/corpus",
  ),
  debian(
    "xz",
    "Debian's xz -1 of the corpus",
    "/usr/bin/xz -1 -c /speed/corpus >/tmp/out",
    "/usr/bin/xz -d -c /tmp/out | cmp - /speed/corpus",
  ),
  own("float-matrix", "double precision, products of matrices", "float matrix"),
  own("float-bodies", "double precision, five bodies: multiply, divide, square root", "float bodies"),
  own("float-fourier", "double precision, Fourier transforms", "float fourier"),
  debian(
    "lua",
    "Debian's Lua 5.4: tables, strings, closures",
    `/usr/bin/lua5.4 /speed/script.lua ${quoted(LUA_RESULT)} >/tmp/out`,
    "grep -q right /tmp/out",
  ),
  debian(
    "perl",
    "Debian's Perl: hashes, regular expressions, sorting",
    `/usr/bin/perl /speed/script.pl ${quoted(PERL_RESULT)} >/tmp/out`,
    "grep -q right /tmp/out",
  ),
  own("system-call", "getppid, 2,500,000 times", "system call"),
  own("fork-exec-wait", "a static program, 1,200 times", "system process"),
  own("page-fault", "122,880 first stores to a page, unmapping included", "system fault"),
  own("pipe", "a byte to another process and back, 25,000 times", "system pipe"),
];

/** Rows that are timed from the start of the process, with the guest as it was fetched. */
export const BOOT_ROWS: { name: string; what: string }[] = [
  { name: "boot", what: "start of the process to the shell, as a user runs it (peer: zImage)" },
  { name: "boot-same", what: "start of the process to the shell, same raw Image, initramfs and command line" },
];

/** A promise holds when the lowest ratio (the peer's time ÷ ours) of its rows reaches `atLeast`. */
export interface SpeedPromise {
  work: string;
  rows: string[];
  atLeast: number;
  aim: number;
}

export const SPEED_PROMISES: SpeedPromise[] = [
  { work: "integer loops, CoreMark-like", rows: ["integer", "integer-arm"], atLeast: 1, aim: 2 },
  { work: "Dhrystone-like, call-heavy", rows: ["calls"], atLeast: 1, aim: 1.5 },
  { work: "floating point", rows: ["float-matrix", "float-bodies", "float-fourier"], atLeast: 1, aim: 2 },
  { work: "scripting language, compression (Debian's)", rows: ["lua", "perl", "gzip", "xz"], atLeast: 0.8, aim: 1.2 },
  { work: "fork + exec + wait", rows: ["fork-exec-wait"], atLeast: 2, aim: 4 },
  { work: "null system call", rows: ["system-call"], atLeast: 5, aim: 8 },
  { work: "page fault", rows: ["page-fault"], atLeast: 1.5, aim: 3 },
  { work: "boot to shell as a user runs it", rows: ["boot"], atLeast: 2, aim: 4 },
  { work: "boot to shell, same raw Image", rows: ["boot-same"], atLeast: 1, aim: 1.5 },
];
