// Topics: pv/1/{tenant}/{device}/… and what they mean. A topic that a broker sends is outside input like any other: what is not exactly one
// of ours is none.

import type { AcceptedKind } from "../wire/accept.ts";
import { Failure } from "../failure.ts";

/** A name cannot be part of a topic: TOPIC_NAME. */
export class TopicError extends Failure {}

/** Below a device, a group, or all: where a document came from. */
export interface DownTopic {
  from: "device" | "group" | "all";
  /** The group's name; empty otherwise. */
  group: string;
  kind: Exclude<AcceptedKind, "consent">;
  /** Of dn/pol/{partition}; empty otherwise. */
  partition: string;
  /** Of all/dn/roots/{version}, where every root document stays, so that a device that was away for several walks from one to the next. */
  rootVersion?: number;
  /** Of dn/img/{name}: each image has a topic of its own, as each partition's policy has. */
  image?: string;
}

const DEVICE = /^[0-9a-f]{32}$/;
const LABEL = /^[a-z0-9-]{1,32}$/;
/** A tenant is a label too: nothing in it can be taken for a wildcard, a level or a broker's own `$` topics (MQTT 5 §4.7). */
const TENANT = LABEL;
const KINDS: ReadonlySet<string> = new Set(["root", "time", "now", "lock", "groups", "img", "cmd"]);
const ROOT_VERSION = /^[1-9][0-9]{0,8}$/;
/** Root documents that a connection takes that asks for the time alone. */
const ROOTS_AT_ONCE = 4;
/** The longest topic of ours: tenant and group of 32 characters, a partition of 32. */
const TOPIC_LENGTH_MAX = 128;

/** The topics of one device. */
export class Topics {
  /** Where the fleet says whether it is there. */
  readonly fleetState: string;
  /** Where the device's next certificate is. */
  readonly certificate: string;
  private readonly base: string;
  private readonly device: string;

  /** Throws TOPIC_NAME for names that are not a tenant's and a device's. */
  constructor(tenant: string, device: string) {
    if (!TENANT.test(tenant)) throw new TopicError("TOPIC_NAME", "the tenant's name is not 1 to 32 of a-z, 0-9 and -");
    if (!DEVICE.test(device)) throw new TopicError("TOPIC_NAME", "the device's name is not 32 hexadecimal digits");
    this.base = `pv/1/${tenant}/`;
    this.fleetState = `${this.base}fleet/state`;
    this.device = device;
    this.certificate = `${this.base}${device}/dn/cert`;
  }

  up(kind: "state" | "tm" | "ev" | "ack"): string {
    return `${this.base}${this.device}/up/${kind}`;
  }

  /** Of a stream, or of what is applied of one partition's policy: a topic of its own for each, because what is retained there must not be
   *  replaced by another's. Throws TOPIC_NAME for a name that is no label. */
  stream(kind: "log" | "con" | "rep", name: string): string {
    if (!LABEL.test(name)) throw new TopicError("TOPIC_NAME", "the stream's name is not 1 to 32 of a-z, 0-9 and -");
    return `${this.base}${this.device}/up/${kind}/${name}`;
  }

  /** What to subscribe to. Groups that are no labels name no topic and are left out. */
  filters(groups: readonly string[]): string[] {
    const named = groups.filter((group) => LABEL.test(group)).map((group) => `${this.base}g/${group}/dn/#`);
    return [`${this.base}${this.device}/dn/#`, `${this.base}all/dn/#`, this.fleetState, ...named];
  }

  /** What to subscribe to while nobody knows what time it is: the answer, and the root documents that follow the one in force. */
  filtersForTime(rootVersion: number): string[] {
    const roots = Array.from({ length: ROOTS_AT_ONCE }, (_, at) => `${this.base}all/dn/roots/${rootVersion + 1 + at}`);
    return [`${this.base}${this.device}/dn/now`, ...roots];
  }

  /** What a topic means that a broker delivered; null: it is not for this device. Groups are not looked at: what a group's document is
   *  worth, its signature and audience tell. */
  parse(topic: string): DownTopic | null {
    if (topic.length > TOPIC_LENGTH_MAX || !topic.startsWith(this.base)) return null;
    const levels = topic.slice(this.base.length).split("/");
    const first = levels.shift()!;
    let [from, group]: [DownTopic["from"], string] = ["device", ""];
    if (first === "g") {
      [from, group] = ["group", levels.shift() ?? ""];
      if (!LABEL.test(group)) return null;
    } else if (first === "all") from = "all";
    else if (first !== this.device) return null;
    const [down, kind, partition, ...more] = levels;
    if (down !== "dn" || kind === undefined || more.length > 0) return null;
    if (kind === "pol") {
      return partition !== undefined && LABEL.test(partition) ? { from, group, kind, partition } : null;
    }
    if (kind === "roots" && from === "all") {
      const rootVersion = ROOT_VERSION.test(partition ?? "") ? Number(partition) : null;
      return rootVersion === null ? null : { from, group, kind: "root", partition: "", rootVersion };
    }
    if (kind === "img" && partition !== undefined) {
      return LABEL.test(partition) ? { from, group, kind, partition: "", image: partition } : null;
    }
    if (!KINDS.has(kind) || partition !== undefined) return null;
    // A command, a lock, an answer and a list of groups are one device's own.
    if (from !== "device" && ["groups", "cmd", "lock", "now"].includes(kind)) return null;
    return { from, group, kind: kind as DownTopic["kind"], partition: "" };
  }
}
