// DNS messages (RFC 1035 §4), read strictly: every length is looked at before it is believed, a compressed name only ever points backwards,
// and a message that has more than it may is no message.

import { read16, read32, write16, write32 } from "./bytes.ts";

export const HEADER_BYTES = 12;
export const MESSAGE_BYTES_MOST = 65_535;
export const TYPE = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, MX: 15, AAAA: 28, SRV: 33, DNAME: 39, OPT: 41 } as const;
export const CLASS_IN = 1;
export const RCODE = { ok: 0, format: 1, serverFailure: 2, noName: 3, notImplemented: 4, refused: 5 } as const;
const [NAME_BYTES_MOST, LABEL_BYTES_MOST] = [255, 63];
/** Records that a message may have. */
const RECORDS_MOST = 256;
/** Pointers that a name may follow: each goes backwards, so this bounds work alone. */
const POINTERS_MOST = 32;
const FLAG = { response: 0x8000, truncated: 0x0200, recursionDesired: 0x0100, recursionAvailable: 0x0080 } as const;

export class DnsError extends Error {
  readonly code = "NETWORK_DNS";
}

export interface Question {
  /** Lower case, without the dot at the end; a label's bytes that are no letters, digits, - or _ as \DDD (RFC 4343 §2.1). The root is "". */
  name: string;
  type: number;
  class: number;
}

export interface DnsRecord extends Question {
  /** Seconds. */
  ttl: number;
  /** With every name in it written out. */
  data: Uint8Array;
}

export interface Query {
  id: number;
  recursionDesired: boolean;
  question: Question;
  /** The question as it was asked: who asks may look at its case. */
  asked: Uint8Array;
  /** Bytes that a UDP answer may have (RFC 6891 §6.2.3): 512 without EDNS. */
  payload: number;
  edns: boolean;
}

export interface Response {
  id: number;
  code: number;
  truncated: boolean;
  question: Question;
  answers: DnsRecord[];
  authority: DnsRecord[];
}

/** A query of a client. Throws DnsError; `id` of it can then still be answered if it has two bytes. */
export function readQuery(bytes: Uint8Array): Query {
  const { id, flags, counts } = readHeader(bytes);
  if ((flags & FLAG.response) !== 0 || (flags & 0x7800) !== 0) throw new DnsError("no query");
  if (counts[0] !== 1 || counts[1] !== 0 || counts[2] !== 0 || counts[3]! > 1) throw new DnsError("not one question");
  const read = new Reader(bytes);
  const question = read.question();
  const asked = bytes.slice(HEADER_BYTES, read.at);
  let payload = 512;
  if (counts[3] === 1) {
    const option = read.record();
    if (option.type !== TYPE.OPT || option.name !== "") throw new DnsError("an additional record that is no option");
    payload = Math.max(512, option.class);
  }
  const recursionDesired = (flags & FLAG.recursionDesired) !== 0;
  return { id, recursionDesired, question, asked, payload, edns: counts[3] === 1 };
}

/** A resolver's response. Throws DnsError. */
export function readResponse(bytes: Uint8Array): Response {
  const { id, flags, counts } = readHeader(bytes);
  if ((flags & FLAG.response) === 0 || (flags & 0x7800) !== 0) throw new DnsError("no response");
  if (counts[0] !== 1) throw new DnsError("not one question");
  if (counts[1]! + counts[2]! + counts[3]! > RECORDS_MOST) throw new DnsError("too many records");
  const read = new Reader(bytes);
  const question = read.question();
  const truncated = (flags & FLAG.truncated) !== 0;
  const head = { id, code: flags & 15, truncated, question };
  // What was cut off may end anywhere (RFC 2181 §9): it is asked for again over TCP.
  if (truncated) return { ...head, answers: [], authority: [] };
  const records = (count: number): DnsRecord[] => Array.from({ length: count }, () => read.record());
  return { ...head, answers: records(counts[1]!), authority: records(counts[2]!) };
}

