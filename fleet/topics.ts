// Topics of one tenant: `pv/1/{tenant}/{device}/…`, `…/g/{group}/…`, `…/all/…`. No name in them can hold a slash, a wildcard or a `$`: a tenant,
// a group and a partition are of a-z, 0-9 and -, a device of 32 characters of hexadecimal.

import { toHex } from "../agent/wire/bytes.ts";
import type { Claims } from "../agent/wire/claims.ts";

const DEVICE = /^[0-9a-f]{32}$/;
const LABEL = /^[a-z0-9-]{1,32}$/;
/** Of a device's own, log streams included. */
const UP = /^(state|tm|ev|ack|rep(\/[a-z0-9-]{1,32})?|log\/[a-z0-9-]{1,32}|con\/[a-z0-9-]{1,32}|audit)$/;

export const base = (tenant: string): string => `pv/1/${tenant}`;

/** Where a signed document of the fleet's belongs. */
export function documentTopic(tenant: string, audience: Claims["audience"], kind: string, partition = ""): string {
  const who = typeof audience !== "string" ? toHex(audience) : audience === "all" ? "all" : `g/${audience}`;
  return `${base(tenant)}/${who}/dn/${kind}${partition === "" ? "" : `/${partition}`}`;
}

/** What a device publishes: which device, and what behind `up/`. Null for every other topic. */
export function upTopic(tenant: string, topic: string): { device: string; what: string } | null {
  const [pv, one, name, device, up, ...rest] = topic.split("/");
  const what = rest.join("/");
  if (pv !== "pv" || one !== "1" || name !== tenant || up !== "up" || !DEVICE.test(device ?? "")) return null;
  return UP.test(what) ? { device: device!, what } : null;
}

/** Whether a client with this id may publish there. The fleet may wherever its tenant is. */
export function mayPublish(tenant: string, client: string, topic: string): boolean {
  if (DEVICE.test(client)) return upTopic(tenant, topic)?.device === client;
  return topic.startsWith(`${base(tenant)}/`);
}

/** Whether a device in these groups may subscribe to this filter: all below its own dn, its groups' and everybody's, nothing else. */
export function maySubscribe(tenant: string, device: string, groups: readonly string[], filter: string): boolean {
  const roots = [device, "all", ...groups.filter((group) => LABEL.test(group)).map((group) => `g/${group}`)];
  return roots.some((root) => filter.startsWith(`${base(tenant)}/${root}/dn/`)) || filter === fleetStateTopic(tenant);
}

export const fleetStateTopic = (tenant: string): string => `${base(tenant)}/fleet/state`;
