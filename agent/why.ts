// `why`: the condition of a partition, or of the whole handset, in sentences; and how long reserves and battery last.
//
// The projection says: everybody goes on as on average over the last minutes. A reserve that spends more than its tap brings empties at the
// difference, and from then on its partition uses no more than the tap; one that spends less fills up first, and then the tap brings no
// more than is spent. What the battery loses follows: for each contract the lesser of spent and brought, everything that has no
// contract, and the board's own.

import { durationText, energyText, powerText } from "./handset/units.ts";
import { UNIT_NS } from "../kernel/abi/layout.ts";
import { escapeText } from "./escape.ts";
import type { HandsetView, ManagementView, NetworkView, PartitionView, RadioView } from "./view.ts";

const JOULE = 1e12;

/** What a tap brings at present, in mW; `own` is what leaves the battery beyond constant taps. */
function brought({ energy }: PartitionView, own: number): number {
  if (energy.contract === null) return 0;
  return energy.contract.rate / 1000 + (energy.contract.share / 1e6) * own;
}

/** Seconds until the partition's reserve is empty; Infinity: never; null: there is none, or it is too young to tell. */
export function reserveSeconds(partition: PartitionView, view: HandsetView): number | null {
  const { contract, level, average } = partition.energy;
  if (contract === null || average === null) return null;
  const loss = average.milliwatts - brought(partition, view.boardAverage?.milliwatts ?? 0);
  return loss <= 0 ? Infinity : level / (loss * 1e9);
}

/** How the battery empties if everybody goes on as on average. */
export interface BatteryProjection {
  /** What it loses then. */
  milliwatts: number;
  /** What fills reserves first, in picojoules. */
  room: number;
  /** Infinity: it loses nothing. */
  seconds: number;
}

/** The projection; "charging": it is charged faster; null: not known. */
export function batteryProjection(view: HandsetView): BatteryProjection | "charging" | null {
  const { battery, average } = view;
  if (battery === null || battery.joules === null || average === null) return null;
  if (battery.charging && (battery.milliwatts ?? 0) <= 0) return "charging";
  const own = view.boardAverage?.milliwatts ?? 0;
  let milliwatts = own;
  let room = 0;
  for (const partition of view.partitions) {
    const { contract, level, average: spent } = partition.energy;
    const drawn = spent?.milliwatts ?? 0;
    if (contract === null) milliwatts += drawn;
    else {
      // A share is part of the board's own already.
      milliwatts += Math.min(drawn, contract.rate / 1000);
      if (drawn < brought(partition, own)) room += contract.capacity - level;
    }
  }
  const seconds = milliwatts <= 0 ? Infinity : Math.max(0, (battery.joules * JOULE - room) / (milliwatts * 1e9));
  return { milliwatts, room, seconds };
}

/** What its network refused, in sentences; empty: nothing. */
export function whyNetwork({ refused, bytesLeft, listening }: NetworkView): string {
  const sentences: string[] = [];
  const count = refused.reduce((sum, each) => sum + each.count, 0);
  const last = refused.at(-1);
  if (last !== undefined) {
    const flows = count === 1 ? "One flow or name was" : `${count} flows or names were`;
    sentences.push(`${flows} refused, ${escapeText(last.what, 120)} last: ${escapeText(last.why, 160)}.`);
  }
  if (bytesLeft === 0) sentences.push("Its network bytes for today are used up: frames are dropped until tomorrow.");
  for (const { address, port, failed } of listening) {
    if (failed !== null) sentences.push(`Its forward ${address}:${port} does not listen: ${escapeText(failed, 40)}.`);
  }
  return sentences.join(" ");
}

