// The guest's name server: asks the host's resolvers, whichever they are at the moment, and gives the guest what its rules allow. Answers are kept
// for their time, which is at least 5 and at most 300 seconds, so that a name that moves is found again soon.

import { addressText } from "./address.ts";
import type { Clock, Counts, Sockets } from "./contracts.ts";
import { DnsUpstream } from "./dns-upstream.ts";
import {
  CLASS_IN,
  RCODE,
  readQuery,
  TYPE,
  writeFormatError,
  writeResponse,
  type DnsRecord,
  type Query,
  type Response,
} from "./dns-message.ts";
import type { Names } from "./names.ts";
import type { Rules } from "./rules.ts";
import type { Timers } from "./timers.ts";

const [TTL_LEAST, TTL_MOST] = [5, 300];
const CACHE_MOST = 512;
/** Questions that wait for an answer. */
const PENDING_MOST = 64;
/** A name that was given out is good for so long, however short its time: a connection takes a moment. */
const NAME_SECONDS_LEAST = 60;

interface Kept {
  name: string;
  code: number;
  answers: DnsRecord[];
  authority: DnsRecord[];
  until: number;
}

export interface DnsOptions {
  sockets: Sockets;
  clock: Clock;
  timers: Timers;
  counts: Counts;
  names: Names;
  rules: () => Rules;
  /** Whether the handset has a network at all. */
  online: () => boolean;
  /** 32 random bits. */
  random: () => number;
  /** Resolvers that the policy names; empty: the host's. */
  servers: () => readonly string[];
}

export class DnsServer {
  /** Why the last names were refused. */
  refused: (name: string, why: string) => void = () => undefined;
  private readonly options: DnsOptions;
  private readonly upstream: DnsUpstream;
  private readonly cache = new Map<string, Kept>();
  private pendingCount = 0;

  constructor(options: DnsOptions) {
    this.options = options;
    this.upstream = new DnsUpstream(options);
  }

  /** Answers a message, at once or later, with at most as many bytes as the way it came allows: over UDP what the query says, over TCP all. */
  ask(message: Uint8Array, way: "udp" | "tcp", answer: (bytes: Uint8Array) => void): void {
    const { counts } = this.options;
    let query: Query;
    try {
      query = readQuery(message);
    } catch {
      counts.add("dns-query");
      const error = writeFormatError(message);
      if (error !== null) answer(error);
      return;
    }
    const most = way === "tcp" ? 65_535 : query.payload;
    this.resolve(query, (code, answers, authority) => answer(writeResponse(query, code, answers, authority, most)));
  }

  /** The rules, the link or the resolvers have changed: what was kept may be wrong now. */
  forget(): void {
    this.cache.clear();
  }

  close(): void {
    this.upstream.close();
  }

  private resolve(query: Query, answer: (code: number, answers: DnsRecord[], authority: DnsRecord[]) => void): void {
    const { clock, counts, online, rules, sockets } = this.options;
    const { question } = query;
    if (question.class !== CLASS_IN) return answer(RCODE.notImplemented, [], []);
    const refusal = online() ? rules().name(question.name) : null;
    if (refusal !== null) {
      counts.add("dns-refused");
      this.refused(question.name, refusal);
      return answer(RCODE.refused, [], []);
    }
    if (!online()) return answer(RCODE.serverFailure, [], []);
    // Nobody waits for addresses that lead nowhere.
    if (question.type === TYPE.AAAA && !sockets.hasIpv6()) return answer(RCODE.ok, [], []);
    const key = `${question.type} ${question.name}`;
    const kept = this.cache.get(key);
    if (kept !== undefined && kept.until > clock.now()) return this.give(kept, answer);
    if (this.pendingCount >= PENDING_MOST) {
      counts.add("dns-pending");
      return answer(RCODE.serverFailure, [], []);
    }
    this.pendingCount++;
    this.upstream.ask(question, (response) => {
      this.pendingCount--;
      if (response === null) return answer(RCODE.serverFailure, [], []);
      const fresh = this.judge(response);
      if (fresh.code === RCODE.ok || fresh.code === RCODE.noName) this.keep(key, fresh);
      this.give(fresh, answer);
    });
  }

  /** What the guest gets of a response, and for how long it is kept. */
  private judge(response: Response): Kept {
    const { clock, counts } = this.options;
    const rules = this.options.rules();
    const { name } = response.question;
    const answers = response.answers.filter((record) => {
      if (record.class !== CLASS_IN || record.type === TYPE.OPT) return false;
      if (record.type !== TYPE.A && record.type !== TYPE.AAAA) return true;
      const allowed = rules.answer(record.data, name);
      if (!allowed) {
        counts.add("dns-rebinding");
        this.refused(name, `its address ${addressText(record.data)} is denied`);
      }
      return allowed;
    });
    // RFC 2308 §5: a name that is not there is kept for the time of its SOA.
    const authority = response.authority.filter(({ type, class: kind }) => type === TYPE.SOA && kind === CLASS_IN);
    const clamp = (records: DnsRecord[]): DnsRecord[] =>
      records.map((record) => ({ ...record, ttl: Math.min(Math.max(record.ttl, TTL_LEAST), TTL_MOST) }));
    const [kept, soa] = [clamp(answers), clamp(authority)];
    const seconds = Math.min(...[...kept, ...soa].map(({ ttl }) => ttl), TTL_MOST);
    const until = clock.now() + (kept.length + soa.length > 0 ? seconds : TTL_LEAST) * 1000;
    return { name, code: response.code, answers: kept, authority: soa, until };
  }

  private give(kept: Kept, answer: (code: number, answers: DnsRecord[], authority: DnsRecord[]) => void): void {
    const left = Math.max(0, Math.ceil((kept.until - this.options.clock.now()) / 1000));
    const aged = (records: DnsRecord[]): DnsRecord[] =>
      records.map((record) => ({ ...record, ttl: Math.min(record.ttl, left) }));
    // The name that the rules judged is the one that was asked for, at the beginning of a chain of aliases.
    for (const { type, data } of kept.answers) {
      const isAddress = type === TYPE.A || type === TYPE.AAAA;
      if (isAddress) this.options.names.learn(kept.name, addressText(data), Math.max(left, NAME_SECONDS_LEAST));
    }
    answer(kept.code, aged(kept.answers), aged(kept.authority));
  }

  private keep(key: string, kept: Kept): void {
    this.cache.delete(key);
    this.cache.set(key, kept);
    if (this.cache.size > CACHE_MOST) this.cache.delete(this.cache.keys().next().value!);
  }
}
