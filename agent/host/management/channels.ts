// The handset file's channels as the policies of both ends leave them.

import type { HandsetChannel } from "../../handset/file.ts";
import type { Limits } from "../../policy/limits.ts";
import type { Acting } from "./acting.ts";

/** Bytes a second that a channel may carry; null: as many as the file says; undefined: there is to be none. */
export function channelRate(
  { from, to, contract }: HandsetChannel,
  limitsOf: (partition: string) => Limits | null,
): number | null | undefined {
  let rate = contract.bytes?.rate ?? null;
  for (const name of [from, to]) {
    const allowed = limitsOf(name)?.channels;
    if (allowed === undefined || allowed === null) continue;
    const entry = allowed.find((each) => each.from === from && each.to === to);
    if (entry === undefined) return undefined;
    rate = Math.min(rate ?? entry.bytesPerSecond, entry.bytesPerSecond);
  }
  return rate;
}

/** Grants, narrows and revokes the handset file's channels as the policies of both ends leave them. */
export async function syncChannels({ target, standing }: Acting): Promise<void> {
  for (const channel of target.channels) {
    const rate = channelRate(channel, (name) => standing.limitsOf(name));
    const current = target.channelOf(channel);
    if (current === null ? rate === undefined : current.bytesPerSecond === rate) continue;
    if (current !== null) await target.revoke(current.id);
    if (rate !== undefined) await target.grant(channel, rate);
  }
}