/** A partition's condition in sentences. */
export function whyPartition(partition: PartitionView, view: HandsetView): string {
  const { name, state, reason, cpu, energy, restarts, io } = partition;
  const share = (time: number): string => `${((time / cpu.period) * 100).toFixed(0)} %`;
  const lines = [`${name} is ${state}${reason === "" ? "" : `: ${reason}`}.`];
  if (state === "running") lines.push(activity(partition, view));
  const guaranteed =
    cpu.class === "guaranteed"
      ? `${share(cpu.budget)} of a processor is guaranteed`
      : "No processor time is guaranteed";
  const capped = cpu.ceiling === null ? "there is no ceiling" : `the ceiling is ${share(cpu.ceiling)}`;
  lines.push(`${guaranteed}, ${capped}${throttledText(cpu)}.`);
  if (partition.work > 0) lines.push(deviceText(partition));
  if (energy.contract === null) lines.push(`There is no energy contract; it has spent ${energyText(energy.spent)}.`);
  else {
    lines.push(
      `Its reserve holds ${energyText(energy.level)} of ${energyText(energy.contract.capacity)} and ${tapText(partition)}; ` +
        `it has spent ${energyText(energy.spent)}${throttledText(energy)}.`,
    );
  }
  lines.push(reserveText(partition, view));
  lines.push(...radioTexts(partition, view));
  lines.push(...policyTexts(partition, view));
  lines.push(...translationTexts(partition));
  if (restarts > 0) lines.push(`It was restarted ${timesText(restarts)}.`);
  const { crash } = partition;
  if (crash !== null) {
    const hex = (word: number): string => `0x${word.toString(16).padStart(8, "0")}`;
    const { reason, registers, pc, cpsr } = crash;
    if (registers === undefined || pc === undefined || cpsr === undefined)
      lines.push(`It last failed because ${reason}.`);
    else
      lines.push(
        `Its last failure (${reason}) was at pc ${hex(pc)}, lr ${hex(registers[14]!)}, cpsr ${hex(cpsr)}; all registers: pocketvisor inspect ${name}.`,
      );
  }
  for (const device of io) {
    if (device.throttledTotal > 0)
      lines.push(`${device.name}: throttled ${timesText(device.throttledTotal)} by its rate limit.`);
  }
  return lines.join("\n");
}

/** The handset's condition in sentences. */
export function whyHandset(view: HandsetView): string {
  const { battery, thermal } = view;
  const lines = [`${view.handset} runs on ${view.board}.`];
  if (battery === null) lines.push("No battery reading.");
  else {
    const left = battery.joules === null ? "" : `, ${energyText(battery.joules * JOULE)}`;
    lines.push(`The battery (${battery.source}) is at ${battery.percent.toFixed(1)} %${left}.`);
    if (battery.note !== "") lines.push(`${battery.note[0]!.toUpperCase()}${battery.note.slice(1)}.`);
    lines.push(projectionText(view));
  }
  if (thermal !== null) {
    lines.push(
      `It is ${thermal.celsius.toFixed(0)} °C warm: ${thermal.level} (warn from ${thermal.warn} °C, critical from ${thermal.critical} °C).`,
    );
  }
  if (view.radio.state !== "none") lines.push(radioText(view.radio));
  for (const partition of view.partitions) lines.push(`${partition.name}: ${reserveText(partition, view)}`);
  if (view.management !== null) lines.push(fleetText(view.management));
  return lines.join("\n");
}

const RADIO_STATES = { none: "", off: "off", promoting: "being switched on", on: "on" };

/** How the handset is connected, and what that costs. */
function radioText({ link, state, needPicojoules, users }: RadioView): string {
  const waits = users.filter((user) => user.waits).length;
  const waiting = waits === 0 ? "" : `; ${waits === 1 ? "one partition waits" : `${waits} partitions wait`} for it`;
  const need = energyText(needPicojoules);
  return `It is connected by ${link}, and the radio is ${RADIO_STATES[state]}${waiting}. Switching it on commits ${need}, its tail included.`;
}

