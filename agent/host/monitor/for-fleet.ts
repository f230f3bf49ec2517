// What the fleet's side may do with a running handset, and nothing else of it.

import { cutTranslated } from "../../policy/limits.ts";
import type { HandsetFile } from "../../handset/file.ts";
import type { HandsetView } from "../../view.ts";
import type { ConsoleAccess } from "../console/access.ts";
import type { ConsoleGuard } from "../console/lock.ts";
import type { HandsetDisks } from "../disk/handset.ts";
import type { Wiped } from "../disk/vault.ts";
import type { ManagedHandset } from "../management/commands.ts";
import type { Management } from "../management/management.ts";
import type { GrantedChannels } from "./granted-channels.ts";
import { reviewNetwork } from "./guest-networks.ts";
import type { Handset } from "./handset.ts";
import type { HandsetLink } from "./link.ts";
import type { Members } from "./members.ts";

/** The parts of a monitor that are needed for it. */
export interface Monitored {
  file: HandsetFile;
  handset: Handset;
  members: Members;
  disks: HandsetDisks;
  link: HandsetLink;
  channels: GrantedChannels;
  consoles: ConsoleAccess;
  guard: ConsoleGuard | null;
  management: () => Management | null;
  snapshot: () => Promise<HandsetView>;
  isRunning: (partition: number) => boolean;
  finishRelease: () => void;
  happened: (kind: string, partition?: number) => void;
}

export function forFleet(of: Monitored): ManagedHandset {
  const { handset, members, disks, channels, happened } = of;
  return {
    document: (envelope, via, asked) => handset.orders.document(envelope, via, asked),
    answered: (command, ack) => handset.orders.answered(command, ack),
    snapshot: () => of.snapshot(),
    contracts: async (partition, contracts) => {
      const { cpu, energy, io } = contracts;
      await handset.orders.budget(partition, cpu, energy, io);
      Object.assign(members.get(partition), contracts);
    },
    translated: async (partition, limits) => {
      const asked = members.get(partition).asksTranslated;
      if (asked > 0) await handset.orders.translation(partition, cutTranslated(asked, limits));
    },
    act: (op, partition) => handset.orders.act(op, partition),
    lock: async (partition, name, locked) => {
      // What is kept first holds whatever happens next.
      await handset.orders.keepLocked(name, locked);
      const { vault } = disks;
      if (!locked && vault.wipedFor(name) !== null) vault.unmark(name);
      await handset.orders.act(locked ? "lock" : "unlock", partition);
    },
    isRunning: (partition) => of.isRunning(partition),
    consoleBytes: (partition) => handset.consoleLog(partition).readFrom(0).bytes,
    wipe: (partitions, command) => wipe(of, partitions, command),
    release: async () => {
      await handset.release();
      for (const { id, file } of members.all()) if (file.kind !== "personal") await handset.closeDisk(id);
      of.finishRelease();
    },
    channels: channels.possible,
    channelOf: (channel) => channels.of(channel),
    grant: (channel, rate) => channels.grant(channel, rate),
    revoke: (id) => channels.revoke(id),
    happened: (kind, partition) => {
      happened(kind, partition);
      // Open flows are judged by the policy that counts now.
      if (kind !== "policy-applied" || partition === undefined) return;
      const { file, link } = of;
      void reviewNetwork({ file, handset, members, link, management: of.management() }, partition);
    },
  };
}

/** Destroys what partitions have on disk, key first, and leaves them locked, each with an empty disk under a new key. */
export async function wipe(of: Monitored, names: readonly string[], command: string): Promise<Wiped[]> {
  const { handset, disks, members, consoles, guard, management, happened } = of;
  // Before the first of them is touched: a cut must not leave some of them.
  for (const name of names) disks.vault.mark(name, command);
  const wiped: Wiped[] = [];
  for (const name of names) {
    const file = of.file.partitions.find((each) => each.name === name)!;
    const member = members.find(name);
    const destroy = (): Wiped => disks.destroy(file, command, member?.disk ?? null);
    await handset.orders.keepLocked(name, true);
    guard?.forget(name);
    if (member === undefined) {
      wiped.push(destroy());
      management()?.wiped(name);
      continue;
    }
    const { id } = member;
    await handset.orders.act("lock", id);
    wiped.push(await handset.withoutDisk(id, destroy));
    consoles.end(id, "the partition was wiped");
    handset.consoleLog(id).erase();
    management()?.wiped(name);
    happened("wiped", id);
  }
  return wiped;
}
