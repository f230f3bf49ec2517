// From the command to the guest's shell, and from `poweroff` to the end.

import type { GuestProcess } from "./guest-process.ts";
import { PROMPT, READY, startOurs } from "./ours.ts";
import { peerSameImage, peerZimage, RAM_MIB, startPeer } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

export async function measureBoot(runs: number, peer: boolean): Promise<Measurement[]> {
  const boot = rowStart("boot", "s", "start of the command to the shell, as a user runs it (peer: zImage)", 3);
  const same = rowStart("boot-same", "s", "start of the command to the shell, same raw Image on both", null);
  const mips = rowStart("mips-boot", "MIPS", "from the first instruction to power-off", 150, true);
  const start = rowStart("start", "ms", "start of the command to the first guest instruction", 500);
  const off = rowStart("power-off", "s", "poweroff typed to the end of the process", null);
  const zimage = !peer ? null : peerZimage("linux");
  const sameImage = !peer ? null : peerSameImage("linux");
  const bootOnce = async (guest: GuestProcess): Promise<[boot: number, off: number]> => {
    const ready = await guest.shown(READY);
    const typed = await guest.shown(PROMPT);
    guest.send("poweroff\n");
    return [ready / 1000, ((await guest.ended()) - typed) / 1000];
  };
  for (let run = 0; run < runs; run++) {
    const { guest, stats } = startOurs(["linux", "--memory", `${RAM_MIB}M`]);
    const [booted, ended] = await bootOnce(guest);
    boot.ours.push(booted);
    same.ours.push(booted);
    off.ours.push(ended);
    const counted = stats();
    mips.ours.push(counted["mips"]!);
    start.ours.push(counted["startMs"]!);
    if (zimage !== null) boot.peer.push((await bootOnce(startPeer(zimage)))[0]);
    if (sameImage !== null) {
      const [peerBooted, peerEnded] = await bootOnce(startPeer(sameImage));
      same.peer.push(peerBooted);
      off.peer.push(peerEnded);
    }
  }
  return [boot, same, mips, start, off];
}
