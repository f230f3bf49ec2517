// A roll-out's files in the tenant's folder, below rollouts/: ID.json, how far it is, which only who carries it out writes; ID.wish, what somebody else
// wants of it; ID.yaml, the policy; ID.before/DEVICE.cbor, what each device had before. A process that is killed anywhere leaves what the next
// goes on from.

import { UsageError } from "../agent/failure.ts";
import { openEnvelope } from "../agent/wire/cose.ts";
import { decodeDocument } from "../agent/wire/open.ts";
import type { PolicyBody } from "../agent/wire/policy.ts";
import { RINGS, type Rollout } from "./rollout.ts";
import type { FleetStore } from "./store.ts";
import { desiredPolicies } from "./view.ts";

/** 1 to 32 of a-z, 0-9 and -. */
export const ROLLOUT_ID = /^[a-z0-9-]{1,32}$/;

/** The roll-out as it is, with the wish that was left last. */
export function loadRollout(store: FleetStore, id: string): Rollout {
  const rollout = store.readJson(isRollout, "rollouts", `${id}.json`);
  if (rollout === null)
    throw new UsageError("ROLLOUT_UNKNOWN", `there is no roll-out ${id}`, "See: pocketvisor fleet rollout --help");
  const wish = Buffer.from(store.readBytes("rollouts", `${id}.wish`) ?? []).toString("latin1");
  if (wish === "rolling-back") return rollout.state === "rolled-back" ? rollout : { ...rollout, state: wish };
  const open = rollout.state === "running" || rollout.state === "paused";
  return open && (wish === "running" || wish === "paused" || wish === "aborted")
    ? { ...rollout, state: wish }
    : rollout;
}

/** Every roll-out, by id. */
export function allRollouts(store: FleetStore): Rollout[] {
  return store.list("rollouts").flatMap((name) => {
    const id = name.endsWith(".json") ? name.slice(0, -5) : "";
    return ROLLOUT_ID.test(id) ? [loadRollout(store, id)] : [];
  });
}

export const saveRollout = (store: FleetStore, rollout: Rollout): void =>
  store.writeJson(rollout, "rollouts", `${rollout.id}.json`);

function isRollout(value: unknown): value is Rollout {
  const rollout = value as Partial<Rollout> | null;
  if (typeof rollout !== "object" || rollout === null || typeof rollout.devices !== "object") return false;
  return (
    ROLLOUT_ID.test(String(rollout.id)) &&
    ["running", "paused", "aborted", "done", "rolling-back", "rolled-back"].includes(String(rollout.state)) &&
    Number.isInteger(rollout.ring) &&
    RINGS[rollout.ring!] !== undefined &&
    (rollout.soakingSince === null || Number.isSafeInteger(rollout.soakingSince)) &&
    Number.isSafeInteger(rollout.soakSeconds) &&
    Number.isSafeInteger(rollout.timeoutSeconds) &&
    Object.entries(rollout.devices).every(
      ([name, device]) =>
        /^[0-9a-f]{32}$/.test(name) &&
        ["waiting", "pushed", "succeeded", "failed"].includes(device?.status) &&
        (device.pushedAt === null || Number.isSafeInteger(device.pushedAt)),
    )
  );
}

/** Leaves a wish: whoever runs the roll-out reads it before every step. */
export function wishFor(store: FleetStore, id: string, state: Rollout["state"]): void {
  store.writeBytes(Buffer.from(state), "rollouts", `${id}.wish`);
}

/** Keeps what a device had before this roll-out, once: nothing is kept as an empty file. */
export function keepBefore(store: FleetStore, id: string, name: string, partition: string): void {
  const place = ["rollouts", `${id}.before`, `${name}.cbor`];
  if (store.readBytes(...place) !== null) return;
  const had = desiredPolicies(store, name).find((each) => each.partition === partition);
  store.writeBytes(had?.envelope ?? new Uint8Array(), ...place);
}

/** What a device had before: issued again it is a newer version of the same contents, for versions only rise. Had it none, it gets a policy without a
 *  section, which cuts nothing. */
export function policyBefore(store: FleetStore, id: string, name: string, partition: string): PolicyBody {
  const envelope = store.readBytes("rollouts", `${id}.before`, `${name}.cbor`);
  if (envelope === null || envelope.length === 0) return { partition };
  return decodeDocument("pol", openEnvelope(envelope).payload);
}
