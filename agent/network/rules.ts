// What a partition may reach. In this order: the kill switch, the kind of link, what nobody may reach, the rules of each layer (the first that fits),
// what its kind may not reach unless a rule allows it, the layer's default. Layers are the handset file's and the policy's: both must agree.
//
// A rule for a name fits the addresses that our own name server gave out for it (names). Where an address has several names, one that is denied
// decides.

import {
  addressText,
  embeddedAddress,
  inPrefix,
  isGroup,
  isHostItself,
  isPrivate,
  parseAddress,
  parsePrefix,
  type Address,
  type Prefix,
} from "./address.ts";
import type { LinkKind } from "../handset/contracts.ts";

export type { LinkKind };
export type Protocol = "tcp" | "udp";

export interface NetworkRule {
  allow: boolean;
  /** "10.0.0.0/8", an address, "host.example", or "*.example" for every name below it. */
  destination: string;
  portFirst: number;
  portLast: number;
  protocol: Protocol | "any";
}

/** What one document says. */
export interface RuleLayer {
  /** Whose word it is, for who asks why: "the handset file", "policy 1.4". */
  source: string;
  rules: readonly NetworkRule[];
  /** Null: deny where a rule allows something, else allow. */
  default: "allow" | "deny" | null;
  kill: boolean;
  /** Kinds of link that may not be used. */
  deniedLinks: readonly LinkKind[];
  /** All flows go through a tunnel, and there is none. */
  tunnelMissing: boolean;
}

export interface RuleContext {
  layers: readonly RuleLayer[];
  link: LinkKind;
  /** Private addresses are denied unless a rule allows them. */
  privateDenied: boolean;
  /** Addresses of the host itself, now. */
  ownAddresses: () => readonly string[];
}

/** Why something is refused, in a person's words; null: it is allowed. */
export type Verdict = string | null;

interface Compiled {
  source: RuleLayer;
  rules: { rule: NetworkRule; prefix: Prefix | null }[];
  hasNames: boolean;
  denies: boolean;
}

export class Rules {
  private readonly context: RuleContext;
  private readonly layers: Compiled[];

  constructor(context: RuleContext) {
    this.context = context;
    this.layers = context.layers.map((layer) => {
      const rules = layer.rules.map((rule) => ({ rule, prefix: parsePrefix(rule.destination) }));
      const allows = layer.rules.some(({ allow }) => allow);
      const denies = (layer.default ?? (allows ? "deny" : "allow")) === "deny";
      return { source: layer, rules, denies, hasNames: rules.some(({ prefix }) => prefix === null) };
    });
  }

  /** Why nothing at all may pass; null: something may. */
  closed(): Verdict {
    const { link, layers } = this.context;
    for (const layer of layers) {
      if (layer.kill) return `${layer.source} switches the network off`;
      if (layer.deniedLinks.includes(link)) return `${layer.source} denies ${link}`;
      if (layer.tunnelMissing) return `${layer.source} wants a VPN, and there is none`;
    }
    return null;
  }

  /** Whether a flow may go to `address`, which `names` stand for. */
  address(address: Address, port: number, protocol: Protocol, names: readonly string[]): Verdict {
    const closed = this.closed();
    if (closed !== null) return closed;
    const text = addressText(address);
    if (isHostItself(address) || isGroup(address)) return `${text} is never reached from a guest`;
    if (this.isOwn(address)) return `${text} is the host's own address`;
    let opened = false;
    for (const layer of this.layers) {
      if (layer.hasNames && (port === 53 || port === 853))
        return `${layer.source.source} has names, so only our own name server answers`;
      const found = layer.rules.filter(({ rule, prefix }) => fits(rule, prefix, address, port, protocol, names));
      const first = found[0]?.rule;
      // Of several names, one that is denied decides; for one name, the first rule.
      const perName = names.map((name) =>
        found.find(({ rule, prefix }) => prefix !== null || nameFits(rule.destination, name)),
      );
      const denied =
        perName.find((entry) => entry?.rule.allow === false)?.rule ?? (first?.allow === false ? first : undefined);
      if (denied !== undefined) return `${denied.destination} is denied by ${layer.source.source}`;
      if (first === undefined && layer.denies) return `${layer.source.source} allows nothing that ${text} is part of`;
      opened ||= first?.allow === true;
    }
    if (this.context.privateDenied && isPrivate(address) && !opened) return `${text} is private, and no rule allows it`;
    return null;
  }

  /** Whether a name may be looked up. */
  name(name: string): Verdict {
    const closed = this.closed();
    if (closed !== null) return closed;
    for (const layer of this.layers) {
      const first = layer.rules.find(({ rule, prefix }) => prefix === null && nameFits(rule.destination, name))?.rule;
      if (first?.allow === false) return `${first.destination} is denied by ${layer.source.source}`;
      // Where addresses are allowed, too, a name may lead to one of them.
      const byAddress = layer.rules.some(({ rule, prefix }) => prefix !== null && rule.allow);
      if (first === undefined && layer.denies && !byAddress) return `${layer.source.source} allows no such name`;
    }
    return null;
  }

  /** Whether an answer may name this address: nobody is led into the host, and who may not reach private addresses not there either. */
  answer(address: Address, name: string): boolean {
    if (isHostItself(address) || isGroup(address) || this.isOwn(address)) return false;
    if (!this.context.privateDenied || !isPrivate(address)) return true;
    return this.layers.some(({ rules }) =>
      rules.some(
        ({ rule, prefix }) =>
          rule.allow && (prefix === null ? nameFits(rule.destination, name) : inPrefix(address, prefix)),
      ),
    );
  }

  private isOwn(address: Address): boolean {
    const inner = embeddedAddress(address);
    const texts = [addressText(address), ...(inner === null ? [] : [addressText(inner)])];
    return this.context.ownAddresses().some((own) => {
      const parsed = parseAddress(own.split("%")[0]!);
      return parsed !== null && texts.includes(addressText(parsed));
    });
  }
}

function fits(
  rule: NetworkRule,
  prefix: Prefix | null,
  address: Address,
  port: number,
  protocol: Protocol,
  names: readonly string[],
): boolean {
  if (rule.protocol !== "any" && rule.protocol !== protocol) return false;
  if (port < rule.portFirst || port > rule.portLast) return false;
  if (prefix === null) return names.some((name) => nameFits(rule.destination, name));
  const inner = embeddedAddress(address);
  return inPrefix(address, prefix) || (inner !== null && inPrefix(inner, prefix));
}

function nameFits(pattern: string, name: string): boolean {
  const plain = pattern.toLowerCase().replace(/\.$/, "");
  return plain.startsWith("*.") ? name.endsWith(plain.slice(1)) : name === plain;
}
