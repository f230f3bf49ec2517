// A broker's address, and the stream to it: mqtt, mqtts, ws or wss. Without TLS only this computer is talked to.

import { connect as connectTcp, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { streamBuilder as connectWebSocket } from "mqtt/lib/connect/ws";
import type { MqttClient } from "mqtt";
import type { ClientOptions } from "ws";
import { Failure } from "../failure.ts";
import { isValidAt, peerCertificates, walkChain } from "./chain.ts";
import { CheckedSocket } from "./checked-socket.ts";

/** A broker's address cannot be used: BROKER_ADDRESS, BROKER_PLAIN. */
export class EndpointError extends Failure {}

/** What TLS needs, in PEM: the device's certificate and key, and who vouches for the broker. Null: the broker asks for none, the system's
 *  own authorities are trusted. */
export interface TlsIdentity {
  certificate: string | null;
  key: string | null;
  authorities: string | null;
}

export interface Endpoint {
  /** The URL without what is not for people's eyes. */
  readonly name: string;
  readonly scheme: "mqtt" | "mqtts" | "ws" | "wss";
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

const PORTS: Record<Endpoint["scheme"], number> = { mqtt: 1883, mqtts: 8883, ws: 80, wss: 443 };
const URL_LENGTH_MAX = 512;
/** A WebSocket message, which may hold several packets. */
const WEBSOCKET_BYTES_MAX = 1 << 20;

/** Reads a broker's address. Throws an EndpointError. */
export function parseEndpoint(text: string): Endpoint {
  const url = text.length <= URL_LENGTH_MAX && URL.canParse(text) ? new URL(text) : null;
  const scheme = url?.protocol.slice(0, -1) as Endpoint["scheme"];
  if (url === null || !Object.hasOwn(PORTS, scheme) || url.hostname === "" || url.username !== "" || url.hash !== "") {
    throw new EndpointError(
      "BROKER_ADDRESS",
      "a broker's address cannot be used",
      "It is mqtt(s)://HOST[:PORT] or ws(s)://HOST[:PORT]/PATH, without a user.",
    );
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? PORTS[scheme] : Number(url.port);
  if ((scheme === "mqtt" || scheme === "ws") && !isLoopback(host)) {
    throw new EndpointError(
      "BROKER_PLAIN",
      `the broker ${host} is another computer, and its address has no TLS`,
      `Write ${scheme}s:// and enrol again.`,
    );
  }
  const path = scheme.startsWith("ws") ? url.pathname + url.search : "";
  return { name: `${scheme}://${url.hostname}:${port}`, scheme, host, port, path };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}

/** What a stream is opened with beside its identity. */
export interface Trusting {
  /** Session time, in seconds since 1970; null: nobody has said. */
  now: number | null;
  /** The connection asks for the time and nothing else: a broker whose dates cannot be judged will do, if all else holds. */
  forTime: boolean;
}

/** The error of a broker that is who it should be, but for its certificates' dates, of which nobody can tell. */
export const TIME_UNKNOWN = "TLS_TIME_UNKNOWN";

/** Opens a stream; what goes wrong is the stream's own error, before its close. */
export function openStream(client: MqttClient, endpoint: Endpoint, identity: TlsIdentity, trusting: Trusting): Duplex {
  const { scheme, host, port, path } = endpoint;
  const secure = (): CheckedSocket => {
    const socket = connectTls({
      minVersion: "TLSv1.2",
      ...(identity.certificate === null || identity.key === null
        ? {}
        : { cert: identity.certificate, key: identity.key }),
      ...(identity.authorities === null ? {} : { ca: identity.authorities }),
      ...(isIP(host) === 0 ? { servername: host } : {}),
      // What it would refuse, brokerFault() looks at.
      rejectUnauthorized: false,
      host,
      port,
    });
    return new CheckedSocket(socket, (connected) => brokerFault(connected, host, identity.authorities, trusting));
  };
  switch (scheme) {
    case "mqtt":
      return connectTcp({ host, port, noDelay: true });
    case "mqtts":
      return secure();
    default: {
      const hostname = isIP(host) === 6 ? `[${host}]` : host;
      const connection = scheme === "wss" ? { createConnection: secure } : {};
      const wsOptions = { maxPayload: WEBSOCKET_BYTES_MAX, perMessageDeflate: false, ...connection } as ClientOptions;
      const options = { protocol: scheme, hostname, port, path, wsOptions, protocolId: "MQTT" as const };
      return connectWebSocket(client, options) as Duplex;
    }
  }
}

/** Why a broker is not to be talked to; null: it is who it should be. The system's check counts when it says yes and session time does not say
 *  otherwise; when it says no, the chain to the pinned authorities is walked here, and its dates are judged by session time. */
function brokerFault(
  socket: TLSSocket,
  host: string,
  authorities: string | null,
  { now, forTime }: Trusting,
): Error | null {
  const certificates = peerCertificates(socket);
  if (authorities === null) {
    const [leaf] = certificates;
    if (!socket.authorized)
      return refusal(`the broker's certificate does not hold: ${String(socket.authorizationError)}`);
    const isOver = now !== null && leaf !== undefined && Date.parse(leaf.validTo) < now * 1000;
    return isOver ? refusal(`the certificate of ${host} has expired`) : null;
  }
  const chain = walkChain(certificates, authorities, host);
  // A longer chain than ours goes by the system's check alone.
  if (chain.fault !== null) return socket.authorized ? null : refusal(`${chain.fault} (${host})`);
  if (now !== null) {
    return isValidAt(chain.validity, now) ? null : refusal(`a certificate of ${host} is expired or not yet valid`);
  }
  if (socket.authorized || forTime) return null;
  const error = refusal(
    `by this device's clock a certificate of ${host} is expired or not yet valid: the time is asked for`,
  );
  return Object.assign(error, { code: TIME_UNKNOWN });
}

const refusal = (message: string): Error => Object.assign(new Error(message), { code: "TLS_REFUSED" });
