// A policy in plain words, one fact for each thing that it says; and what will change from one to another.

import { escapeText } from "../../agent/escape.ts";
import { SECTIONS, type Section } from "../../agent/policy/compliance.ts";
import { toHex } from "../../agent/wire/bytes.ts";
import { SECTION_WORDS, type PolicyBody } from "./reader.ts";
import { bytesText, durationText } from "./units.ts";

/** "at most" "20 %" " of a processor". The value alone is told again when it changes. */
export interface Fact {
  /** Two policies that have a fact with the same key speak of the same thing. */
  key: string;
  section: Section;
  lead: string;
  value: string;
  tail: string;
}

export const sentence = ({ lead, value, tail }: Fact): string => `${lead} ${value}${tail}`;

const decimal = (value: number): string => String(Number(value.toFixed(1)));
const minuteText = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

/** Everything that a policy says, in the order of its sections. */
export function factsOf(policy: PolicyBody): Fact[] {
  const facts: Fact[] = [];
  let section: Section = "budget";
  const say = (key: string, lead: string, value: string | undefined, tail = ""): void => {
    if (value !== undefined) facts.push({ key: `${section}.${key}`, section, lead, value: escapeText(value), tail });
  };
  const map = <T>(value: T | undefined, text: (value: T) => string): string | undefined =>
    value === undefined ? undefined : text(value);
  const yes = (value: boolean | undefined): string | undefined => map(value, (is) => (is ? "yes" : "no"));

  const { budget, images, apps, deviceAccess, network, sharing, unlock, location, power, telemetry } = policy;
  say("memory", "at most", map(budget?.memoryBytes, bytesText), " of memory");
  say(
    "cpu",
    "at most",
    map(budget?.cpuPermille, (permille) => `${decimal(permille / 10)} %`),
    " of a processor",
  );
  say("weight", "a weight of at most", map(budget?.cpuWeight, String), " beside the others");
  const milliwatts = (hourly: number): string => `${decimal(hourly / 3600)} mW (${decimal(hourly / 1000)} J/h)`;
  say("energy", "at most", map(budget?.energyMillijoulesPerHour, milliwatts));
  say("disk", "at most", map(budget?.diskBytes, bytesText), " of disk");
  say("network", "at most", map(budget?.networkBytesPerDay, bytesText), " over the network a day");
  say(
    "translate",
    "translated code:",
    map(budget?.translatedBytes, (bytes) => (bytes === 0 ? "none" : `${bytesText(bytes)} at most`)),
  );
  section = "images";
  const allowed = images?.allowed;
  if (typeof allowed === "string") say("allowed", "only images of the channel", allowed);
  else
    say(
      "allowed",
      "only the images",
      map(allowed, (hashes) => hashes.map((hash) => toHex(hash)).join(", ")),
    );
  say("release", "only releases from", map(images?.releaseLeast, String), " on");
  say("development", "development images:", yes(images?.allowDevelopment));
  section = "apps";
  for (const { app, state, hash, versionLeast } of apps ?? []) {
    const more = [
      ...(hash === undefined ? [] : [` with hash ${toHex(hash)}`]),
      ...(versionLeast === undefined ? [] : [` from version ${versionLeast} on`]),
    ];
    say(app, `the app ${escapeText(app, 128)} is`, state, more.join(""));
  }
  section = "deviceAccess";
  // Once a policy says anything of devices, what it does not name is denied.
  if (deviceAccess !== undefined) say("others", "devices that are not named:", "deny");
  for (const [device, word] of deviceAccess ?? []) say(device, `${device}:`, word);
  section = "network";
  for (const key of ["wifi", "cellular", "roaming", "tethering"] as const) say(key, `${key}:`, network?.[key]);
  say("vpn", "a VPN is required:", yes(network?.vpnRequired));
  say(
    "dns",
    "names are looked up at",
    map(network?.dnsServers, (servers) => servers.join(", ")),
  );
  const ruleText = ({ allow, destination, portFirst, portLast, protocol }: RuleOf<typeof network>): string =>
    `${allow ? "allow" : "deny"} ${destination} ports ${portFirst}-${portLast} ${protocol}`;
  say(
    "rules",
    "network rules, the first that fits:",
    map(network?.rules, (rules) => rules.map(ruleText).join("; ")),
  );
  section = "sharing";
  say("clipboard-out", "copying out of the partition:", sharing?.clipboardOut);
  say("clipboard-in", "pasting into the partition:", sharing?.clipboardIn);
  say("files", "sharing files:", sharing?.files);
  say("contacts", "sharing contacts:", sharing?.contacts);
  if (sharing?.channels !== undefined) say("others", "channels that are not named:", "closed");
  for (const { from, to, bytesPerSecond } of sharing?.channels ?? []) {
    say(`${from}>${to}`, `a channel from ${from} to ${to} of at most`, bytesText(bytesPerSecond), " a second");
  }
  section = "unlock";
  say("quality", "to unlock:", unlock?.quality);
  say("length", "of at least", map(unlock?.lengthLeast, String), " characters");
  say("idle", "locks itself after", map(unlock?.idleLockSeconds, durationText), " without use");
  const tries = (count: number): string => (count === 0 ? "any number of" : String(count));
  say("tries", "wiped after", map(unlock?.triesMost, tries), " wrong tries");
  say("age", "to be changed after", map(unlock?.ageMostSeconds, durationText));
  say("history", "different from the last", map(unlock?.historyCount, String));
  section = "location";
  say("when", "located:", location?.when);
  say("interval", "located every", map(location?.intervalSeconds, durationText));
  say("show", "its user is told:", yes(location?.showUser));
  section = "power";
  say(
    "low",
    "the battery is low at",
    map(power?.lowPercent, (percent) => `${percent} %`),
  );
  say(
    "critical",
    "the battery is critical at",
    map(power?.criticalPercent, (percent) => `${percent} %`),
  );
  say("action", "at a low battery:", power?.lowAction);
  section = "telemetry";
  say("sample", "measured every", map(telemetry?.sampleSeconds, durationText));
  say("send", "reported every", map(telemetry?.sendSeconds, durationText));
  say("bytes", "reports of at most", map(telemetry?.bytesPerDay, bytesText), " a day");
  say(
    "metrics",
    "only the metrics",
    map(telemetry?.metrics, (metrics) => metrics.join(", ")),
  );
  section = "offline";
  say("warn", "warned when out of reach for", map(policy.offline?.warnAfterSeconds, durationText));
  say("lock", "locked when out of reach for", map(policy.offline?.lockAfterSeconds, durationText));
  say("wipe", "wiped when out of reach for:", map(policy.offline?.wipeAfterSeconds, durationText));
  section = "updates";
  const { updates } = policy;
  say("wifi", "updates over Wi-Fi alone:", yes(updates?.wifiOnly));
  say(
    "window",
    "updates between",
    map(updates?.window, ({ from, to }) => `${minuteText(from)} and ${minuteText(to)}`),
    " UTC",
  );
  say(
    "battery",
    "updates from a battery of",
    map(updates?.batteryLeastPercent, (percent) => `${percent} %`),
    " on",
  );
  say("defer", "its user may put updates off:", yes(updates?.mayDefer));
  section = "enforcement";
  for (const { section: key, blockAfterSeconds, wipeAfterSeconds } of policy.enforcement ?? []) {
    const word = sectionWord(key);
    say(`${key}.block`, `blocked when ${word} is not complied with for`, map(blockAfterSeconds, durationText));
    say(`${key}.wipe`, `wiped when ${word} is not complied with for:`, map(wipeAfterSeconds, durationText));
  }
  section = "texts";
  for (const { language, text } of policy.texts ?? []) say(language, `tells its user in ${language}:`, `“${text}”`);
  section = "debug";
  say("debug", "a debugger, the profiler and watchpoints may attach:", yes(policy.debug));
  return facts;
}

