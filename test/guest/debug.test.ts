// GDB on guests: a bare-metal one beside qemu-system-arm's own stub, and Linux.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { guestFolder, readCachedGuest } from "../../agent/guests/cache.js";
import { programPath } from "../../agent/paths.js";
import { guestPath, recordedOutput } from "./architecture/oracle.js";
import { debugged, gdb, missingGdb } from "../support/gdb.js";
import { missingGuest } from "../support/linux.js";
import { QEMU, virtArguments } from "../support/qemu-virt.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const noPeer = missingGdb() ?? (programPath(QEMU) === null ? `no ${QEMU} here` : null);
/** Where a flat binary is entered. */
const ENTRY = 0x4001_0000;
const debug = suite("debug");

/** The same GDB commands against the same guest on qemu-system-arm. */
async function onPeer(path: string, commands: string[]): Promise<string> {
  const socket = join(temporaryFolder(), "gdb");
  const board = virtArguments("cortex-a7", 64, "null");
  const peer = spawn(QEMU, [...board, "-kernel", path, "-S", "-gdb", `unix:path=${socket},server=on,wait=off`], {
    stdio: "ignore",
  });
  const closed = once(peer, "close");
  try {
    while (!existsSync(socket) && peer.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    // QEMU begins in a few instructions of its own.
    return await gdb(socket, [`tbreak *${ENTRY}`, "continue", ...commands]);
  } finally {
    peer.kill("SIGKILL");
    await closed;
  }
}

/** Between the marks: GDB's own chatter differs. */
function marked(text: string): string[] {
  return text.split("\n").filter((line) => line.startsWith("@"));
}

const STATE = `printf "@ %08x %08x %08x %08x %08x %08x %08x\\n", $pc, $cpsr, $r0, $r1, $r2, $sp, $lr`;
const continues = (count: number): string[] => Array.from({ length: count }, () => ["continue", STATE]).flat();
const steps = (count: number): string[] => Array.from({ length: count }, () => ["stepi", STATE]).flat();

for (const name of ["exceptions", "mmu"]) {
  testUnless(
    debug,
    noPeer,
    `${name}: steps, breakpoints, registers and memory are those of qemu-system-arm`,
    async () => {
      const path = guestPath(name, "bin");
      const commands = [
        // The loaders leave other things in registers and elsewhere.
        ...Array.from({ length: 13 }, (_, n) => `set $r${n} = ${n}`),
        "set $sp = 0x40100000",
        "set $lr = 0",
        "set $cpsr = 0x1d3",
        "set *(unsigned int *) 0x40f00000 = 0xcafe1234",
        `printf "@ %08x %04x\\n", *(unsigned int *) 0x40f00000, *(unsigned short *) 0x40f00002`,
        STATE,
        ...steps(100),
        // A place that is reached again and again.
        "break *$pc",
        ...continues(4),
        "delete",
        // With the MMU on: the vectors of undefined instruction, supervisor call and data abort, and their handlers.
        ...["break *4", "break *8", "break *16"],
        ...Array.from({ length: 3 }, () => [...continues(1), ...steps(25)]).flat(),
        "delete",
        `printf "@ %08x %08x\\n", *(unsigned int *) $pc, *(unsigned int *) $sp`,
      ];
      let ours = "";
      const result = await debugged(["--kernel", path, "--deterministic"], async (where) => {
        ours = await gdb(where, [...commands, "detach"]);
      });
      const [mine, theirs] = [marked(ours), marked(await onPeer(path, [...commands, "kill"]))];
      assert.is(mine.length, 1 + 1 + 100 + 4 + 3 * 26 + 1);
      assert.equal(mine, theirs);
      assert.is(result.status, 0, result.stderr);
      assert.fixture(result.stdout.replaceAll("\r", ""), recordedOutput(name), "the guest has noticed nothing");
    },
  );
}

testUnless(
  debug,
  missingGdb() ?? missingGuest(),
  "Linux: a system call at the vectors and in the kernel, its user's code, kernel text, detach, and power-off as ever",
  async () => {
    const guest = readCachedGuest("linux")!;
    const image = readFileSync(join(guestFolder("linux"), guest.kernel.name));
    // PAGE_OFFSET is 0xc0000000 and RAM begins at its bottom.
    const textAt = 0xc000_0000 + guest.textOffset;
    const bannerAt = textAt + image.indexOf("Linux version ");
    let text = "";
    const result = await debugged(
      ["linux"],
      async (where) => {
        text = await gdb(where, [
          // Before the first instruction: MMU off, virtual is physical.
          `printf "@ start %08x %08x\\n", $pc, *(unsigned int *) $pc`,
          // High vectors, supervisor call: nobody is there before there is a process.
          "hbreak *0xffff0008",
          "continue",
          `printf "@ call %08x %02x %u\\n", $pc, $cpsr & 0x3f, $r7 < 500`,
          `printf "@ user %04x\\n", *(unsigned short *) ($lr - 2)`,
          // The vector loads the kernel's entry from the next page.
          "set $entry = *(unsigned int *) 0xffff1000",
          "delete",
          "tbreak *$entry",
          "continue",
          `printf "@ entry %u\\n", $pc == $entry && $entry > ${textAt}`,
          "set $before = $pc",
          "stepi",
          "stepi",
          `printf "@ steps %u\\n", $pc == $before + 8`,
          `printf "@ banner %s\\n", (char *) ${bannerAt}`,
          `printf "@ nothing\\n"`,
          "print *(int *) 0x10",
          "detach",
        ]);
      },
      { input: "echo still here\npoweroff\n" },
    );
    const said = marked(text);
    assert.is(
      said[0],
      `@ start ${(0x4000_0000 + guest.textOffset).toString(16)} ${image.readUInt32LE(0).toString(16)}`,
    );
    assert.match(said[1]!, /^@ call ffff0008 13 1$/, "supervisor mode, ARM state, a call's number");
    assert.match(said[2]!, /^@ user df00$/, "svc 0 in Thumb state, below the return address");
    assert.equal(said.slice(3, 5), ["@ entry 1", "@ steps 1"]);
    assert.match(said[5]!, /^@ banner Linux version \d+\.\d+/);
    assert.is(result.status, 0, result.stderr);
    assert.match(result.stdout, /\nstill here\r\n/);
    assert.match(result.stderr, "the debugger has gone; the guest goes on");
  },
);

testUnless(
  debug,
  missingGdb() ?? missingGuest(),
  "Linux: watchpoints stop at the stores and loads of a system call, and the guest goes on when they are gone",
  async () => {
    let text = "";
    const result = await debugged(
      ["linux"],
      async (where) => {
        text = await gdb(where, [
          // A system call's entry: its first instructions store the user's registers on the kernel's stack.
          "hbreak *0xffff0008",
          "continue",
          "delete",
          "set $entry = *(unsigned int *) 0xffff1000",
          "tbreak *$entry",
          "continue",
          "set $frame = $sp",
          "set $number = $r7",
          // pt_regs is 72 bytes, and r7 lies at 28 of it.
          "set $slot = $frame - 72 + 28",
          "set *(unsigned int *) $slot = 0x12345678",
          "watch *(unsigned int *) $slot",
          "continue",
          `printf "@ written %u %u\\n", *(unsigned int *) $slot == $number, $pc - $entry < 64`,
          "delete",
          "rwatch *(unsigned int *) $slot",
          "continue",
          // Whoever returns to the user loads it.
          `printf "@ read %u\\n", *(unsigned int *) $slot == $number || $pc > 0xc0000000`,
          "delete",
          "awatch *(unsigned int *) $slot",
          "continue",
          `printf "@ access %u\\n", $pc > 0xc0000000`,
          "delete",
          "detach",
        ]);
      },
      { input: "echo still here\npoweroff\n" },
    );
    assert.equal(marked(text), ["@ written 1 1", "@ read 1", "@ access 1"], text);
    assert.is(result.status, 0, result.stderr);
    assert.match(result.stdout, /\nstill here\r\n/);
  },
);

debug.run();
