// Good envelopes and what can be made of them without a key. An envelope that is not one of the good ones, byte by byte, must be refused;
// the only exception is a threshold whose signatures stand in another order.

import { nodeCrypto } from "../../agent/identity/crypto.js";
import type { AcceptedKind, Via } from "../../agent/wire/accept.js";
import { concatBytes, toHex } from "../../agent/wire/bytes.js";
import { decode, encode, type Item } from "../../agent/wire/cbor.js";
import { DOCUMENT, ENVELOPE } from "../../agent/wire/limits.js";
import { signMany } from "../../agent/wire/sign.js";
import { typeOfKind } from "../../agent/wire/kinds.js";
import { kidOf } from "../../agent/wire/signers.js";
import type { Trust } from "../../agent/wire/trust.js";
import { fromLittleEndian, L, littleEndian } from "../support/edwards.js";
import type { Random } from "../support/random.js";
import { claimsOf, fleetTrust, KEYS, signedDocument, SIGNERS, viaOf } from "../support/signed.js";

export interface Specimen {
  kind: AcceptedKind;
  bytes: Uint8Array;
}

const KINDS = Object.keys(SIGNERS) as AcceptedKind[];

/** A device that would accept each of the specimens. */
export const specimenTrust = (): Trust => fleetTrust({ allowed: ["wipe-device", "locate"] });

/** Three good documents of each kind, and two wipes. */
export async function specimens(): Promise<Specimen[]> {
  const made: Specimen[] = [];
  for (const kind of KINDS) {
    for (let count = 0; count < 3; count++) made.push({ kind, bytes: await signedDocument(kind) });
  }
  // As many signatures as it takes: with one more, a mutant that drops one would still be genuine.
  for (const signers of [KEYS.wipe.slice(0, 2), KEYS.wipe.slice(1)]) {
    const wipe = { ...claimsOf(), verb: "wipe-device" as const };
    made.push({ kind: "cmd", bytes: await signMany("cmd", wipe, signers, nodeCrypto) });
  }
  return made;
}

export interface Mutant {
  bytes: Uint8Array;
  via: Via;
  /** Genuine after all: the same signatures in another order. */
  genuine: boolean;
}

/** One mutant of the specimens. */
export function mutate(random: Random, from: Specimen[]): Mutant {
  const { kind, bytes } = random.pick(from);
  const [name, mutator] = random.pick(MUTATORS);
  const mutant = mutator(bytes, random, from);
  // Mostly where it belongs: elsewhere the topic is all that it would meet.
  const via = viaOf(random.oneIn(20) ? random.pick(KINDS) : kind);
  return { bytes: mutant, via, genuine: name === "order" && via.kind === kind };
}

type Mutator = (bytes: Uint8Array, random: Random, from: Specimen[]) => Uint8Array;

const INTERESTING = [
  0x00, 0x01, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x20, 0x3b, 0x40, 0x5f, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xd2, 0xf6,
  0xf9, 0xff,
];

const MUTATORS: [name: string, mutator: Mutator][] = [
  [
    "bits",
    (bytes, random) => {
      const copy = bytes.slice();
      for (let count = random.below(8); count >= 0; count--) copy[random.below(copy.length)]! ^= 1 << random.below(8);
      return copy;
    },
  ],
  [
    "bytes",
    (bytes, random) => {
      const copy = bytes.slice();
      for (let count = random.below(4); count >= 0; count--) {
        copy[random.below(copy.length)] = random.oneIn(2) ? random.pick(INTERESTING) : random.below(256);
      }
      return copy;
    },
  ],
  ["cut", (bytes, random) => bytes.slice(0, random.below(bytes.length))],
  ["longer", (bytes, random) => concatBytes(bytes, randomBytes(random, 1 + random.below(70)))],
  [
    "delete",
    (bytes, random) => {
      const at = random.below(bytes.length);
      return concatBytes(bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(40)));
    },
  ],
  [
    "insert",
    (bytes, random) => {
      const at = random.below(bytes.length);
      return concatBytes(bytes.subarray(0, at), randomBytes(random, 1 + random.below(40)), bytes.subarray(at));
    },
  ],
  [
    "twice",
    (bytes, random) => {
      const at = random.below(bytes.length);
      return concatBytes(bytes.subarray(0, at + random.below(80)), bytes.subarray(at));
    },
  ],
  [
    "splice",
    (bytes, random, from) => {
      const other = random.pick(from).bytes;
      const at = random.below(bytes.length);
      return concatBytes(bytes.subarray(0, at), other.subarray(random.oneIn(2) ? at : random.below(other.length)));
    },
  ],
  ["parts", recombine],
  ["payload", changePayload],
  ["header", changeHeader],
  ["malleable", addOrder],
  ["order", (bytes) => change(bytes, (signers) => signers.reverse())],
  ["drop", (bytes, random) => change(bytes, (signers) => signers.slice(0, 1 + random.below(signers.length - 1)))],
  ["repeat", (bytes, random) => change(bytes, (signers) => [...signers, random.pick(signers)])],
  ["form", otherForm],
  ["noise", (_, random) => randomBytes(random, random.below(400))],
];