/** What a partition has to do with the radio. */
function radioTexts({ partition }: PartitionView, { radio }: HandsetView): string[] {
  const user = radio.users.find((each) => each.partition === partition);
  if (user === undefined) return [];
  const lines = user.spent === 0 ? [] : [`It has spent ${energyText(user.spent)} on the ${radio.link} radio.`];
  if (!user.waits) return lines;
  const together = radio.users.reduce((sum, each) => sum + each.laidAside, 0);
  const have = radio.users.length > 1 ? `, of ${energyText(together)} that all who wait have` : "";
  const why =
    radio.state === "on" || radio.state === "promoting"
      ? "until it is on and its reserve can pay for them"
      : `until ${energyText(radio.needPicojoules)} are laid aside for it (promotion and tail): it has laid aside ${energyText(user.laidAside)}${have}`;
  return [...lines, `Its frames wait for the radio ${why}.`];
}

/** How long the battery lasts, with the numbers that it follows from. */
function projectionText(view: HandsetView): string {
  const { average } = view;
  const projection = batteryProjection(view);
  if (projection === "charging") return "It is being charged.";
  if (projection === null || average === null) return "It has not run long enough for a projection.";
  const { milliwatts, room, seconds } = projection;
  const past = `Over the last ${durationText(average.spanNs / 1e9)} the handset drew ${powerText(average.milliwatts * 1000)}`;
  if (seconds === Infinity) return `${past}; if that goes on, the battery loses nothing.`;
  const filled = room === 0 ? "" : ` once ${energyText(room)} have filled reserves`;
  return `${past}. If that goes on, the battery loses ${powerText(milliwatts * 1000)}${filled} and lasts ${durationText(seconds)}.`;
}

/** From this share of its life on, a partition is at its ceiling. */
const AT_CEILING = 0.05;

function activity({ throttledBy, sleeping, waitsForDevice, cpu, energy }: PartitionView, view: HandsetView): string {
  if (waitsForDevice) return "A limit, or its reserve, delays a request to its disk or console.";
  if (throttledBy === "cpu") return "It is throttled now: its processor time of this period is used up.";
  if (throttledBy === "energy") return "It is throttled now: its energy reserve is empty.";
  const share = (timeNs: number): number => (view.nowNs > 0 ? timeNs / view.nowNs : 0);
  const percent = (timeNs: number): string => `${(share(timeNs) * 100).toFixed(0)} % of the time so far`;
  if (share(energy.throttledNs) >= AT_CEILING)
    return `It is running, as far as its energy allows: it was throttled ${percent(energy.throttledNs)}.`;
  if (share(cpu.throttledNs) >= AT_CEILING)
    return `It is running, at its ceiling: it was throttled ${percent(cpu.throttledNs)}.`;
  if (sleeping) return "It sleeps until a timer or an input comes; that costs nothing.";
  return "It is running, or waits for its turn.";
}

/** Of the time that it was charged, how much its devices took. */
function deviceText({ work, instructions }: PartitionView): string {
  const share = ((100 * work) / (work + instructions)).toFixed(0);
  return `Its devices worked ${durationText((work * UNIT_NS) / 1e9)} for it, ${share} % of what it used; its budget pays for that too.`;
}

