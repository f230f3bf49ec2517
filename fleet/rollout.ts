// A roll-out in rings: canaries first, then more, and all only when those before have shown that it holds. What happens next is decided by
// one pure function of the roll-out's state and the time; whoever carries it out (cli/rollout.ts) may be cut off at any point and asks again.
//
//   canary 1 % → 10 % → 50 % → 100 %, each after the one before has succeeded (≥ 95 % of all in it) and has soaked for an hour

import { createHash } from "node:crypto";

export const RINGS = [0.01, 0.1, 0.5, 1] as const;
export const SUCCESS_LEAST = 0.95;
export const ABORT_SHARE = 0.05;
export const ABORT_DONE_LEAST = 20;
const BUCKETS = 2 ** 32;

/** How many devices are pushed to, or restored, between two writes of the roll-out's file. */
const BATCH = 32;

export type DeviceStatus = "waiting" | "pushed" | "succeeded" | "failed";

export interface Rollout {
  id: string;
  state: "running" | "paused" | "aborted" | "done" | "rolling-back" | "rolled-back";
  /** The ring that is open: an index into RINGS. */
  ring: number;
  /** When every device of the open ring that had to succeed had done so; null: not yet. */
  soakingSince: number | null;
  soakSeconds: number;
  /** How long a device may take before it counts as failed. */
  timeoutSeconds: number;
  /** By device's name. */
  devices: Record<string, RolloutDevice>;
}

export interface RolloutDevice {
  status: DeviceStatus;
  pushedAt: number | null;
  /** It was given back what it had before. */
  restored?: true;
}

export type Step =
  | { step: "push"; devices: string[] }
  | { step: "expire"; devices: string[] }
  | { step: "soak" }
  | { step: "advance" }
  | { step: "abort"; why: string }
  | { step: "finish" }
  | { step: "restore"; devices: string[] }
  | { step: "restored" }
  | { step: "wait"; why: string };

/** A device's place between 0 and 1: the same in every run of this roll-out, another in the next. */
export function bucketOf(rollout: string, device: string): number {
  const digest = createHash("sha256").update(rollout).update(Buffer.from(device, "hex")).digest();
  return digest.readUInt32BE(0) / BUCKETS;
}

/** The devices of a ring and of those before it: exactly its share of all, rounded up, so that the first ring has a canary. */
export function ringOf({ id, devices }: Pick<Rollout, "id" | "devices">, ring: number): string[] {
  const ordered = Object.keys(devices)
    .map((name) => ({ name, bucket: bucketOf(id, name) }))
    .sort((a, b) => a.bucket - b.bucket || (a.name < b.name ? -1 : 1));
  // Whole percents: 10 % of 30 is 3, and not what 0.1 makes of it.
  const count = Math.ceil((ordered.length * Math.round(RINGS[ring]! * 100)) / 100);
  return ordered.slice(0, count).map(({ name }) => name);
}

/** What to do now, one step at a time. Changes nothing. */
export function decide(rollout: Rollout, now: number): Step {
  if (rollout.state === "rolling-back") {
    const left = Object.entries(rollout.devices).filter(([, each]) => each.status !== "waiting" && !each.restored);
    const devices = left.slice(0, BATCH).map(([name]) => name);
    return devices.length === 0 ? { step: "restored" } : { step: "restore", devices };
  }
  if (rollout.state !== "running") return { step: "wait", why: rollout.state };
  const all = Object.values(rollout.devices);
  const failed = all.filter(({ status }) => status === "failed").length;
  const done = failed + all.filter(({ status }) => status === "succeeded").length;
  if (done >= ABORT_DONE_LEAST && failed >= done * ABORT_SHARE) {
    return { step: "abort", why: `${failed} of ${done} devices failed` };
  }
  const open = ringOf(rollout, rollout.ring);
  const having = (status: DeviceStatus): string[] => open.filter((name) => rollout.devices[name]!.status === status);
  const late = having("pushed").filter((name) => now - rollout.devices[name]!.pushedAt! >= rollout.timeoutSeconds);
  if (late.length > 0) return { step: "expire", devices: late };
  const waiting = having("waiting");
  if (waiting.length > 0) return { step: "push", devices: waiting.slice(0, BATCH) };
  const succeeded = having("succeeded").length;
  if (succeeded < open.length * SUCCESS_LEAST) {
    const pending = having("pushed").length;
    // Fewer than 20 may be done, and yet this ring can never make it.
    if (pending === 0) return { step: "abort", why: `${succeeded} of ${open.length} devices of the ring succeeded` };
    return { step: "wait", why: `${pending} devices have not answered` };
  }
  if (rollout.ring === RINGS.length - 1) {
    return having("pushed").length === 0
      ? { step: "finish" }
      : { step: "wait", why: "the last devices have not answered" };
  }
  if (rollout.soakingSince === null) return { step: "soak" };
  const left = rollout.soakingSince + rollout.soakSeconds - now;
  return left <= 0 ? { step: "advance" } : { step: "wait", why: `soaks for ${left} s more` };
}

/** The roll-out after a step. */
export function after(rollout: Rollout, step: Step, now: number): Rollout {
  const set = (names: string[], status: DeviceStatus): Rollout["devices"] => {
    const pushedAt = (name: string): number | null => (status === "pushed" ? now : rollout.devices[name]!.pushedAt);
    const changed = names.map(
      (name) => [name, { ...rollout.devices[name]!, status, pushedAt: pushedAt(name) }] as const,
    );
    return { ...rollout.devices, ...Object.fromEntries(changed) };
  };
  switch (step.step) {
    case "push":
      return { ...rollout, devices: set(step.devices, "pushed") };
    case "expire":
      return { ...rollout, devices: set(step.devices, "failed") };
    case "soak":
      return { ...rollout, soakingSince: now };
    case "advance":
      return { ...rollout, ring: rollout.ring + 1, soakingSince: null };
    case "abort":
      return { ...rollout, state: "aborted" };
    case "finish":
      return { ...rollout, state: "done" };
    case "restore": {
      const restored = step.devices.map((name) => [name, { ...rollout.devices[name]!, restored: true }] as const);
      return { ...rollout, devices: { ...rollout.devices, ...Object.fromEntries(restored) } };
    }
    case "restored":
      return { ...rollout, state: "rolled-back" };
    case "wait":
      return rollout;
  }
}

/** Whether nothing will happen any more without somebody's wish. */
export const hasEnded = ({ state }: Rollout): boolean => ["aborted", "done", "rolled-back"].includes(state);

/** When decide() may say something else although nobody has been heard: the end of a soak, or a device's time-out. Null: never. */
export function nextAt({ soakingSince, soakSeconds, timeoutSeconds, devices }: Rollout): number | null {
  const times = Object.values(devices)
    .filter(({ status }) => status === "pushed")
    .map(({ pushedAt }) => pushedAt! + timeoutSeconds);
  if (soakingSince !== null) times.push(soakingSince + soakSeconds);
  return times.length === 0 ? null : times.reduce((least, each) => Math.min(least, each));
}

/** What devices reported: in step with the roll-out's policy, or refused it. Only those that it was pushed to are looked at, and what they
 *  said once stays. */
export function noted(rollout: Rollout, succeeded: string[], failed: string[]): Rollout {
  const devices = { ...rollout.devices };
  for (const [names, status] of [
    [succeeded, "succeeded"],
    [failed, "failed"],
  ] as const) {
    for (const name of names) {
      const device = devices[name];
      if (device?.status === "pushed") devices[name] = { ...device, status };
    }
  }
  return { ...rollout, devices };
}
