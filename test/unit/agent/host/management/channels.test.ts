// Channels as the policies of both ends leave them: never more than the file, never more than either policy.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { HandsetChannel } from "../../../../../agent/handset/file.js";
import type { Acting } from "../../../../../agent/host/management/acting.js";
import { channelRate, syncChannels } from "../../../../../agent/host/management/channels.js";
import type { ManagedHandset } from "../../../../../agent/host/management/commands.js";
import type { Standing } from "../../../../../agent/host/management/standing.js";
import type { Limits } from "../../../../../agent/policy/limits.js";

type Allowed = Limits["channels"];

const channel = (from: string, to: string, rate: number | null): HandsetChannel => ({
  from,
  fromPort: 1,
  to,
  toPort: 2,
  contract: { capacity: 4096, bytes: rate === null ? null : { rate, burst: rate }, messages: null },
});
const limitsOf =
  (policies: Record<string, Allowed>) =>
  (name: string): Limits | null =>
    name in policies ? ({ channels: policies[name] } as Limits) : null;
const entry = (from: string, to: string, bytesPerSecond: number): NonNullable<Allowed>[number] => ({
  from,
  to,
  bytesPerSecond,
});

const test = suite("agent/host/management/channels");

test("the least of the file's rate and both policies' counts", () => {
  const rate = (file: number | null, policies: Record<string, Allowed>): number | null | undefined =>
    channelRate(channel("work", "home", file), limitsOf(policies));
  assert.is(rate(null, {}), null);
  assert.is(rate(500, {}), 500);
  assert.is(rate(500, { work: null, home: null }), 500, "a policy that says nothing of channels");
  assert.is(rate(500, { work: [entry("work", "home", 900)] }), 500);
  assert.is(rate(null, { work: [entry("work", "home", 900)], home: [entry("work", "home", 300)] }), 300);
  assert.is(rate(500, { work: [] }), undefined, "a policy that names no channel allows none");
  assert.is(rate(500, { home: [entry("home", "work", 900)] }), undefined, "the other direction is another channel");
});

test("what is there is granted, narrowed and revoked, and what is right is left alone", async () => {
  const channels = ["home", "kiosk", "till", "lift"].map((to) => channel("work", to, 500));
  const current = new Map([
    [channels[0]!, { id: 10, bytesPerSecond: 500 }],
    [channels[1]!, { id: 11, bytesPerSecond: 500 }],
    [channels[2]!, { id: 12, bytesPerSecond: 500 }],
  ]);
  const calls: string[] = [];
  const target: Partial<ManagedHandset> = {
    channels,
    channelOf: (each) => current.get(each) ?? null,
    revoke: (id) => Promise.resolve(void calls.push(`revoke ${id}`)),
    grant: ({ to }, rate) => Promise.resolve(calls.push(`grant ${to} ${rate}`)),
  };
  const work = [entry("work", "home", 900), entry("work", "kiosk", 100), entry("work", "lift", 200)];
  const standing: Partial<Standing> = { limitsOf: limitsOf({ work }) };
  await syncChannels({ target, standing } as Acting);
  assert.equal(calls, ["revoke 11", "grant kiosk 100", "revoke 12", "grant lift 200"]);
});

test.run();