function timesText(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** "; throttled 12 times, 340 ms in total"; nothing when it never was. */
function throttledText({ throttledTotal, throttledNs }: { throttledTotal: number; throttledNs: number }): string {
  if (throttledTotal === 0) return "";
  return `; throttled ${timesText(throttledTotal)}, ${(throttledNs / 1e6).toFixed(0)} ms in total`;
}

/** What a person can do about a console that is not open. */
const CONSOLES: Record<string, string> = {
  unset: "Its console is locked: its policy wants an unlock code, and none is set (pocketvisor code).",
  weak: "Its console is locked: its policy wants another unlock code (pocketvisor code).",
  locked: "Its console is locked (pocketvisor unlock).",
};

/** How much of its guest is translated, and what that costs it. */
function translationTexts({ translation }: PartitionView): string[] {
  if (translation === null) return [];
  const { share, bytes, modules, compileMs } = translation;
  const done =
    `${(share * 100).toFixed(0)} % of its instructions were executed as translated code; ` +
    `${(bytes / 2 ** 20).toFixed(1)} MiB of it were compiled in ${modules} pieces and ${(compileMs / 1000).toFixed(2)} s, charged to its budget.`;
  return translation.codeBytesMax === 0 ? [done, "Its policy allows no translated code any more."] : [done];
}

/** What the partition's policy allows, and what does not hold of it. */
function policyTexts({ name, kind }: PartitionView, { management }: HandsetView): string[] {
  if (management === null) return [];
  if (kind === "personal") return ["No policy governs it: it is the owner's."];
  const policy = management.policies.find((each) => each.partition === name);
  if (policy === undefined) return ["The fleet has no policy in force for it."];
  const since = new Date(policy.appliedAt * 1000).toISOString();
  const lines = [
    `Policy ${policy.version} governs it since ${since}${policy.allows.length === 0 ? "" : `: ${policy.allows.join(", ")}`}.`,
  ];
  const console = CONSOLES[policy.console];
  if (console !== undefined) lines.push(console);
  if (policy.lockedFor !== null) lines.push(`It is locked: ${policy.lockedFor}.`);
  if (policy.refusal !== null) lines.push(`What the policy leaves was not taken: ${policy.refusal}.`);
  const open = Object.entries(policy.sections).filter(([, state]) => state !== "compliant");
  if (open.length > 0)
    lines.push(`Of the policy: ${open.map(([section, state]) => `${section} ${state}`).join(", ")}.`);
  return lines;
}

/** How the handset stands to its fleet: link, queue, freshness apart. */
function fleetText({ device, link, queue, stale }: ManagementView): string {
  const since = durationText((Date.now() - link.sinceMs) / 1000);
  const state = link.up
    ? `connected to ${link.broker} for ${since}${link.why === "" ? "" : `, but ${link.why}`}`
    : `not connected${link.broker === "" ? "" : ` to ${link.broker}`} for ${since}: ${link.why}`;
  const waits = queue.waiting === 0 ? "" : `; ${queue.waiting} messages wait`;
  const lost = queue.lost === 0 ? "" : `; ${queue.lost} were lost`;
  const trouble = queue.trouble === "" ? "" : `; its disk refuses: ${queue.trouble}`;
  const fresh = stale ? " The fleet's freshness document has expired; current policies stay in force." : "";
  return `Device ${device.slice(0, 8)}… of its fleet is ${state}${waits}${lost}${trouble}.${fresh}`;
}

function tapText({ energy }: PartitionView): string {
  const { rate, share } = energy.contract!;
  if (share > 0) return `is refilled with ${(share / 1e4).toFixed(1)} % of what else the battery loses`;
  return rate === 0 ? "is not being refilled" : `is refilled at ${powerText(rate)}`;
}

/** States in which a partition may draw power. */
const RUNS = new Set(["running", "paused"]);

/** How long the reserve lasts, and at what average. */
function reserveText(partition: PartitionView, view: HandsetView): string {
  const { average, contract, level } = partition.energy;
  if (!RUNS.has(partition.state))
    return `It is ${partition.state} and draws nothing${contract === null ? "" : `; its reserve holds ${energyText(level)}`}.`;
  if (average === null) return "It has not run long enough for a projection.";
  const drew = `Over the last ${durationText(average.spanNs / 1e9)} it drew ${powerText(average.milliwatts * 1000)}`;
  if (contract === null) return `${drew}, straight from the battery.`;
  const seconds = reserveSeconds(partition, view)!;
  if (level === 0) return `${drew}; its reserve is empty, so it uses what its tap brings.`;
  if (seconds === Infinity) return `${drew}, no more than its tap brings: its reserve lasts.`;
  return `${drew}, more than its tap brings: its reserve is empty in ${durationText(seconds)}.`;
}
