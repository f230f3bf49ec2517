// X.509 for TLS: the fleet's authority (the enrol key, self-signed), certificates of devices for their own Ed25519 keys, a server's for the enrolment
// endpoint or a broker. Certificates only open the connection; what a device may be told, signed documents decide.

import "reflect-metadata";
import { createHash, webcrypto, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import * as x509 from "@peculiar/x509";
import { FleetError } from "./failure.ts";
import { keyFileFor } from "./keys.ts";
import type { FleetStore } from "./store.ts";

const ED25519 = { name: "Ed25519" };
const AUTHORITY_DAYS = 10 * 365;
const DEVICE_DAYS = 2 * 365;
const SERVER_DAYS = 2 * 365;
/** A phone's clock may be behind. */
const BEFORE_SECONDS = 86_400;
/** RFC 8410 §4. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

type CryptoKey = webcrypto.CryptoKey;
type Pair = webcrypto.CryptoKeyPair;

x509.cryptoProvider.set(webcrypto as never);

/** The authority's certificate, PEM; made when there is none for the enrol key in force. Throws FLEET_KEYS. */
export async function authorityPem(store: FleetStore, now: number): Promise<string> {
  const { certificate } = await authority(store, now);
  return `${certificate.toString("pem")}\n`;
}

/** A device's certificate for TLS, PEM. The subject is the device's name, which a broker takes for its user and client id. */
export async function devicePem(store: FleetStore, name: string, publicKey: Uint8Array, now: number): Promise<string> {
  const { certificate, key } = await authority(store, now);
  const spki = Buffer.concat([SPKI_PREFIX, publicKey]);
  const issued = await x509.X509CertificateGenerator.create({
    ...validity(now, DEVICE_DAYS),
    subject: `CN=${name}`,
    issuer: certificate.subject,
    publicKey: (await webcrypto.subtle.importKey("spki", spki, ED25519, true, ["verify"])) as never,
    signingKey: key as never,
    signingAlgorithm: ED25519,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.clientAuth]),
    ],
  });
  return `${issued.toString("pem")}\n`;
}

/** A key and a certificate for whoever else speaks to the broker, such as the fleet's own tools, PEM. The broker takes `name` for its user. */
export async function clientPem(
  store: FleetStore,
  name: string,
  now: number,
): Promise<{ key: string; certificate: string }> {
  const pair = await newPair();
  const publicKey = new Uint8Array(await webcrypto.subtle.exportKey("raw", pair.publicKey));
  return { key: await keyPem(pair), certificate: await devicePem(store, name, publicKey, now) };
}

/** A key and a certificate of the authority's for a server, PEM. */
export async function serverPem(
  store: FleetStore,
  host: string,
  now: number,
): Promise<{ key: string; certificate: string }> {
  const { certificate, key } = await authority(store, now);
  const pair = await newPair();
  const issued = await x509.X509CertificateGenerator.create({
    ...validity(now, SERVER_DAYS),
    subject: `CN=${host}`,
    issuer: certificate.subject,
    publicKey: pair.publicKey as never,
    signingKey: key as never,
    signingAlgorithm: ED25519,
    extensions: serverExtensions(host),
  });
  return { key: await keyPem(pair), certificate: `${issued.toString("pem")}\n` };
}

/** The enrolment endpoint's key and certificate, which vouches for itself: its hash is in the address. Kept, so that an address outlives a
 *  restart of the listener. */
export async function endpointPem(
  store: FleetStore,
  now: number,
): Promise<{ key: string; certificate: string; hash: Uint8Array }> {
  const read = (name: string): string | null => {
    const bytes = store.readBytes(name);
    return bytes === null ? null : Buffer.from(bytes).toString("utf8");
  };
  let [key, certificate] = [read("endpoint.key"), read("endpoint.pem")];
  if (key === null || certificate === null || Date.parse(new X509Certificate(certificate).validTo) < now * 1000) {
    const pair = await newPair();
    const made = await x509.X509CertificateGenerator.createSelfSigned({
      ...validity(now, SERVER_DAYS),
      name: "CN=enrolment",
      keys: pair as never,
      signingAlgorithm: ED25519,
      extensions: serverExtensions("localhost"),
    });
    [key, certificate] = [await keyPem(pair), `${made.toString("pem")}\n`];
    store.writeBytes(Buffer.from(key), "endpoint.key");
    store.writeBytes(Buffer.from(certificate), "endpoint.pem");
  }
  const { raw } = new X509Certificate(certificate);
  return { key, certificate, hash: new Uint8Array(createHash("sha256").update(raw).digest()) };
}

async function authority(
  store: FleetStore,
  now: number,
): Promise<{ certificate: x509.X509Certificate; key: CryptoKey }> {
  const { path, kid } = await keyFileFor(store, "enrol");
  const der = pemBody(readFileSync(path, "utf8"));
  const key = await webcrypto.subtle.importKey("pkcs8", der, ED25519, false, ["sign"]);
  const kept = store.readBytes("authorities", `${kid}.pem`);
  if (kept !== null) return { certificate: new x509.X509Certificate(Buffer.from(kept).toString("utf8")), key };
  const jwk = await webcrypto.subtle.exportKey(
    "jwk",
    await webcrypto.subtle.importKey("pkcs8", der, ED25519, true, ["sign"]),
  );
  const publicKey = await webcrypto.subtle.importKey("jwk", { kty: "OKP", crv: "Ed25519", x: jwk.x! }, ED25519, true, [
    "verify",
  ]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...validity(now, AUTHORITY_DAYS),
    name: `CN=${store.tenant} fleet`,
    keys: { privateKey: key, publicKey } as never,
    signingAlgorithm: ED25519,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
    ],
  });
  store.writeBytes(Buffer.from(`${certificate.toString("pem")}\n`), "authorities", `${kid}.pem`);
  return { certificate, key };
}

function validity(now: number, days: number): { serialNumber: string; notBefore: Date; notAfter: Date } {
  const serial = Buffer.from(webcrypto.getRandomValues(new Uint8Array(16)));
  // RFC 5280 §4.1.2.2: positive.
  serial[0]! &= 0x7f;
  return {
    serialNumber: serial.toString("hex"),
    notBefore: new Date((now - BEFORE_SECONDS) * 1000),
    notAfter: new Date((now + days * 86_400) * 1000),
  };
}

function serverExtensions(host: string): x509.Extension[] {
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    new x509.SubjectAlternativeNameExtension([{ type: isIP(host) === 0 ? "dns" : "ip", value: host }]),
  ];
}

const newPair = (): Promise<Pair> => webcrypto.subtle.generateKey(ED25519, true, ["sign", "verify"]) as Promise<Pair>;

async function keyPem({ privateKey }: Pair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", privateKey)).toString("base64");
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)!.join("\n")}\n-----END PRIVATE KEY-----\n`;
}

function pemBody(pem: string): Buffer {
  const body = /-----BEGIN PRIVATE KEY-----([A-Za-z0-9+/=\s]+)-----END PRIVATE KEY-----/.exec(pem)?.[1];
  if (body !== undefined) return Buffer.from(body, "base64");
  throw new FleetError("FLEET_DAMAGED", "the enrol key's file holds no key in PEM", "Put it back from a copy.");
}
