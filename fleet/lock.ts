// What the fleet wants locked or wiped of a device: one signed document of state, kept by the broker and in force until the next. It needs no clock,
// so neither an empty battery nor a thief who sets the clock keeps a lock away.

import type { Desired, LockDocument } from "../agent/wire/documents.ts";
import { audienceOf, issue, issuedFor, type Issued } from "./documents.ts";
import type { FleetStore } from "./store.ts";

/** It has no end; the claim has to have one. */
const LOCK_SECONDS = 20 * 365 * 86_400;

type LockBody = Pick<LockDocument, "partitions" | "others">;

/** The lock document in force for a device; null: there never was one. */
export function lockFor(store: FleetStore, device: string): Issued<"lock"> | null {
  const found = issuedFor(store, audienceOf(device)).find(({ kind }) => kind === "lock");
  return (found as Issued<"lock"> | undefined) ?? null;
}

/** What is wanted of a partition; of all, when none is named. */
export function wantedOf({ partitions, others }: LockBody, partition: string | null): Desired {
  return (partitions.find((each) => each.partition === partition) ?? others).desired;
}

/** The state after a person has asked for something: of one partition, or of all that the fleet manages. */
export function changedLock(
  before: LockBody | null,
  partition: string | null,
  desired: Desired,
  version: number,
): LockBody {
  const { partitions, others } = before ?? { partitions: [], others: { desired: "unlocked", since: 0 } };
  if (partition === null) return { partitions: [], others: { desired, since: version } };
  const rest = partitions.filter((each) => each.partition !== partition);
  return { partitions: [...rest, { partition, desired, since: version }], others };
}

/** Signs the next lock document of a device. Throws FLEET_KEYS: a wipe of the whole device needs two wipe keys. */
export function signLock(
  store: FleetStore,
  device: string,
  partition: string | null,
  desired: Desired,
  now: number,
): Promise<Issued<"lock">> {
  const before = lockFor(store, device)?.document ?? null;
  const body = (version: number): LockBody => changedLock(before, partition, desired, version);
  return issue(store, "lock", audienceOf(device), body, now, LOCK_SECONDS);
}