type RuleOf<N> = NonNullable<N> extends { rules?: infer R } ? (NonNullable<R> extends (infer T)[] ? T : never) : never;

/** A section's number as files call it. */
export function sectionWord(key: number): string {
  const found = (Object.keys(SECTIONS) as Section[]).find((each) => SECTIONS[each] === key);
  return found === undefined ? `section ${key}` : SECTION_WORDS[found];
}

/** What changes from one policy to the other, a line each; none when they say the same. `before` null: there was no policy. */
export function changesOf(before: PolicyBody | null, after: PolicyBody): string[] {
  const old = new Map(before === null ? [] : factsOf(before).map((fact) => [fact.key, fact]));
  const lines: string[] = [];
  const name = after.partition;
  if (before !== null && before.partition !== name) {
    lines.push(`it governs ${name} instead of ${before.partition}; ${before.partition} keeps the policy that it has`);
  }
  for (const fact of factsOf(after)) {
    const was = old.get(fact.key);
    old.delete(fact.key);
    if (was === undefined) lines.push(`${name}: ${sentence(fact)} (nothing was said before)`);
    else if (sentence(was) !== sentence(fact)) {
      const instead = was.lead === fact.lead && was.tail === fact.tail ? was.value : sentence(was);
      lines.push(`${name}: ${sentence(fact)} instead of ${instead}`);
    }
  }
  for (const fact of old.values()) lines.push(`${name}: no longer: ${sentence(fact)}`);
  return lines;
}
