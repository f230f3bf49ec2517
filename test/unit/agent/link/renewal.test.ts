// A device's next certificate: taken when it is the same in everything but its dates, and nothing else is.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readEnrolment, renewEnrolment } from "../../../../agent/daemon/enrolment.js";
import { renewedCertificate } from "../../../../agent/link/renewal.js";
import { fromHex } from "../../../../agent/wire/bytes.js";
import { authorityPem, clientPem, devicePem } from "../../../../fleet/certificates.js";
import { deviceNamed } from "../../../../fleet/devices.js";
import { endingCertificates, keepCertificate, renewals } from "../../../../fleet/renewals.js";
import { madeFleet } from "../../../support/fleet.js";
import { enrolKey } from "../../../support/fleet-device.js";
import { DAY, KEYS, NOW } from "../../../support/signed.js";
import { temporaryFolder } from "../../../support/temporary.js";

const test = suite("certificates that end");
const YEAR = 365 * DAY;
const bytesOf = (pem: string): Uint8Array => new Uint8Array(Buffer.from(pem));

test("the same key, name and authority with a later end is taken; the one in use is no news", async () => {
  const { store } = await madeFleet();
  const name = enrolKey(store);
  const key = KEYS.device.publicKey;
  const identity = {
    certificate: await devicePem(store, name, key, NOW),
    key: "",
    authorities: await authorityPem(store, NOW),
  };
  const later = await devicePem(store, name, key, NOW + YEAR);
  assert.is(renewedCertificate(bytesOf(later), name, identity), later);
  assert.is(renewedCertificate(bytesOf(identity.certificate), name, identity), null);
  const { store: strange } = await madeFleet();
  const refused: [string, RegExp][] = [
    [await devicePem(store, name, key, NOW - YEAR), /ends no later/],
    [await devicePem(store, name, KEYS.stranger.publicKey, NOW + YEAR), /another key/],
    [(await clientPem(store, name, NOW + YEAR)).certificate, /another key/],
    [await devicePem(store, "f".repeat(32), key, NOW + YEAR), /another name/],
    [await devicePem(strange, name, key, NOW + YEAR), /no authority/],
    [`${later}${later}`, /not one certificate/],
    ["", /not one certificate/],
    ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /cannot be read/],
    [`${later}${" ".repeat(9000)}`, /not one certificate/],
  ];
  for (const [pem, why] of refused) assert.throws(() => renewedCertificate(bytesOf(pem), name, identity), why);
  assert.throws(
    () => renewedCertificate(bytesOf(later), name, { ...identity, certificate: null }),
    /no certificate to renew/,
  );
});

test("the file keeps everything but the certificate", () => {
  const path = join(temporaryFolder(), "enrolment.json");
  const before = { tenant: "demo", brokers: ["mqtts://a:1"], certificate: "old", authorities: "ca", metrics: 9 };
  writeFileSync(path, JSON.stringify(before));
  renewEnrolment(path, "new");
  assert.equal(readEnrolment(path), { ...before, certificate: "new" });
  assert.is((JSON.parse(readFileSync(path, "utf8")) as { metrics: number }).metrics, 9);
});

test("half a year before its end a device's certificate is made anew, once, and stays with the broker; nobody's else is", async () => {
  const { store } = await madeFleet();
  const name = enrolKey(store);
  keepCertificate(store, name, await devicePem(store, name, fromHex(deviceNamed(store, name)!.key)!, NOW));
  assert.equal(await renewals(store, NOW + YEAR), []);
  const [first] = await renewals(store, NOW + 2 * YEAR - 179 * DAY);
  assert.is(first!.topic, `pv/1/demo/${name}/dn/cert`);
  assert.equal(await renewals(store, NOW + 2 * YEAR - 178 * DAY), [first]);
  const [second] = await renewals(store, NOW + 4 * YEAR - 358 * DAY);
  assert.not.equal(second!.envelope, first!.envelope);
});

test("what a person has to renew is said in time, with what to do", async () => {
  const { store } = await madeFleet();
  keepCertificate(store, "server-broker.example", (await clientPem(store, "broker.example", NOW)).certificate);
  assert.equal(endingCertificates(store, NOW + 2 * YEAR - 61 * DAY), []);
  assert.match(
    endingCertificates(store, NOW + 2 * YEAR - 59 * DAY)[0]!,
    /broker\.example ends on .*fleet certificate broker\.example/,
  );
  assert.match(endingCertificates(store, NOW + 3 * YEAR)[0]!, /has ended/);
});

test.run();
