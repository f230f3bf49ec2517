// The handset's call to the fleet's endpoint: HTTPS to a server that is known by its certificate's hash and nothing else. The hash is looked at
// before the first byte of the request leaves, because the request holds the token.

import { createHash, timingSafeEqual } from "node:crypto";
import { connect, type TLSSocket } from "node:tls";
import { request } from "node:http";
import { escapeText } from "../escape.ts";
import { DOCUMENT } from "../wire/limits.ts";
import { decodeMessage } from "../wire/schema.ts";
import { enrolGrant, type EnrolGrant } from "../wire/streams.ts";
import { EnrolmentFailure } from "./handset.ts";
import type { EnrolmentUri } from "./uri.ts";

const TIMEOUT_MS = 20_000;
const ANSWER_BYTES_MAX = DOCUMENT.bytesMax;

/** Posts the request, returns the grant. Throws ENROL_ENDPOINT. */
export async function askForGrant(uri: EnrolmentUri, body: Uint8Array): Promise<EnrolGrant> {
  const socket = await knownEndpoint(uri);
  try {
    const { status, answer } = await post(socket, uri, "enrol", body);
    if (status !== 200) throw failure(`it says ${status}: ${escapeText(answer.toString("utf8"), 200)}`);
    try {
      return decodeMessage(enrolGrant, new Uint8Array(answer), DOCUMENT);
    } catch (error) {
      throw failure(`its answer cannot be read: ${(error as Error).message}`);
    }
  } finally {
    socket.destroy();
  }
}

/** Tells the fleet what became of its grant, with the request that it answered: a handset that did not join is no device of the fleet's. Throws
 *  ENROL_ENDPOINT. */
export async function tellOutcome(
  uri: EnrolmentUri,
  request: Uint8Array,
  outcome: "joined" | "declined",
): Promise<void> {
  const socket = await knownEndpoint(uri);
  try {
    const { status } = await post(socket, uri, outcome, request);
    if (status !== 200) throw failure(`it says ${status}`);
  } finally {
    socket.destroy();
  }
}

function failure(why: string): EnrolmentFailure {
  const hint = "Ask for a new address: each is good for one handset and one day, while the fleet listens.";
  return new EnrolmentFailure("ENROL_ENDPOINT", `the fleet did not let this handset in: ${why}`, hint);
}

function knownEndpoint({ host, port, certificateHash }: EnrolmentUri): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = host.replace(/^\[|\]$/g, "");
    // It is its own authority; its hash is what tells who it is.
    const socket = connect({ host: name, port, rejectUnauthorized: false, minVersion: "TLSv1.3" });
    const fail = (why: string): void => {
      socket.destroy();
      reject(failure(why));
    };
    socket.setTimeout(TIMEOUT_MS, () => fail("it does not answer"));
    socket.once("error", (error) => fail(escapeText(error.message, 200)));
    socket.once("secureConnect", () => {
      const { raw } = socket.getPeerCertificate();
      const hash = createHash("sha256")
        .update(raw ?? Buffer.alloc(0))
        .digest();
      if (!timingSafeEqual(hash, certificateHash)) fail("somebody else answers there (another certificate)");
      else resolve(socket);
    });
  });
}

function post(
  socket: TLSSocket,
  { host, port }: EnrolmentUri,
  path: "enrol" | "joined" | "declined",
  body: Uint8Array,
): Promise<{ status: number; answer: Buffer }> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/cose", "content-length": body.length, host: `${host}:${port}` };
    const call = request({ method: "POST", path: `/${path}`, headers, createConnection: () => socket });
    call.once("error", (error) => reject(failure(escapeText(error.message, 200))));
    call.once("response", (response) => {
      const chunks: Buffer[] = [];
      let count = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        count += chunk.length;
        if (count > ANSWER_BYTES_MAX) {
          socket.destroy();
          reject(failure("its answer is too long"));
        }
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, answer: Buffer.concat(chunks) }));
      response.once("error", (error) => reject(failure(escapeText(error.message, 200))));
    });
    call.end(body);
  });
}
