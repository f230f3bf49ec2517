// Types that several messages share.

import { bool, bytes, either, list, mapOf, pattern, place, range, rule, text, tuple, uint, words } from "./schema.ts";

export const u53 = rule("u53", range(0, Number.MAX_SAFE_INTEGER));
/** Seconds since 1970 (RFC 8392 NumericDate, whole), or a duration, as named. */
export const secs = rule("secs", uint);
/** The first 16 bytes of SHA-256 of the device's raw public key. */
export const devid = rule("devid", bytes(16));
/** 0 is the hypervisor itself. */
export const partId = rule("part-id", range(0, 65_535));
export const name = rule("name", text(1, 64));
/** What a partition or group is called. */
export const label = rule("label", pattern("[a-z0-9-]{1,32}"));
export const sha256 = rule("sha256", bytes(32));
export const cmdId = rule("cmd-id", bytes(16));
/** One device, a group, or "all". */
export const target = rule("target", either(devid, label));
export const epoch = rule("epoch", uint);
/** A raw Ed25519 public key. */
export const pubkey = rule("pubkey", bytes(32));
export const anyArgs = rule("any-args", mapOf(uint, either(uint, text(), bytes(), bool)));
export const tri = rule("tri", words({ deny: 0, ask: 1, allow: 2 }));
export const partInfo = rule(
  "part-info",
  tuple({
    id: place(partId),
    name: place(label),
    kind: place(words({ work: 1, personal: 2, system: 3 })),
    image: place(sha256),
  }),
);
export const partInfos = list(partInfo);