function randomBytes(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

// ---- Mutants that are well-formed envelopes ------------------------------------------------------------------------------------

type Signer = [header: Uint8Array, unprotected: Item, signature: Uint8Array];
interface Parts {
  form: "sign1" | "sign";
  payload: Uint8Array;
  signers: Signer[];
}

function take(bytes: Uint8Array): Parts {
  if (bytes[0] === 0xd2) {
    const [header, unprotected, payload, signature] = decode(bytes.subarray(1), ENVELOPE) as [
      Uint8Array,
      Item,
      Uint8Array,
      Uint8Array,
    ];
    return { form: "sign1", payload, signers: [[header, unprotected, signature]] };
  }
  const [, , payload, signers] = decode(bytes.subarray(2), ENVELOPE) as [Uint8Array, Item, Uint8Array, Signer[]];
  return { form: "sign", payload, signers };
}

function put({ form, payload, signers }: Parts): Uint8Array {
  if (form === "sign1") {
    const [header, unprotected, signature] = signers[0]!;
    return concatBytes(Uint8Array.of(0xd2), encode([header, unprotected, payload, signature]));
  }
  return concatBytes(Uint8Array.of(0xd8, 0x62), encode([new Uint8Array(), new Map(), payload, signers]));
}

/** For thresholds; a single signature stays, behind a payload that is not its own. */
function change(bytes: Uint8Array, edit: (signers: Signer[]) => Signer[]): Uint8Array {
  const parts = take(bytes);
  return parts.form === "sign" ? put({ ...parts, signers: edit(parts.signers) }) : bytes.slice(1);
}

/** Header, payload and signature of different envelopes. */
function recombine(bytes: Uint8Array, random: Random, from: Specimen[]): Uint8Array {
  const parts = take(bytes);
  const any = (): Parts => take(random.pick(from).bytes);
  if (random.oneIn(2)) parts.payload = any().payload;
  parts.signers = parts.signers.map(([header, unprotected, signature]): Signer => {
    const other = random.pick(any().signers);
    return [random.oneIn(3) ? other[0] : header, unprotected, random.oneIn(3) ? other[2] : signature];
  });
  return put(parts);
}

/** Another value somewhere in the payload, which stays what a schema reads as often as not. */
function changePayload(bytes: Uint8Array, random: Random): Uint8Array {
  const parts = take(bytes);
  const document = decode(parts.payload, DOCUMENT) as Map<number, Item>;
  const key = random.pick([...document.keys()]);
  const value = document.get(key)!;
  if (typeof value === "number") document.set(key, random.pick([value + 1, value - 1, 0, 2 ** 40, random.wild()]));
  else if (value instanceof Uint8Array) document.set(key, randomBytes(random, value.length));
  else if (typeof value === "string") document.set(key, random.pick(["all", "sales", "work", "personal", ""]));
  else document.delete(key);
  return put({ ...parts, payload: encode(document) });
}

/** Another algorithm, key or type in a header. */
function changeHeader(bytes: Uint8Array, random: Random): Uint8Array {
  const parts = take(bytes);
  const keys = [
    ...KEYS.root,
    KEYS.time,
    KEYS.policy,
    KEYS.command,
    KEYS.image,
    ...KEYS.wipe,
    KEYS.owner,
    KEYS.stranger,
  ];
  parts.signers = parts.signers.map(([bytesOfHeader, unprotected, signature]): Signer => {
    const header = decode(bytesOfHeader, ENVELOPE) as Map<number, Item>;
    switch (random.below(4)) {
      case 0:
        header.set(1, random.pick([-8, -7, -19, -50, 5]));
        break;
      case 1:
        header.set(4, kidOf(random.pick(keys).publicKey, nodeCrypto));
        break;
      case 2:
        header.set(16, typeOfKind(random.pick(KINDS)));
        break;
      default:
        return [bytesOfHeader, new Map([[4, randomBytes(random, 8)]]), signature];
    }
    return [encode(header), unprotected, signature];
  });
  return put(parts);
}

/** s + L, for one or all. */
function addOrder(bytes: Uint8Array, random: Random): Uint8Array {
  const parts = take(bytes);
  const count = BigInt(1 + random.below(14));
  parts.signers = parts.signers.map(([header, unprotected, signature]): Signer => {
    const s = fromLittleEndian(signature.subarray(32)) + count * L;
    return [header, unprotected, concatBytes(signature.subarray(0, 32), littleEndian(s))];
  });
  return put(parts);
}

/** A single signature in a COSE_Sign, twice; or one of a threshold in a COSE_Sign1. */
function otherForm(bytes: Uint8Array): Uint8Array {
  const parts = take(bytes);
  if (parts.form === "sign") return put({ ...parts, form: "sign1" });
  return put({ ...parts, form: "sign", signers: [parts.signers[0]!, parts.signers[0]!] });
}

/** Bytes that cost as much as possible before they are refused. */
export async function costly(): Promise<[what: string, via: Via, bytes: Uint8Array][]> {
  const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
  const tag = Uint8Array.of(0xd2);
  const forged = async (kind: AcceptedKind, signers: number): Promise<Uint8Array> => {
    const parts = take(await signedDocument(kind));
    const payload = filled(65_536 - 200 - signers * 130, 0);
    // Eight kids, of which each is a key's: root keys, then those that only the payload would name.
    const [header, unprotected, signature] = parts.signers[0]!;
    const others = Array.from({ length: signers - 1 }, (_, index): Signer => {
      const map = decode(header, ENVELOPE) as Map<number, Item>;
      return [
        encode(map.set(4, kidOf([...KEYS.root, ...KEYS.wipe][index + 1]?.publicKey ?? filled(32, index), nodeCrypto))),
        unprotected,
        signature,
      ];
    });
    return put({ form: signers === 1 ? "sign1" : "sign", payload, signers: [parts.signers[0]!, ...others] });
  };
  const entries = Array.from({ length: 512 }, (_, index) => ({
    kind: "img",
    partition: `image-${index}`,
    epoch: 3,
    version: index,
    hash: filled(32, index),
  }));
  const time = await signedDocument("time", { newest: entries });
  return [
    ["64 KiB of array heads", { kind: "pol" }, concatBytes(tag, filled(65_535, 0x81))],
    ["64 KiB of empty maps in an array", { kind: "pol" }, concatBytes(tag, Uint8Array.of(0x84), filled(65_534, 0xa0))],
    ["64 KiB of zeros", { kind: "pol" }, filled(65_536, 0)],
    ["16 MiB of zeros", { kind: "pol" }, filled(1 << 24, 0)],
    ["2^32 - 1 items announced", { kind: "pol" }, concatBytes(tag, Uint8Array.of(0x9a, 255, 255, 255, 255))],
    ["64 KiB with a signature that is not its own", { kind: "pol", partition: "work" }, await forged("pol", 1)],
    ["64 KiB with the root keys' signatures, all forged", { kind: "root" }, await forged("root", 3)],
    ["64 KiB with eight signatures", { kind: "root" }, await forged("root", 8)],
    ["a good freshness document of 512 entries", { kind: "time" }, time],
    ["the same with one byte changed", { kind: "time" }, time.map((byte, at) => (at === 500 ? byte ^ 1 : byte))],
  ];
}

/** The bytes of the good ones, to tell a mutant that is none. */
export const isSpecimen = (from: Specimen[]): ((bytes: Uint8Array) => boolean) => {
  const known = new Set(from.map(({ bytes }) => toHex(bytes)));
  return (bytes) => known.has(toHex(bytes));
};
