// What the network worker is told of a partition, from what its file says.

import { createHash } from "node:crypto";
import type { DestinationSpec, NetworkFile } from "../../handset/network.ts";
import type { LinkKind, NetworkRule, RuleLayer } from "../../network/rules.ts";
import type { NetworkSpec } from "./messages.ts";

/** What a partition's flows may hold, with caches of either size. */
const BUFFER_BYTES = { normal: 4 << 20, small: 1 << 20 };
/** Locally administered, unicast (IEEE 802 §8.4), as QEMU begins its own. */
const CARD_FIRST = [0x52, 0x54, 0];

export interface NetworkFacts {
  handset: string;
  partition: string;
  overhead: "normal" | "small";
  /** Private addresses are denied unless a rule allows them. */
  isWork: boolean;
  link: LinkKind;
  /** What a policy says; null: none does. */
  policy: RuleLayer | null;
  nameServers: readonly string[];
  /** The smaller of the two limits holds. */
  policyBytesPerDay: number | null;
  dayFile: string | null;
}

/** The file's word and the policy's together: what one of them denies is denied. */
export function networkSpec(file: NetworkFile, facts: NetworkFacts): NetworkSpec {
  const hash = createHash("sha256").update(`${facts.handset}/${facts.partition}`).digest();
  const limits = [file.bytesPerDay, facts.policyBytesPerDay].filter((limit) => limit !== null);
  return {
    name: facts.partition,
    prefixSeed: `${facts.handset}/${facts.partition}`,
    card: Uint8Array.from([...CARD_FIRST, ...hash.subarray(0, 3)]),
    bufferBytes: BUFFER_BYTES[facts.overhead],
    rules: {
      layers: [fileLayer(file), ...(facts.policy === null ? [] : [facts.policy])],
      link: facts.link,
      privateDenied: facts.isWork,
    },
    hostPorts: file.hostPorts,
    nameServers: facts.nameServers,
    forwards: file.forwards,
    bytesPerDay: limits.length === 0 ? null : Math.min(...limits),
    dayFile: facts.dayFile,
  };
}

/** What is denied comes first: an allowance is no way round it. */
function fileLayer({ allow, deny }: NetworkFile): RuleLayer {
  const rules = (list: DestinationSpec[], allowed: boolean): NetworkRule[] =>
    list.map((destination) => ({ allow: allowed, ...destination }));
  return {
    source: "the handset file",
    rules: [...rules(deny, false), ...rules(allow, true)],
    ...{ default: null, kill: false, deniedLinks: [], tunnelMissing: false },
  };
}
