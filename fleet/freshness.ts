// Freshness documents: what time it is, and which documents are the newest, for each device, each group and everybody. A broker that keeps back what
// is new, or serves what is old, is found out by them; a device without a valid one keeps its policy and says "stale".

import { toHex } from "../agent/wire/bytes.ts";
import type { Claims } from "../agent/wire/claims.ts";
import { openEnvelope } from "../agent/wire/cose.ts";
import type { Listed } from "../agent/wire/documents.ts";
import { LISTED_MAX } from "../agent/wire/limits.ts";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { enrolledDevices } from "./devices.ts";
import { allIssued, audienceName, audienceOf, issue, issuedFor, type Issued } from "./documents.ts";
import { FleetError } from "./failure.ts";
import { rootEnvelope, rootInForce } from "./keys.ts";
import type { FleetStore } from "./store.ts";

/** How long one is valid, and when the keeper makes the next. */
export const FRESH_SECONDS = 48 * 3600;
export const RENEW_SECONDS = 12 * 3600;

type Audience = Claims["audience"];

/** Signs the freshness document of one audience. Throws FLEET_LISTED when it would have too many entries. */
export async function signFreshness(store: FleetStore, audience: Audience, now: number): Promise<Issued<"time">> {
  const newest = listedFor(store, audience);
  if (newest.length > LISTED_MAX) {
    const what = `${newest.length} documents are for ${audienceName(audience)}, ${LISTED_MAX} at most`;
    throw new FleetError("FLEET_LISTED", what, "Govern fewer partitions by one group.");
  }
  return issue(store, "time", audience, { now, newest }, now, FRESH_SECONDS);
}

/** Signs those that end within `withinSeconds`, or that do not name what is kept: all of them, by default. */
export async function signAllFreshness(
  store: FleetStore,
  now: number,
  withinSeconds = Infinity,
): Promise<Issued<"time">[]> {
  const signed: Issued<"time">[] = [];
  const epoch = rootInForce(store).epochNext;
  for (const audience of audiences(store)) {
    if (isFresh(store, audience, epoch, now + withinSeconds)) continue;
    signed.push(await signFreshness(store, audience, now));
  }
  return signed;
}

/** Everybody that a freshness document is for. Simulated devices make do with everybody's: they come and go by the thousand. */
function audiences(store: FleetStore): Audience[] {
  const devices = enrolledDevices(store).filter(({ retiredAt, simulated }) => retiredAt === null && simulated !== true);
  const kept = allIssued(store).map(({ audience }) => audience);
  const groups = kept.filter((audience) => typeof audience === "string");
  return [...new Set(["all", ...groups, ...devices.map(({ name }) => name)])].map(audienceOf);
}

function isFresh(store: FleetStore, audience: Audience, epoch: number, until: number): boolean {
  const present = issuedFor(store, audience).find((each) => each.kind === "time") as Issued<"time"> | undefined;
  if (present === undefined || present.document.expires <= until) return false;
  if (present.document.epoch !== epoch) return false;
  const text = (listed: Listed[]): string =>
    listed.map(({ kind, partition, hash }) => `${kind}/${partition}/${toHex(hash)}`).join();
  return text(present.document.newest) === text(listedFor(store, audience));
}

function listedFor(store: FleetStore, audience: Audience): Listed[] {
  const documents = issuedFor(store, audience).filter(({ kind }) => kind !== "time");
  const listed = documents.map(({ kind, partition, hash, document: { epoch, version } }) => ({
    ...{ kind: kind as string, partition, epoch, version, hash },
  }));
  if (audience !== "all") return listed;
  const { epoch, version } = rootInForce(store);
  return [
    { kind: "root", partition: "", epoch, version, hash: nodeCrypto.sha256(openEnvelope(rootEnvelope(store)).payload) },
    ...listed,
  ];
}
