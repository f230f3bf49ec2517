// Everything that a process of the fleet hears goes through here: into its book, into what the fleet remembers of each device, into the journal on disk.
// What it makes of a message is told in one line, by whoever shows it.

import { toHex } from "../agent/wire/bytes.ts";
import { MESSAGE } from "../agent/wire/limits.ts";
import { stateMsg } from "../agent/wire/reports.ts";
import { decodeMessage } from "../agent/wire/schema.ts";
import { checkAudit, type AuditFinding } from "./audit.ts";
import type { DeviceEntry, FleetBook, News } from "./book.ts";
import { eventFacts, eventLine } from "./event-text.ts";
import { Journal, type JournalLine } from "./journal.ts";
import { FINDINGS, FleetMemory, type Finding } from "./memory.ts";
import type { FleetStore } from "./store.ts";
import { upTopic } from "./topics.ts";

const WARNING = 4;
const NOTICE = 5;
const CRITICAL = 2;

export interface Observed {
  entry: DeviceEntry;
  news: News;
  /** Of audit records: whether they hold. */
  audit: AuditFinding | null;
  /** What was found of the device and was not known before. */
  findings: Finding[];
}

export class FleetObserver {
  readonly book: FleetBook;
  private readonly store: FleetStore;
  private readonly memory: FleetMemory;
  private readonly journal: Journal;

  constructor(store: FleetStore, book: FleetBook) {
    this.store = store;
    this.book = book;
    this.memory = new FleetMemory(store);
    this.journal = new Journal(store);
  }

  /** Takes a message in. Null: it was dropped, or says nothing new. */
  receive(topic: string, payload: Uint8Array, retained: boolean, now: number): Observed | null {
    const births = this.birth(topic, payload, retained, now);
    const taken = this.book.receive(topic, payload, retained, now);
    if (taken === null) return null;
    const { entry, news } = taken;
    const audit = news.kind === "audit" ? checkAudit(this.store, entry.enrolled, news.batch) : null;
    const findings = [...births, ...this.found(entry, news, audit, retained, now)];
    if (!retained) for (const line of linesOf(entry, news, audit, now)) this.journal.add(line);
    for (const { kind, detail } of findings) {
      const rest = { key: `${kind}/${now}`, time: now, severity: CRITICAL, partition: "" };
      this.journal.add({ at: now, device: entry.enrolled.name, kind: "finding", ...rest, word: kind, detail });
    }
    return { entry, news, audit, findings };
  }

  /** A birth is looked at before the book, which drops one that is older than what it knows: that is what a rolled-back device sends. */
  private birth(topic: string, payload: Uint8Array, retained: boolean, now: number): Finding[] {
    const up = upTopic(this.store.tenant, topic);
    if (up?.what !== "state" || !this.book.entries.has(up.device)) return [];
    try {
      return this.memory.state(up.device, decodeMessage(stateMsg, payload, MESSAGE), retained, now);
    } catch (error) {
      // What cannot be read is the book's to count.
      if ((error as { code?: string }).code?.startsWith("WIRE_") !== true) throw error;
      return [];
    }
  }

  private found(
    { enrolled, reports }: DeviceEntry,
    news: News,
    audit: AuditFinding | null,
    retained: boolean,
    now: number,
  ): Finding[] {
    if (news.kind === "report" && reports.get(news.partition)?.signed === true) {
      return this.memory.report(enrolled.name, news.partition, news.report, retained, now);
    }
    if (audit?.isForked !== true) return [];
    return this.memory.found(enrolled.name, { kind: "forked", at: now, detail: audit.text });
  }
}

/** What a device was found to be, in one line. */
export const findingText = ({ kind, detail }: Finding): string => `${FINDINGS[kind]} (${detail})`;

/** The device's partitions by their numbers. */
export function partitionNames({ facts }: DeviceEntry): Map<number, string> {
  return new Map((facts?.partitions ?? []).map(({ id, name }) => [id, name]));
}

function linesOf(entry: DeviceEntry, news: News, audit: AuditFinding | null, now: number): JournalLine[] {
  const base = { at: now, device: entry.enrolled.name };
  if (news.kind === "event") {
    const { sequence, time, severity } = news.event;
    const { word, partition, detail, isRefusal } = eventFacts(news.event, partitionNames(entry));
    const kind = isRefusal ? ("refusal" as const) : ("event" as const);
    return [{ ...base, kind, key: `${sequence}/${time}`, time, severity, partition, word, detail }];
  }
  if (news.kind === "ack") {
    const { id, status, time, text = "", code } = news.ack;
    const detail = `command ${toHex(id).slice(0, 8)}${text === "" ? "" : `: ${text}`}${code === undefined ? "" : ` (${code})`}`;
    const severity = status === "succeeded" ? NOTICE : WARNING;
    return [
      { ...base, kind: "answer", key: `${toHex(id)}/${status}`, time, severity, partition: "", word: status, detail },
    ];
  }
  if (news.kind === "audit" && audit !== null) {
    const { first, records } = news.batch;
    const [severity, word] = audit.holds ? [NOTICE, "holds"] : [CRITICAL, "broken"];
    const key = `${first}/${records.length}/${word}`;
    return [{ ...base, kind: "audit", key, time: now, severity, partition: "", word, detail: audit.text }];
  }
  return [];
}

/** A line of the journal for people. */
export function journalText({ kind, word, partition, detail }: JournalLine): string {
  const text = eventLine({ word, partition, detail, isRefusal: kind === "refusal" });
  return kind === "event" || kind === "refusal" ? text : `${kind} ${text}`;
}
