// Tight integer loops without an operating system.

import type { GuestProcess } from "./guest-process.ts";
import { LOOPS, startOurs } from "./ours.ts";
import { peerFlat, startPeer } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

export async function measureLoops(runs: number, peer: boolean): Promise<Measurement[]> {
  const mips = rowStart("mips-loops", "MIPS", "all three loops", 300, true);
  const loops = ["crc", "table", "sieve"].map((name) =>
    rowStart(`loop-${name}`, "s", `test/perf/bare/loops.S, ${name}`, null),
  );
  const marks = ["crc\n", "tab\n", "sev\n", "end\n"];
  const runOnce = async (guest: GuestProcess, into: "ours" | "peer"): Promise<void> => {
    let before = await guest.shown(marks[0]!);
    for (const [index, loop] of loops.entries()) {
      const at = await guest.shown(marks[index + 1]!);
      loop[into].push((at - before) / 1000);
      before = at;
    }
    await guest.ended();
  };
  for (let run = 0; run < runs; run++) {
    const { guest, stats } = startOurs(["--kernel", LOOPS]);
    await runOnce(guest, "ours");
    mips.ours.push(stats()["mips"]!);
    if (peer) await runOnce(startPeer(peerFlat(LOOPS)), "peer");
  }
  return [mips, ...loops];
}
