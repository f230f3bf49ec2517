// A partition of the file becomes one of the hypervisor's: with what its policy leaves of what its file asks for.

import { HostError } from "../../failure.ts";
import { channelBytesOf, type HandsetFile, type HandsetPartition } from "../../handset/file.ts";
import { cutTranslated } from "../../policy/limits.ts";
import { protectionOf, type HandsetDisks } from "../disk/handset.ts";
import { sha256OfFile } from "../disk/image-files.ts";
import type { Management } from "../management/management.ts";
import { networkOf } from "./guest-networks.ts";
import type { Handset, PartitionPlan } from "./handset.ts";
import type { HandsetLink } from "./link.ts";
import type { Members } from "./members.ts";

export interface Definer {
  file: HandsetFile;
  handset: Handset;
  members: Members;
  disks: HandsetDisks;
  link: HandsetLink;
  management: Management | null;
  /** A policy keeps a partition out. */
  refused: (name: string, text: string) => void;
}

/** Defines a partition with what its policy leaves of what its file asks for. */
export async function define(of: Definer, file: HandsetPartition, image: PartitionPlan["image"]): Promise<void> {
  const { name, energyInitial, restart } = file;
  const { management, handset, disks, members } = of;
  const { kernel, firmware } = image;
  const code = kernel ?? firmware;
  const imageHash = (): string => (management === null || code === null ? "" : sha256OfFile(code));
  const asked = { cpu: file.cpu, energy: file.energy, io: file.io };
  const contracts = management?.plan(name, imageHash(), asked) ?? asked;
  const asksTranslated = image.translateCodeBytes ?? 0;
  const limits = management?.limitsOf(name) ?? null;
  const translateCodeBytes = limits === null ? asksTranslated : cutTranslated(asksTranslated, limits);
  try {
    const governed = management !== null && file.kind !== "personal";
    const disk = disks.diskOf(file, governed);
    const id = await handset.add({
      // What the fleet is told of it is what is loaded, at each start and reset.
      ...{
        name,
        image: {
          ...{
            ...image,
            translateCodeBytes,
            disk,
            network: networkOf(of, file),
            ...(governed ? pinned(image, imageHash()) : {}),
          },
          channelBytes: channelBytesOf(of.file, name),
        },
        imageHash,
      },
      ...{ ...contracts, energyInitial, restart },
    });
    members.add({ id, file, disk, asksTranslated, ...contracts });
    const { ramBytes, overheadBytes } = handset.memoryOf(id);
    management?.defined(name, id, ramBytes + overheadBytes, protectionOf(disk));
  } catch (error) {
    if (!(error instanceof HostError) || !management?.kept(name, error.message)) throw error;
    of.refused(name, error.message);
  }
}

/** What runs first has this hash, or is not loaded. */
function pinned({ kernel, firmware }: PartitionPlan["image"], sha256: string): Partial<PartitionPlan["image"]> {
  if (kernel !== null) return { kernel: { ...kernel, sha256 } };
  return { firmware: firmware && { ...firmware, sha256 } };
}
