// fleet groups: which groups a device is in, by a signed document of its own.

import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { GROUPS_MAX } from "../../agent/wire/limits.ts";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { escapeText } from "../../agent/escape.ts";
import { allGroups, groupsOf } from "../audiences.ts";
import { enrolledDevices, findDevice } from "../devices.ts";
import { audienceOf, issue, rootPublication } from "../documents.ts";
import { signFreshness } from "../freshness.ts";
import type { FleetStore } from "../store.ts";
import { columns } from "../text.ts";
import type { Io } from "./io.ts";
import { LINK, LINK_HELP, withLink } from "./link.ts";
import { daysOf, DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

const DAYS = 365;

export const groupsVerb: Verb = {
  name: "groups",
  usage: "[DEVICE [GROUP… | --none]]",
  summary: "lists groups; shows or sets those that a device is in",
  help: `Without a device: every group and who is in it. Groups are what policies can be signed for (--to GROUP). Setting them replaces those that the device was in.
  --none              it is in no group any more
  --days N            how long the document may be taken up (default ${DAYS})
  --dry-run           says what would change, and signs nothing
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN, none: { type: "boolean" }, days: { type: "string" } },
  positionalMax: GROUPS_MAX + 1,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    if (parsed.positionals.length === 0) return list(store, parsed, io);
    const { name, label } = findDevice(store, needed(parsed, 0, "a device", "groups"));
    const groups = [...new Set(parsed.positionals.slice(1))].sort();
    if (parsed.flag("none") && groups.length > 0) throw new UsageError("USAGE", "--none goes with no group");
    for (const group of groups) {
      // "all" is everybody already, and no group.
      if (/^[a-z0-9-]{1,32}$/.test(group) && group !== "all" && !/^[0-9a-f]{32}$/.test(group)) continue;
      throw new UsageError("USAGE", "a group's name has 1 to 32 of a-z, 0-9 and -, and is not all");
    }
    const before = groupsOf(store, name);
    if (groups.length === 0 && !parsed.flag("none")) {
      if (parsed.flag("json")) io.out(JSON.stringify({ device: name, groups: before }));
      else io.out(before.length === 0 ? "in no group" : before.join(" "));
      return EXIT_OK;
    }
    const change = `groups: ${listOf(groups)} instead of ${listOf(before)}`;
    const seconds = daysOf(parsed, "days", DAYS);
    if (parsed.flag("dry-run")) {
      io.say(`would sign ${change}`);
      return EXIT_OK;
    }
    await withLink(parsed, store, io, async (link) => {
      const audience = audienceOf(name);
      const issued = await issue(store, "groups", audience, { groups }, io.now(), seconds);
      const time = await signFreshness(store, audience, io.now());
      for (const { topic, envelope } of [rootPublication(store), issued, time])
        await link.publish(topic, envelope, true);
    });
    if (parsed.flag("json")) io.out(JSON.stringify({ device: name, groups }));
    else io.say(`${label}: ${change}`);
    return EXIT_OK;
  },
};

/** Every group, with its devices. */
function list(store: FleetStore, parsed: Parsed, io: Io): number {
  const groups = allGroups(store);
  if (parsed.flag("json")) {
    io.out(JSON.stringify([...groups].map(([group, devices]) => ({ group, devices }))));
    return EXIT_OK;
  }
  if (groups.size === 0) io.say("no device is in a group; put one in: pocketvisor fleet groups DEVICE GROUP");
  const labels = new Map(enrolledDevices(store).map(({ name, label }) => [name, escapeText(label, 64)]));
  const rows = [...groups].map(([group, devices]) => [
    ...[group, String(devices.length), devices.map((name) => labels.get(name) ?? name).join(" ")],
  ]);
  if (rows.length > 0) for (const row of columns([["GROUP", "COUNT", "DEVICES"], ...rows])) io.out(row);
  return EXIT_OK;
}

const listOf = (groups: string[]): string => (groups.length === 0 ? "none" : groups.join(" "));
