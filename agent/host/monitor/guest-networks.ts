// The networks of a handset's partitions: what each file asks for, cut by its policy, and cut anew when another policy counts.

import { join } from "node:path";
import type { HandsetFile, HandsetPartition } from "../../handset/file.ts";
import { PLAIN_NETWORK, type NetworkFile } from "../../handset/network.ts";
import { networkPolicyOf } from "../../policy/network.ts";
import type { NetworkView } from "../../view.ts";
import type { Management } from "../management/management.ts";
import type { NetworkSpec } from "../network/messages.ts";
import { networkSpec } from "../network/spec.ts";
import type { Handset } from "./handset.ts";
import type { Members } from "./members.ts";

export class GuestNetworks {
  private readonly file: HandsetFile;
  private readonly folder: string;
  private readonly handset: Handset;
  private readonly members: Members;
  private readonly management: Management | null;

  /** `folder` keeps what must outlive the handset: the day's bytes. */
  constructor(
    file: HandsetFile,
    folder: string,
    { handset, members, management }: { handset: Handset; members: Members; management: Management | null },
  ) {
    this.file = file;
    this.folder = folder;
    this.handset = handset;
    this.members = members;
    this.management = management;
  }

  /** What a partition's network is to be; null: it has none. */
  specOf(partition: HandsetPartition): NetworkSpec | null {
    const wanted = this.wantedBy(partition);
    if (wanted === null) return null;
    const governed = this.management !== null && partition.kind !== "personal";
    const policy = governed ? this.management!.policyOf(partition.name) : null;
    return networkSpec(wanted, {
      ...{ handset: this.file.name, partition: partition.name, overhead: partition.overhead, link: "ethernet" },
      isWork: partition.kind === "work",
      policy: governed ? networkPolicyOf(policy) : null,
      nameServers: policy?.network?.dnsServers ?? [],
      policyBytesPerDay: policy?.budget?.networkBytesPerDay ?? null,
      dayFile: join(this.folder, partition.name),
    });
  }

  /** What the file says counts, where it says something. Otherwise a guest of ours in real time has a network, but work has one only when its
   *  policy speaks of it. */
  private wantedBy({ name, kind, guest, network }: HandsetPartition): NetworkFile | null {
    if (network !== null) return network === "none" ? null : network;
    if (this.handset.mode !== "realtime" || guest === null) return null;
    if (kind !== "work") return PLAIN_NETWORK;
    return this.management?.policyOf(name)?.network === undefined ? null : PLAIN_NETWORK;
  }

  /** Another policy counts for the partition: its flows are judged anew. */
  async review(id: number): Promise<void> {
    const member = this.members.known(id);
    const spec = member === undefined ? null : this.specOf(member.file);
    if (spec !== null) await this.handset.network.change(id, spec);
  }

  /** What can be seen of a partition's network; null: it has none, or does not run. */
  view(id: number): Promise<NetworkView | null> {
    return this.handset.network.view(id);
  }
}
