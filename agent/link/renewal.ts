// A new certificate for the device's own key, which the fleet has left with the broker before the old one ends. It needs no signature of the fleet's:
// a certificate says by itself who vouches for it. It is taken when it is the same in everything but its dates: the same key, the same name, an
// authority that enrolment pinned, and a later end.

import { X509Certificate } from "node:crypto";
import type { TlsIdentity } from "./endpoint.ts";

const BYTES_MAX = 8 << 10;
const ONE = /^\s*-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----\s*$/;
const ALL = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;

/** The certificate to use from now on, PEM; null: this one is in use already. Throws RangeError with the reason for one that is not to be taken. */
export function renewedCertificate(payload: Uint8Array, device: string, identity: TlsIdentity): string | null {
  const { certificate, authorities } = identity;
  if (certificate === null || authorities === null) throw new RangeError("this device has no certificate to renew");
  const pem = payload.length <= BYTES_MAX ? Buffer.from(payload).toString("latin1") : "";
  if (!ONE.test(pem)) throw new RangeError("it is not one certificate in PEM");
  const [old, next] = [new X509Certificate(certificate), parsed(pem)];
  if (next.raw.equals(old.raw)) return null;
  const keyOf = ({ publicKey }: X509Certificate): string => publicKey.export({ format: "pem", type: "spki" }) as string;
  if (keyOf(next) !== keyOf(old)) throw new RangeError("it is for another key");
  if (next.subject !== `CN=${device}`) throw new RangeError("it is for another name");
  const pinned = (authorities.match(ALL) ?? []).map((each) => new X509Certificate(each));
  const isIssued = pinned.some((each) => each.ca && next.checkIssued(each) && next.verify(each.publicKey));
  if (!isIssued) throw new RangeError("no authority of this device's fleet vouches for it");
  if (Date.parse(next.validTo) <= Date.parse(old.validTo)) throw new RangeError("it ends no later than the one in use");
  return pem;
}

function parsed(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new RangeError("it cannot be read");
  }
}
