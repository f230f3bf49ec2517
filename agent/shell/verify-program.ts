// What checks signed documents inside QuickJS: accept() as the agent runs it, with tweetnacl in OpenSSL's place. Bundled into one text,
// build/verify-program.js. It keeps nothing between two calls: what the device trusts comes in, and goes out changed.
//
// SHA-256 is the host's (node:crypto), because tweetnacl has none: what is hashed names keys and documents, and the host that runs QuickJS
// could replace this text just as well. The signature itself, with its SHA-512, is checked here.

import nacl from "tweetnacl";
import { accept, type Via } from "../wire/accept.ts";
import { fromHex, toHex } from "../wire/bytes.ts";
import type { Times } from "../wire/clock.ts";
import type { Device } from "../wire/scope.ts";
import type { Crypto } from "../wire/signers.ts";
import { decodeTrust, encodeTrust } from "../wire/trust.ts";

/** One envelope and everything to judge it by; bytes in hexadecimal. */
export interface JudgeRequest {
  envelope: string;
  via: Via;
  device: Omit<Device, "id"> & { id: string };
  trust: string;
  times: Omit<Times, "nonce"> & { nonce: string | null };
}

/** What the program says. The document itself stays outside: it is in the envelope. */
export type JudgeAnswer =
  | { verdict: "accepted"; hash: string; trust: string }
  | { verdict: "unchanged"; hash: string }
  | { verdict: "refused"; reason: string; detail: string; commandId: string | null };

/** What the program finds in QuickJS and leaves there. */
interface World {
  hostSha256: (hex: string) => string;
  judge: (request: JudgeRequest) => JudgeAnswer;
}
const world = globalThis as unknown as World;
const { hostSha256 } = world;

const crypto: Crypto = {
  sha256: (bytes) => read(hostSha256(toHex(bytes))),
  verify: (key, message, signature) => nacl.sign.detached.verify(message, signature, key),
};

world.judge = ({ envelope, via, device, trust, times }) => {
  const parties: Device = { ...device, id: read(device.id) };
  const clocks: Times = { ...times, nonce: times.nonce === null ? null : read(times.nonce) };
  const verdict = accept(read(envelope), via, parties, decodeTrust(read(trust)), crypto, clocks);
  switch (verdict.verdict) {
    case "accepted":
      return { verdict: "accepted", hash: toHex(verdict.hash), trust: toHex(encodeTrust(verdict.trust)) };
    case "unchanged":
      return { verdict: "unchanged", hash: toHex(verdict.hash) };
    case "refused": {
      const { reason, detail, commandId } = verdict;
      return { verdict: "refused", reason, detail, commandId: commandId === null ? null : toHex(commandId) };
    }
  }
};

function read(hex: string): Uint8Array {
  const bytes = fromHex(hex);
  if (bytes === null) throw new TypeError("no hexadecimal");
  return bytes;
}