function readHeader(bytes: Uint8Array): { id: number; flags: number; counts: number[] } {
  if (bytes.length < HEADER_BYTES || bytes.length > MESSAGE_BYTES_MOST) throw new DnsError("no header");
  return { id: read16(bytes, 0), flags: read16(bytes, 2), counts: [4, 6, 8, 10].map((at) => read16(bytes, at)) };
}

class Reader {
  at = HEADER_BYTES;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  question(): Question {
    const name = nameText(this.name());
    this.need(4);
    const question = { name, type: read16(this.bytes, this.at), class: read16(this.bytes, this.at + 2) };
    this.at += 4;
    return question;
  }

  record(): DnsRecord {
    const name = nameText(this.name());
    this.need(10);
    const [type, kind] = [read16(this.bytes, this.at), read16(this.bytes, this.at + 2)];
    const ttl = read32(this.bytes, this.at + 4);
    const length = read16(this.bytes, this.at + 8);
    this.at += 10;
    this.need(length);
    const end = this.at + length;
    const data = this.data(type, end);
    if (this.at !== end) throw new DnsError("data that is not as long as it says");
    // RFC 2181 §8: a TTL with its highest bit set is zero.
    return { name, type, class: kind, ttl: ttl > 0x7fff_ffff ? 0 : ttl, data };
  }

  /** Data up to `end`, names written out. */
  private data(type: number, end: number): Uint8Array {
    const parts: Uint8Array[] = [];
    const take = (count: number): void => {
      if (this.at + count > end) throw new DnsError("data that is too short");
      parts.push(this.bytes.slice(this.at, this.at + count));
      this.at += count;
    };
    const name = (): void => void parts.push(this.name());
    if (type === TYPE.CNAME || type === TYPE.NS || type === TYPE.PTR || type === TYPE.DNAME) name();
    else if (type === TYPE.MX || type === TYPE.SRV) {
      take(type === TYPE.MX ? 2 : 6);
      name();
    } else if (type === TYPE.SOA) {
      name();
      name();
      take(20);
    } else if (type === TYPE.A && end - this.at !== 4) throw new DnsError("an address of another length");
    else if (type === TYPE.AAAA && end - this.at !== 16) throw new DnsError("an address of another length");
    else take(end - this.at);
    if (parts.length === 0) take(end - this.at);
    return new Uint8Array(Buffer.concat(parts));
  }

  /** A name as labels, written out. */
  private name(): Uint8Array {
    const name: number[] = [];
    let at = this.at;
    let after = -1;
    let lowest = at;
    for (let pointers = 0; ;) {
      const length = this.bytes[at];
      if (length === undefined) throw new DnsError("a name without an end");
      if (length >= 0xc0) {
        if (at + 1 >= this.bytes.length) throw new DnsError("half a pointer");
        const target = ((length & 0x3f) << 8) | this.bytes[at + 1]!;
        if (target >= lowest || target < HEADER_BYTES || ++pointers > POINTERS_MOST)
          throw new DnsError("a bad pointer");
        if (after < 0) after = at + 2;
        [at, lowest] = [target, target];
        continue;
      }
      if (length > LABEL_BYTES_MOST || at + 1 + length > this.bytes.length) throw new DnsError("a bad label");
      for (let n = at; n <= at + length; n++) name.push(this.bytes[n]!);
      if (name.length > NAME_BYTES_MOST) throw new DnsError("a name that is too long");
      at += 1 + length;
      if (length === 0) break;
    }
    this.at = after < 0 ? at : after;
    return Uint8Array.from(name);
  }

  private need(count: number): void {
    if (this.at + count > this.bytes.length) throw new DnsError("a message that ends early");
  }
}

/** A written-out name as text. */
function nameText(name: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 0; name[at] !== 0; at += 1 + name[at]!) {
    const label = name.subarray(at + 1, at + 1 + name[at]!);
    labels.push(Array.from(label, labelCharacter).join(""));
  }
  return labels.join(".");
}

function labelCharacter(byte: number): string {
  const character = String.fromCharCode(byte);
  if (/[a-z0-9_-]/i.test(character)) return character.toLowerCase();
  return `\\${String(byte).padStart(3, "0")}`;
}

