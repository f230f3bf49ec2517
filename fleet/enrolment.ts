// The fleet lets a device in: a signed request with a token is answered by the grant (certificate, root document, brokers, what the owner is to be
// asked). The endpoint is HTTPS on one port, for one path, for small requests; the token is used up before anything is answered.

import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { PERMISSIONS } from "../agent/enrolment/handset.ts";
import { formatEnrolmentUri } from "../agent/enrolment/uri.ts";
import { nodeCrypto } from "../agent/identity/crypto.ts";
import { deviceIdOf } from "../agent/identity/device-key.ts";
import { toHex } from "../agent/wire/bytes.ts";
import type { EnrolRequest, Permission } from "../agent/wire/documents.ts";
import { openSigned } from "../agent/wire/open.ts";
import { encodeMessage } from "../agent/wire/schema.ts";
import { enrolGrant, type EnrolGrant } from "../agent/wire/streams.ts";
import { authorityPem, devicePem, endpointPem } from "./certificates.ts";
import { saveDevice, type EnrolledDevice } from "./devices.ts";
import { FleetError } from "./failure.ts";
import { pinOf, rootEnvelope } from "./keys.ts";
import { keepCertificate } from "./renewals.ts";
import type { FleetStore } from "./store.ts";
import { makeToken, useToken } from "./tokens.ts";

const REQUEST_BYTES_MAX = 16 << 10;
const REQUEST_MS = 10_000;
const CONNECTIONS_MAX = 16;

export interface EnrolmentTerms {
  /** Where devices find their broker. */
  brokers: string[];
  /** What the owner is asked to allow. */
  questions: Permission[];
  /** PEM of more authorities that devices should trust for brokers; may be empty. */
  authorities: string;
}

export const ALL_QUESTIONS = Object.keys(PERMISSIONS) as Permission[];

/** Why a request is refused: one word for the device, which learns no more. */
class RequestRefused extends Error {}

/** Answers a request. Throws RequestRefused. */
export async function grant(
  store: FleetStore,
  body: Uint8Array,
  terms: EnrolmentTerms,
  now: number,
): Promise<{ device: EnrolledDevice; grant: EnrolGrant }> {
  let request: EnrolRequest;
  try {
    request = openSigned("enrol", body, ({ deviceKey }) => deviceKey, nodeCrypto);
  } catch {
    throw new RequestRefused("no enrolment request");
  }
  const { audience, expires, token, deviceKey, facts } = request;
  if (audience !== store.tenant) throw new RequestRefused("another fleet's");
  if (expires <= now) throw new RequestRefused("too old");
  const name = toHex(deviceIdOf(deviceKey));
  // Before anything else: whatever fails from here on, the token is gone.
  if (!useToken(store, token, now)) throw new RequestRefused("the token is unknown, used or too old");
  const device = enrolledAs(name, deviceKey, facts, now);
  const answer = await grantFor(store, name, deviceKey, terms, now);
  saveDevice(store, device);
  return { device, grant: answer };
}

/** The grant for a device, without asking for a token: for a handset of this user on this computer. */
export async function grantFor(
  store: FleetStore,
  name: string,
  deviceKey: Uint8Array,
  { brokers, questions, authorities }: EnrolmentTerms,
  now: number,
): Promise<EnrolGrant> {
  const own = await devicePem(store, name, deviceKey, now);
  keepCertificate(store, name, own);
  const chain = [own, await authorityPem(store, now), authorities];
  return {
    certificate: chain.join(""),
    rootDocument: rootEnvelope(store),
    brokers,
    consentQuestions: questions,
  };
}

export function enrolledAs(
  name: string,
  deviceKey: Uint8Array,
  { serial, board }: EnrolRequest["facts"],
  now: number,
): EnrolledDevice {
  return { name, key: toHex(deviceKey), label: serial, board, enrolledAt: now, retiredAt: null };
}

/** The endpoint. */
export class EnrolmentServer {
  private readonly store: FleetStore;
  private readonly terms: EnrolmentTerms;
  private readonly server: Server;
  private readonly hash: Uint8Array;
  private readonly now: () => number;
  /** Called for each device that came in, after its answer has left. */
  enrolled: (device: EnrolledDevice) => void = () => {};
  /** Called for each request that was refused. */
  refused: (why: string) => void = () => {};

  /** Listens. Throws ENROL_PORT. */
  static async listen(
    store: FleetStore,
    terms: EnrolmentTerms,
    address: { host: string; port: number },
    now: () => number,
  ): Promise<EnrolmentServer> {
    const { key, certificate, hash } = await endpointPem(store, now());
    const server = createServer({
      key,
      cert: certificate,
      minVersion: "TLSv1.3",
      handshakeTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      headersTimeout: REQUEST_MS,
      maxHeaderSize: 4096,
    });
    server.maxConnections = CONNECTIONS_MAX;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(address.port, address.host, resolve);
      });
    } catch (error) {
      const what = `${address.host}:${address.port} cannot be listened on: ${(error as Error).message}`;
      throw new FleetError("ENROL_PORT", what, "Name another with --port N or --listen ADDRESS");
    }
    return new EnrolmentServer(store, terms, server, hash, now);
  }

  private constructor(store: FleetStore, terms: EnrolmentTerms, server: Server, hash: Uint8Array, now: () => number) {
    this.store = store;
    this.terms = terms;
    this.server = server;
    this.hash = hash;
    this.now = now;
    server.on("request", (request, response) => void this.serve(request, response));
    server.on("tlsClientError", (_error, socket) => socket.destroy());
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** A new one-time address; `host` is how the device reaches this computer. */
  address(host: string): string {
    const now = this.now();
    return formatEnrolmentUri({
      tenant: this.store.tenant,
      host,
      port: this.port,
      certificateHash: this.hash,
      pin: pinOf(this.store),
      token: makeToken(this.store, now),
      time: now,
    });
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.server.closeAllConnections();
    await closed;
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const end = (status: number, body: Uint8Array | string): void => {
      response.writeHead(status, {
        connection: "close",
        "content-type": status === 200 ? "application/cbor" : "text/plain",
      });
      response.end(body);
    };
    try {
      if (request.method !== "POST" || request.url !== "/enrol") return end(404, "not here");
      const body = await bodyOf(request);
      if (body === null) return end(413, "too large");
      const { device, grant: answer } = await grant(this.store, body, this.terms, this.now());
      response.once("finish", () => this.enrolled(device));
      end(200, encodeMessage(enrolGrant, answer));
    } catch (error) {
      const why = error instanceof RequestRefused ? error.message : "the fleet could not answer";
      this.refused(error instanceof RequestRefused ? why : `${why}: ${(error as Error).message}`);
      end(error instanceof RequestRefused ? 403 : 500, why);
    }
  }
}

/** The request's body; null: it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | null> {
  const chunks: Buffer[] = [];
  let count = 0;
  for await (const chunk of request) {
    count += (chunk as Buffer).length;
    if (count > REQUEST_BYTES_MAX) return null;
    chunks.push(chunk as Buffer);
  }
  return new Uint8Array(Buffer.concat(chunks));
}
