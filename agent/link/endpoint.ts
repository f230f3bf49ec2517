// A broker's address, and the stream to it: mqtt, mqtts, ws or wss. Without TLS only this computer is talked to.

import { connect as connectTcp, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { streamBuilder as connectWebSocket } from "mqtt/lib/connect/ws";
import type { MqttClient } from "mqtt";
import { Failure } from "../failure.ts";

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

/** Opens a stream; what goes wrong is the stream's own error, before its close. */
export function openStream(client: MqttClient, endpoint: Endpoint, identity: TlsIdentity): Duplex {
  const { scheme, host, port, path } = endpoint;
  const tls = {
    minVersion: "TLSv1.2" as const,
    ...(identity.certificate === null || identity.key === null
      ? {}
      : { cert: identity.certificate, key: identity.key }),
    ...(identity.authorities === null ? {} : { ca: identity.authorities }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
  };
  switch (scheme) {
    case "mqtt":
      return connectTcp({ host, port, noDelay: true });
    case "mqtts":
      return connectTls({ ...tls, host, port }).setNoDelay(true);
    default: {
      const hostname = isIP(host) === 6 ? `[${host}]` : host;
      const wsOptions = { maxPayload: WEBSOCKET_BYTES_MAX, perMessageDeflate: false, ...(scheme === "wss" ? tls : {}) };
      const options = { protocol: scheme, hostname, port, path, wsOptions, protocolId: "MQTT" as const };
      return connectWebSocket(client, options) as Duplex;
    }
  }
}