/** A name as labels, written out. */
export function nameBytes(name: string): Uint8Array {
  const bytes: number[] = [];
  for (const label of name === "" ? [] : name.split(".")) {
    const plain = label.replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(Number(code)));
    bytes.push(plain.length, ...Buffer.from(plain, "latin1"));
  }
  return Uint8Array.from([...bytes, 0]);
}

/** A query of our own, with EDNS so that answers need not be cut off (RFC 6891). */
export function writeQuery(id: number, question: Question, payload: number): Uint8Array {
  const name = nameBytes(question.name);
  const bytes = new Uint8Array(HEADER_BYTES + name.length + 4 + 11);
  write16(bytes, 0, id);
  write16(bytes, 2, FLAG.recursionDesired);
  write16(bytes, 4, 1);
  write16(bytes, 10, 1);
  bytes.set(name, HEADER_BYTES);
  write16(bytes, HEADER_BYTES + name.length, question.type);
  write16(bytes, HEADER_BYTES + name.length + 2, question.class);
  write16(bytes, HEADER_BYTES + name.length + 5, TYPE.OPT);
  write16(bytes, HEADER_BYTES + name.length + 7, payload);
  return bytes;
}

/** The answer to `query`, of at most `most` bytes: what does not fit is left out, and the answer says that it was cut off. */
export function writeResponse(
  query: Query,
  code: number,
  answers: readonly DnsRecord[],
  authority: readonly DnsRecord[],
  most: number,
): Uint8Array {
  const option = query.edns ? 11 : 0;
  const parts: Uint8Array[] = [];
  let size = HEADER_BYTES + query.asked.length + option;
  const add = (record: DnsRecord): boolean => {
    const bytes = recordBytes(record, query.question.name);
    if (size + bytes.length > most) return false;
    parts.push(bytes);
    size += bytes.length;
    return true;
  };
  const whole = answers.every(add);
  // Authority that does not fit is no loss (RFC 2181 §9).
  const answered = parts.length;
  if (whole) authority.every(add);
  const bytes = new Uint8Array(size);
  write16(bytes, 0, query.id);
  const flags = FLAG.response | FLAG.recursionAvailable | (query.recursionDesired ? FLAG.recursionDesired : 0) | code;
  write16(bytes, 2, flags | (whole ? 0 : FLAG.truncated));
  write16(bytes, 4, 1);
  write16(bytes, 6, answered);
  write16(bytes, 8, parts.length - answered);
  write16(bytes, 10, query.edns ? 1 : 0);
  bytes.set(query.asked, HEADER_BYTES);
  let at = HEADER_BYTES + query.asked.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  if (query.edns) {
    write16(bytes, at + 1, TYPE.OPT);
    write16(bytes, at + 3, 1232);
  }
  return bytes;
}

/** The answer to what is no query that we understand; null: not even that can be said. */
export function writeFormatError(bytes: Uint8Array): Uint8Array | null {
  if (bytes.length < HEADER_BYTES || (bytes[2]! & 0x80) !== 0) return null;
  const answer = new Uint8Array(HEADER_BYTES);
  answer.set(bytes.subarray(0, 2));
  const operation = bytes[2]! & 0x78;
  write16(answer, 2, FLAG.response | (operation << 8) | (operation === 0 ? RCODE.format : RCODE.notImplemented));
  return answer;
}

function recordBytes({ name, type, class: kind, ttl, data }: DnsRecord, asked: string): Uint8Array {
  const owner = name === asked ? Uint8Array.of(0xc0, HEADER_BYTES) : nameBytes(name);
  const bytes = new Uint8Array(owner.length + 10 + data.length);
  bytes.set(owner);
  write16(bytes, owner.length, type);
  write16(bytes, owner.length + 2, kind);
  write32(bytes, owner.length + 4, ttl);
  write16(bytes, owner.length + 8, data.length);
  bytes.set(data, owner.length + 10);
  return bytes;
}
