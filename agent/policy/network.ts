// What a policy says of a partition's network, as the guests' network is told it.

import type { Policy } from "../wire/policy.ts";

const LINKS = ["wifi", "cellular", "roaming", "tethering"] as const;

/** One document's word. The rules stand in its order: the first that fits. */
export interface NetworkPolicy {
  source: string;
  rules: {
    allow: boolean;
    destination: string;
    portFirst: number;
    portLast: number;
    protocol: "any" | "tcp" | "udp";
  }[];
  /** Null: deny where a rule allows something, else allow. */
  default: "allow" | "deny" | null;
  kill: boolean;
  deniedLinks: (typeof LINKS)[number][];
  /** A VPN is wanted, and a handset has none. */
  tunnelMissing: boolean;
}

/** The network section as rules. A governed partition whose policy has no such section has no network. */
export function networkPolicyOf(policy: Policy | null): NetworkPolicy {
  const section = policy?.network;
  if (section === undefined) {
    const source =
      policy === null ? "no policy" : `policy ${policy.epoch}.${policy.version}, which has no network section,`;
    return { source, rules: [], default: "deny", kill: true, deniedLinks: [], tunnelMissing: false };
  }
  return {
    source: `policy ${policy!.epoch}.${policy!.version}`,
    rules: section.rules ?? [],
    default: section.default ?? null,
    kill: section.kill === true,
    // There is nobody to ask: what is to be asked for is denied.
    deniedLinks: LINKS.filter((link) => section[link] !== undefined && section[link] !== "allow"),
    tunnelMissing: section.vpnRequired === true,
  };
}
