// The two slots of a device, and what may become of them.
//
// The idea. One slot is good: it has proven itself. An update is written to the other one, which is then on trial: it gets a few starts to prove
// itself, and each start of a slot on trial uses one up before the slot runs. Whoever runs out of tries is bad, and the good slot runs again. A slot
// that has proven itself uses nothing up: however often the power goes, a good slot is never left for an old one. The change from "on trial" to
// "good" is one step of the medium, and only with it does the floor rise below which no release is taken up again: a late way back is then a refusal and no
// downgrade.
//
// This is the whole machine. It keeps nothing: boot-entries.ts and boot-environment.ts say how its state lies on a medium.

import { UpdateError } from "./failure.ts";

export type SlotName = "a" | "b";

/** "empty": nothing that could start; "trial": written, `tries` starts are left; "good": has proven itself; "bad": had its starts. */
export type SlotState = "empty" | "trial" | "good" | "bad";

export interface Slot {
  state: SlotState;
  /** Of what lies in it; 0 for an empty one. */
  release: number;
  /** Starts that are left; 0 unless it is on trial. */
  tries: number;
}

export interface Slots {
  a: Slot;
  b: Slot;
  /** The slot that runs when none is on trial. */
  preferred: SlotName;
  /** The least release that may be taken up. */
  floor: number;
}

/** Starts that an update has to prove itself. */
export const TRIES = 3;

export const EMPTY: Slot = { state: "empty", release: 0, tries: 0 };

export function otherSlot(name: SlotName): SlotName {
  return name === "a" ? "b" : "a";
}

/** A device as it was flashed: slot A is good. */
export function flashed(release: number): Slots {
  return { a: { state: "good", release, tries: 0 }, b: EMPTY, preferred: "a", floor: release };
}

/** What the boot loader does at a start: which slot runs, and what the medium says before it does. Null: nothing can be started. */
export function bootStep(slots: Slots): { slots: Slots; runs: SlotName } | null {
  const trial = (["a", "b"] as const).find((name) => slots[name].state === "trial" && slots[name].tries > 0);
  if (trial !== undefined) {
    const tries = slots[trial].tries - 1;
    return { slots: { ...slots, [trial]: { ...slots[trial], tries } }, runs: trial };
  }
  const { preferred } = slots;
  for (const name of [preferred, otherSlot(preferred)]) if (slots[name].state === "good") return { slots, runs: name };
  return null;
}

/** What has to be so before an update is written: the other slot is given up first, so that a half-written one never starts.
 *  Throws UPDATE_OLD, UPDATE_TRIAL. */
export function beginUpdate(slots: Slots, running: SlotName, release: number): { slots: Slots; target: SlotName } {
  if (release < slots.floor) {
    const what = `release ${release} is older than ${slots.floor}, below which this device takes none`;
    throw new UpdateError("UPDATE_OLD", what, "Sign a newer release.");
  }
  if (slots[running].state !== "good") {
    throw new UpdateError(
      "UPDATE_TRIAL",
      "the running release has not proven itself yet",
      "Wait until it has reported.",
    );
  }
  const target = otherSlot(running);
  return { slots: { ...slots, [target]: EMPTY, preferred: running }, target };
}

/** The update is whole on the medium: from now on it is tried. */
export function updateWritten(slots: Slots, target: SlotName, release: number): Slots {
  return { ...slots, [target]: { state: "trial", release, tries: TRIES } };
}

/** The running slot has proven itself. For a good one nothing changes. */
export function bless(slots: Slots, running: SlotName): Slots {
  const { state, release } = slots[running];
  if (state === "good") return slots;
  const good: Slot = { state: "good", release, tries: 0 };
  return { ...slots, [running]: good, preferred: running, floor: Math.max(slots.floor, release) };
}

/** Marks slots whose tries are used up and that do not run. The good slot does it at its start, and reports it. */
export function settle(slots: Slots, running: SlotName): { slots: Slots; failed: SlotName | null } {
  const failed = (["a", "b"] as const).find(
    (name) => name !== running && slots[name].state === "trial" && slots[name].tries === 0,
  );
  if (failed === undefined) return { slots, failed: null };
  return { slots: { ...slots, [failed]: { ...slots[failed], state: "bad" } }, failed };
}

/** What must hold of every state that a medium can be in: else a reason. */
export function faultOf(slots: Slots): string | null {
  const names = ["a", "b"] as const;
  for (const name of names) {
    const { state, release, tries } = slots[name];
    if (tries < 0 || tries > TRIES) return `slot ${name} has ${tries} tries`;
    if (tries > 0 && state !== "trial") return `slot ${name} is ${state} and has tries`;
    if (state === "empty" && release !== 0) return `slot ${name} is empty and has a release`;
  }
  if (!names.some((name) => slots[name].state === "good")) return "no slot is good";
  if (slots[slots.preferred].state !== "good") return "the preferred slot is not good";
  return null;
}
