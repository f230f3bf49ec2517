// What a device trusts, as a file: it comes back as it was, and a damaged one is refused.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decodeTrust, encodeTrust, isStale, newestListed, type Trust } from "../../../../agent/wire/trust.js";
import { DAY, DEVICE, fleetTrust, NOW, pinnedTrust } from "../../../support/signed.js";

const trust = suite("trust");
const hash = new Uint8Array(32).fill(7);
const entry = (version: number, epoch = 3): Trust["freshness"][number]["newest"][number] => ({
  kind: "pol",
  partition: "work",
  epoch,
  version,
  hash,
});
const full = fleetTrust({
  versions: Array.from({ length: 1024 }, (_, index) => ({
    kind: "img",
    subject: `image-${index}`,
    epoch: 3,
    version: index,
    hash,
  })),
  freshness: [
    { audience: DEVICE.id, expires: NOW + DAY, newest: [entry(4)] },
    { audience: "sales", expires: NOW, newest: [entry(9), { ...entry(30), partition: "vault" }] },
    { audience: "all", expires: NOW, newest: [entry(2, 4)] },
  ],
  replay: Array.from({ length: 256 }, (_, index) => ({ id: new Uint8Array(16).fill(index), expires: NOW })),
  allowed: ["locate", "wipe-device"],
});

for (const [what, value] of [
  ["at enrolment", pinnedTrust()],
  ["full", full],
] as const) {
  trust(`${what}: it comes back as it was`, () => assert.equal(decodeTrust(encodeTrust(value)), value));
}

trust("cut anywhere, or with a byte too many, it is refused", () => {
  const bytes = encodeTrust(fleetTrust());
  for (let length = 0; length < bytes.length; length++) assert.throws(() => decodeTrust(bytes.subarray(0, length)));
  assert.throws(() => decodeTrust(Uint8Array.from([...bytes, 0])));
});

trust("the newest of all lists counts, by epoch and then by version", () => {
  assert.is(newestListed(full, "pol", "work")?.epoch, 4);
  assert.is(newestListed({ ...full, freshness: full.freshness.slice(0, 2) }, "pol", "work")?.version, 9);
  assert.is(newestListed(full, "pol", "personal"), undefined);
});

trust("a device is stale when no freshness document is valid any more", () => {
  assert.is(isStale(full, NOW + DAY - 1), false);
  assert.is(isStale(full, NOW + DAY), true);
  assert.is(isStale(fleetTrust(), NOW), true);
});

trust.run();
