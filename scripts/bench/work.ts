// Programs of the guest's own, in its shell.

import type { GuestProcess } from "./guest-process.ts";
import { PROMPT, READY, startOurs } from "./ours.ts";
import { peerSameImage, RAM_MIB, startPeer } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

/** Programs of the guest's own, timed between marks on the console. */
const WORK: [name: string, what: string, command: string][] = [
  ["sha256", "busybox sha256sum of 8 MiB", "dd if=/dev/zero bs=64k count=128 2>/dev/null | sha256sum"],
  ["gzip", "busybox gzip of 4 MiB", "cat /bin/busybox /bin/busybox /bin/busybox /bin/busybox | gzip | wc -c"],
  ["sort", "sort of 20,000 numbers", "sort -n /tmp/numbers | tail -1"],
  [
    "awk",
    "300,000 floating-point operations in awk",
    "awk 'BEGIN { for (n = 1; n <= 100000; n++) s += n / 7 * 1.5; print s }'",
  ],
  [
    "fork-exec",
    "1,000 times fork, exec, wait",
    "n=0; while [ $n -lt 1000 ]; do /bin/busybox true; n=$((n + 1)); done; echo $n",
  ],
];

const PREPARE = "awk 'BEGIN { for (n = 0; n < 20000; n++) print (n * 7919) % 100003 }' >/tmp/numbers";

export async function measureWork(runs: number, peer: boolean): Promise<Measurement[]> {
  const rows = WORK.map(([name, what]) => rowStart(name, "s", what, null));
  /** The first answer to each; every other run must give the same. */
  const answers: string[] = [];
  const runOnce = async (guest: GuestProcess, into: "ours" | "peer"): Promise<void> => {
    await guest.shown(READY);
    await guest.shown(PROMPT);
    guest.send(`${PREPARE}; PS1=; stty -echo; echo "be""gin"\n`);
    await guest.shown("begin\r\n");
    for (const [index, [name, , command]] of WORK.entries()) {
      guest.send(`echo "{"; echo "$(${command})}"\n`);
      const began = await guest.shown("{");
      const ended = await guest.shown("}");
      rows[index]![into].push((ended - began) / 1000);
      const answer = guest.lastText();
      answers[index] ??= answer;
      if (answer !== answers[index]) throw new Error(`${name} gave ${answer}, and before ${answers[index]}`);
    }
    guest.send("poweroff\n");
    await guest.ended();
  };
  for (let run = 0; run < runs; run++) {
    await runOnce(startOurs(["linux", "--memory", `${RAM_MIB}M`]).guest, "ours");
    if (peer) await runOnce(startPeer(peerSameImage("linux")), "peer");
  }
  return rows;
}
