// A partition's network, as a handset file or a command line writes it.

import { isIP, isIPv4, isIPv6 } from "node:net";
import { UnitError } from "./units.ts";

/** A listener of the host's that leads into the guest. */
export interface ForwardSpec {
  address: string;
  port: number;
  guestPort: number;
}

/** A destination that is allowed or denied. */
export interface DestinationSpec {
  destination: string;
  portFirst: number;
  portLast: number;
  protocol: "any" | "tcp" | "udp";
}

export interface NetworkFile {
  forwards: ForwardSpec[];
  /** Ports of the host's loopback that the guest reaches at its gateway. */
  hostPorts: number[];
  allow: DestinationSpec[];
  deny: DestinationSpec[];
  bytesPerDay: number | null;
}

export const LIST_MOST = 64;
/** What a partition has whose file says no more than that it has a network. */
export const PLAIN_NETWORK: NetworkFile = { forwards: [], hostPorts: [], allow: [], deny: [], bytesPerDay: null };

/** A port, 1 to 65535. Throws UnitError. */
export function parsePort(value: unknown): number {
  const text = String(value);
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw new UnitError("expected a port, 1 to 65535");
}

/** "2222:22", or "127.0.0.1:2222:22", or "[::1]:2222:22": a port of this computer that leads to a port of the guest's. Throws UnitError. */
export function parseForward(value: unknown): ForwardSpec {
  const match = /^(?:(?:\[([0-9a-f:.]+)\]|([\d.]+)):)?(\d+):(\d+)$/i.exec(String(value));
  const address = match?.[1] ?? match?.[2] ?? "127.0.0.1";
  const known = match?.[1] === undefined ? isIPv4(address) : isIPv6(address);
  if (match === null || !known) {
    throw new UnitError("expected PORT:GUEST-PORT or ADDRESS:PORT:GUEST-PORT, such as 2222:22");
  }
  return { address, port: parsePort(match[3]), guestPort: parsePort(match[4]) };
}

/** "10.0.0.0/8", "host.example", "*.example:443", "tcp 192.0.2.1:80-90", "[2001:db8::/32]:443". Throws UnitError. */
export function parseDestination(value: unknown): DestinationSpec {
  const match =
    /^(?:(tcp|udp) )?(?:\[([0-9a-f:./]+)\](?::([\d-]+))?|([^\s:[\]]+)(?::([\d-]+))?|([0-9a-f:.]+(?:\/\d+)?))$/i.exec(
      String(value),
    );
  const destination = match?.[2] ?? match?.[4] ?? match?.[6];
  if (match === null || destination === undefined || !isDestination(destination)) {
    throw new UnitError(
      "expected an address, a range such as 10.0.0.0/8, or a name, and if you like a port: host.example:443",
    );
  }
  const ports = match[3] ?? match[5];
  const [portFirst, portLast] = ports === undefined ? [0, 65_535] : portsOf(ports);
  return {
    destination: destination.toLowerCase(),
    portFirst,
    portLast,
    protocol: (match[1] as "tcp" | undefined) ?? "any",
  };
}

function portsOf(text: string): [number, number] {
  const [first, last = first, ...rest] = text.split("-");
  const range: [number, number] = [parsePort(first), parsePort(last)];
  if (rest.length > 0 || range[0] > range[1]) throw new UnitError("expected a port, or a range of ports such as 80-90");
  return range;
}

/** An address, a range of them, or a host's name (RFC 1123 §2.1), "*." before it for all below it. */
function isDestination(text: string): boolean {
  const [head = "", bits, ...rest] = text.split("/");
  if (bits !== undefined)
    return rest.length === 0 && isIP(head) > 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= (isIPv4(head) ? 32 : 128);
  if (isIP(text) > 0) return true;
  const labels = text.replace(/^\*\./, "").split(".");
  const label = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i;
  return text.length <= 253 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1)!);
}
