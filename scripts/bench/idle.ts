// What a guest costs that does nothing.

import type { GuestProcess } from "./guest-process.ts";
import { PROMPT, READY, startOurs } from "./ours.ts";
import { peerSameImage, RAM_MIB, startPeer } from "./peer.ts";
import { rowStart, type Measurement } from "./report.ts";

const IDLE_SECONDS = 20;

export async function measureIdle(_runs: number, peer: boolean): Promise<Measurement[]> {
  const idle = rowStart("idle", "% of a core", `a guest in sleep ${IDLE_SECONDS}, its process's CPU`, 0.6);
  const runOnce = async (guest: GuestProcess): Promise<number> => {
    await guest.shown(READY);
    await guest.shown(PROMPT);
    guest.send(`sleep 1; echo "be""gin"; sleep ${IDLE_SECONDS}; echo "en""d"\n`);
    await guest.shown("begin");
    // What the guest does right after its first second is not idling yet.
    const before = guest.cpuMs();
    await guest.shown("end");
    const share = (100 * (guest.cpuMs() - before)) / (IDLE_SECONDS * 1000);
    guest.send("poweroff\n");
    await guest.ended();
    return share;
  };
  idle.ours.push(await runOnce(startOurs(["linux", "--memory", `${RAM_MIB}M`]).guest));
  if (peer) idle.peer.push(await runOnce(startPeer(peerSameImage("linux"))));
  return [idle];
}
