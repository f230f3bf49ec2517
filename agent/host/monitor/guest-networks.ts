// The networks of a handset's partitions: what each file asks for, cut by its policy, and cut anew when another policy counts.

import { join } from "node:path";
import type { HandsetFile, HandsetPartition } from "../../handset/file.ts";
import { PLAIN_NETWORK, type NetworkFile } from "../../handset/network.ts";
import { monitorFolder } from "../../paths.ts";
import { networkPolicyOf } from "../../policy/network.ts";
import type { Management } from "../management/management.ts";
import type { NetworkSpec } from "../network/messages.ts";
import { networkSpec } from "../network/spec.ts";
import type { Handset } from "./handset.ts";
import type { HandsetLink } from "./link.ts";
import type { Members } from "./members.ts";

interface Networked {
  file: HandsetFile;
  handset: Handset;
  management: Management | null;
  link: HandsetLink;
}

/** What a partition's network is to be; null: it has none. */
export function networkOf(of: Networked, partition: HandsetPartition): NetworkSpec | null {
  const wanted = wantedBy(of, partition);
  if (wanted === null) return null;
  const { name, kind, overhead } = partition;
  const governed = of.management !== null && kind !== "personal";
  const policy = governed ? of.management!.policyOf(name) : null;
  // A card of which nobody has spoken yet has no link: a policy that comes later plugs it in.
  const plugged = kind !== "work" || partition.network !== null || policy?.network !== undefined;
  return networkSpec(wanted, {
    ...{
      handset: of.file.name,
      partition: name,
      overhead,
      isWork: kind === "work",
      link: plugged ? of.link.kind : "none",
    },
    policy: governed ? networkPolicyOf(policy) : null,
    nameServers: policy?.network?.dnsServers ?? [],
    policyBytesPerDay: policy?.budget?.networkBytesPerDay ?? null,
    // The day's bytes outlive the handset.
    dayFile: join(monitorFolder(of.file.name), "network", name),
  });
}

/** What the file says counts, where it says something. Otherwise a guest of ours in real time has a network; work has one where there is a fleet,
 *  and its policy says what for. */
function wantedBy(of: Networked, { kind, guest, network }: HandsetPartition): NetworkFile | null {
  if (network !== null) return network === "none" ? null : network;
  if (of.handset.mode !== "realtime" || guest === null) return null;
  if (kind !== "work") return PLAIN_NETWORK;
  return of.management === null ? null : PLAIN_NETWORK;
}

/** Another policy counts for the partition, or the phone is connected otherwise: its flows are judged anew. */
export async function reviewNetwork(of: Networked & { members: Members }, id: number): Promise<void> {
  const member = of.members.known(id);
  const spec = member === undefined ? null : networkOf(of, member.file);
  if (spec !== null) await of.handset.network.change(id, spec);
}
