// What a fleet opens: a device's own documents, by the device's key.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nodeCrypto } from "../../../../agent/identity/crypto.js";
import { openSigned } from "../../../../agent/wire/open.js";
import { Refusal } from "../../../../agent/wire/reasons.js";
import { sign1, signMany } from "../../../../agent/wire/sign.js";
import type { EnrolRequest } from "../../../../agent/wire/documents.js";
import { assertFails } from "../../../support/failure.js";
import { claimsOf, KEYS, keyOf, NOW } from "../../../support/signed.js";

const open = suite("open");
const request: EnrolRequest = {
  ...claimsOf(),
  token: new Uint8Array(16).fill(7),
  deviceKey: KEYS.device.publicKey,
  facts: { board: "qemu-virt", agent: "0.1.0", hypervisor: "0.1.0", serial: "1", ramBytes: 2 ** 33, partitions: [] },
};
const itself = ({ deviceKey }: EnrolRequest): Uint8Array => deviceKey;
const reasonOf = (body: () => unknown): string => {
  try {
    body();
  } catch (error) {
    if (error instanceof Refusal) return error.reason;
    throw error;
  }
  return "opened";
};

open("an enrolment request, by the key that it names", async () => {
  const input = await sign1("enrol", request, KEYS.device, nodeCrypto);
  assert.equal(openSigned("enrol", input, itself, nodeCrypto), request);
});

open("by another key, with another's kid, changed, or of another kind, it is refused", async () => {
  const stranger = await sign1("enrol", request, KEYS.stranger, nodeCrypto);
  assert.is(
    reasonOf(() => openSigned("enrol", stranger, itself, nodeCrypto)),
    "signer",
  );
  const posing = { ...KEYS.stranger, publicKey: KEYS.device.publicKey };
  const forged = await sign1("enrol", request, posing, nodeCrypto);
  assert.is(
    reasonOf(() => openSigned("enrol", forged, itself, nodeCrypto)),
    "signature",
  );
  const input = await sign1("enrol", request, KEYS.device, nodeCrypto);
  const changed = Buffer.from(input);
  changed.set(new Uint8Array(16).fill(8), changed.indexOf(request.token));
  assert.is(
    reasonOf(() => openSigned("enrol", changed, itself, nodeCrypto)),
    "signature",
  );
  const many = await signMany("enrol", request, [KEYS.device, KEYS.stranger], nodeCrypto);
  assert.is(
    reasonOf(() => openSigned("enrol", many, itself, nodeCrypto)),
    "signer",
  );
  assert.is(
    reasonOf(() => openSigned("report", input, () => KEYS.device.publicKey, nodeCrypto)),
    "topic",
  );
});

open("a report, by the key that the device enrolled with", async () => {
  const report = { policy: { epoch: 3, version: 7 }, hash: new Uint8Array(32), appliedAt: NOW, sections: new Map() };
  const input = await sign1("report", report, KEYS.device, nodeCrypto);
  assert.equal(
    openSigned("report", input, () => KEYS.device.publicKey, nodeCrypto),
    report,
  );
  assert.is(
    reasonOf(() => openSigned("report", input, () => KEYS.owner.publicKey, nodeCrypto)),
    "signer",
  );
});

open("nothing is signed that no device would take", async () => {
  const fails = async (code: string, signing: Promise<Uint8Array>): Promise<void> => {
    const result = await signing.then(
      () => () => null,
      (error: unknown) => () => {
        throw error;
      },
    );
    assertFails(code, result);
  };
  await fails("WIRE_SCHEMA", sign1("enrol", { ...request, token: new Uint8Array(15) }, KEYS.device, nodeCrypto));
  await fails("WIRE_SCHEMA", signMany("enrol", request, [KEYS.device], nodeCrypto));
  const nine = Array.from({ length: 9 }, (_, index) => keyOf(60 + index));
  await fails("WIRE_SCHEMA", signMany("enrol", request, nine, nodeCrypto));
  const texts = Array.from({ length: 32 }, () => ({ language: "fr", text: "x".repeat(1024) }));
  const apps = Array.from({ length: 500 }, () => ({ app: "a".repeat(128), state: "blocked" as const }));
  await fails("WIRE_SHAPE", sign1("pol", { ...claimsOf(), partition: "work", texts, apps }, KEYS.policy, nodeCrypto));
});

open.run();
