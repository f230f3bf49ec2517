// Whether a broker's certificate is to be believed when the system says no. A phone whose clock is wrong cannot tell an expired certificate from a good
// one, and OpenSSL keeps only the last error that it met: CERT_HAS_EXPIRED may stand for a stranger's certificate too. So the chain is walked
// here, from the broker's certificate to a pinned authority (RFC 5280 §6.1: issuer, signature, basic constraints), with the host's name and
// the purpose, and its dates are a question of their own.

import { X509Certificate } from "node:crypto";
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from "node:tls";

/** Certificates between the broker's and an authority's. */
const DEPTH_MAX = 6;
/** id-kp-serverAuth (RFC 5280 §4.2.1.12). */
const SERVER_AUTH = "1.3.6.1.5.5.7.3.1";
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g;
const AUTHORITIES_MAX = 64;

/** Seconds since 1970 between which every certificate of a chain is valid. */
export interface Validity {
  from: number;
  to: number;
}

/** What was found: why the chain is none, or from when to when it is valid. */
export type Chain = { fault: string } | { fault: null; validity: Validity };

/** Walks from the first certificate to one of the authorities. `authorities` is PEM. Dates are not looked at. */
export function walkChain(certificates: readonly X509Certificate[], authorities: string, host: string): Chain {
  const [leaf, ...others] = certificates;
  if (leaf === undefined) return { fault: "the broker shows no certificate" };
  const fault = leafFault(leaf, host);
  if (fault !== null) return { fault };
  const anchors = (authorities.match(CERTIFICATE) ?? [])
    .slice(0, AUTHORITIES_MAX)
    .map((pem) => new X509Certificate(pem));
  const path = [leaf];
  for (let current = leaf; path.length <= DEPTH_MAX + 1;) {
    if (anchors.some(({ raw }) => raw.equals(current.raw))) return { fault: null, validity: validityOf(path) };
    const anchor = anchors.find((each) => hasIssued(each, current));
    if (anchor !== undefined) return { fault: null, validity: validityOf([...path, anchor]) };
    const next = others.find((each) => !path.includes(each) && hasIssued(each, current));
    if (next === undefined)
      return { fault: "no authority of this device's fleet vouches for the broker's certificate" };
    path.push(next);
    current = next;
  }
  return { fault: "the broker's chain of certificates is too long" };
}

/** The certificates that the other side has sent, its own first. */
export function peerCertificates(socket: TLSSocket): X509Certificate[] {
  const found: X509Certificate[] = [];
  let current: PeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  while (current?.raw !== undefined && found.length <= DEPTH_MAX) {
    const hash = current.fingerprint256;
    if (seen.has(hash)) break;
    seen.add(hash);
    found.push(new X509Certificate(current.raw));
    current = (current as { issuerCertificate?: PeerCertificate }).issuerCertificate;
  }
  return found;
}

/** Whether a chain is valid at a time, in seconds since 1970. */
export const isValidAt = ({ from, to }: Validity, seconds: number): boolean => from <= seconds && seconds <= to;

function leafFault(leaf: X509Certificate, host: string): string | null {
  const wrongName = checkServerIdentity(host, leaf.toLegacyObject() as unknown as PeerCertificate);
  if (wrongName !== undefined) return "the broker's certificate is for another host";
  // What an authority makes for devices must not pose as a broker.
  const purposes = leaf.keyUsage as string[] | undefined;
  if (purposes !== undefined && !purposes.includes(SERVER_AUTH)) return "the broker's certificate is not a server's";
  return null;
}

function hasIssued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function validityOf(path: readonly X509Certificate[]): Validity {
  return {
    from: Math.max(...path.map(({ validFrom }) => Math.ceil(Date.parse(validFrom) / 1000))),
    to: Math.min(...path.map(({ validTo }) => Math.floor(Date.parse(validTo) / 1000))),
  };
}
