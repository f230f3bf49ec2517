// Everything that goes up. What must not be lost is in the queue on disk before it is sent and until the broker has it; after a time
// without link the newest state goes first, then what is worth most, and telemetry last, oldest first, no faster than the fleet can
// take it from ten thousand devices at once.
//
//   birth (the session's) → reported → security → acks → events → telemetry → logs

import type { SampleBody, TelemetrySettings } from "../agent-messages.ts";
import { Bucket } from "../bucket.ts";
import type { Clock } from "../link/clock.ts";
import { type Outbox, type OutboxClass, type OutboxEntry } from "../link/outbox.ts";
import type { Session } from "../link/session.ts";
import type { Topics } from "../link/topics.ts";
import type { Ack } from "../wire/commands.ts";
import { AGENT_EVENTS } from "../wire/reasons.ts";
import type { EventMessage, Sample } from "../wire/reports.ts";
import { encodeMessage } from "../wire/schema.ts";
import { consoleChunk, logChunk, type AuditBatch } from "../wire/streams.ts";
import { encodeTelemetry } from "../wire/telemetry.ts";
import { Losses } from "./losses.ts";
import { Chunks, type Chunk } from "./chunks.ts";
import type { DayFile } from "./day-file.ts";
import { ackEntry, auditEntry, eventEntry, readEntry, readSample, sampleEntry } from "./entry.ts";
import { Thinning } from "./thinning.ts";

/** Records from the queue: so many a second, and at once. */
const DRAIN_PER_SECOND = 20;
/** Samples of one message from the queue, and of a live one (a container has 512 items at most, and a broker may take small packets only). */
const DRAIN_SAMPLES = 20;
const LIVE_SAMPLES = 256;
/** So many samples lie in the file before it is put on the disk, and at least so long when they come fast. */
const COMMIT_SAMPLES = 8;
const COMMIT_MS = 1_000;
/** What a message costs beside its payload: header, topic, TCP. */
const MESSAGE_BYTES = 100;
const PARTITIONS_MAX = 64;

const WARNING = 4;
const ORDER: OutboxClass[] = ["security", "ack", "event"];

export class Outgoing {
  private readonly outbox: Outbox;
  private readonly topics: Topics;
  private readonly clock: Clock;
  private readonly bucket: Bucket;
  private readonly thinning: Thinning;
  private readonly chunks: Chunks;
  private session: Session | null = null;
  private settings: TelemetrySettings;
  /** Sequences that are on their way, or that this connection's broker refused. */
  private readonly inflight = new Set<number>();
  /** Signed reports by partition: the newest. */
  private readonly reported = new Map<string, Uint8Array>();
  /** Partitions whose report this connection has not seen. */
  private readonly unreported = new Set<string>();
  /** From the link's return until no telemetry of before waits. */
  private draining = true;
  private uncommitted = 0;
  private committedAt = -Infinity;
  private sentAt: number;
  private cancelTimer: () => void = () => {};
  private timerAt = Infinity;
  private readonly losses: Losses;
  private gapTold = false;
  /** For people: messages that arrived, those of them that the broker acknowledged, and entries that no broker took or that could not be read. */
  sentCount = 0;
  acknowledgedCount = 0;
  lostCount = 0;

  /** With `dayFile` the day's bytes are counted over restarts. */
  constructor(
    outbox: Outbox,
    topics: Topics,
    settings: TelemetrySettings,
    clock: Clock,
    dayFile: DayFile | null = null,
  ) {
    this.outbox = outbox;
    this.topics = topics;
    this.settings = settings;
    this.clock = clock;
    this.bucket = new Bucket(DRAIN_PER_SECOND, DRAIN_PER_SECOND, clock.now);
    this.losses = new Losses(outbox, clock);
    this.thinning = new Thinning(settings, dayFile);
    this.chunks = new Chunks(clock.now);
    this.sentAt = clock.now();
  }

  attach(session: Session): void {
    this.session = session;
  }

  setSettings(settings: TelemetrySettings): void {
    this.settings = settings;
    this.thinning.setSettings(settings);
    this.pump();
  }

  sample(sample: SampleBody): void {
    if (!this.thinning.keeps(sample.time)) return;
    this.outbox.append("telemetry", sampleEntry(sample));
    const since = this.clock.now() - this.committedAt;
    if (++this.uncommitted >= COMMIT_SAMPLES && since >= COMMIT_MS) this.commit();
    this.losses.watchDisk();
    this.pump();
  }

  event(event: Omit<EventMessage, "sequence">, security = false): void {
    this.outbox.append(security ? "security" : "event", eventEntry(event));
    this.losses.watchDisk();
    this.pump();
  }

  ack(message: Ack): void {
    this.outbox.append("ack", ackEntry(message));
    this.losses.watchDisk();
    this.pump();
  }

  audit(batch: AuditBatch): void {
    this.outbox.append("security", auditEntry(batch));
    this.losses.watchDisk();
    this.pump();
  }

  /** What is applied of a partition's policy, signed (COSE_Sign1). */
  report(partition: string, reported: Uint8Array): void {
    if (!this.reported.has(partition) && this.reported.size >= PARTITIONS_MAX) return;
    this.reported.set(partition, reported);
    this.unreported.add(partition);
    this.pump();
  }

  stream(chunk: Chunk): void {
    if (this.session?.isUp !== true) return;
    this.chunks.add(chunk);
    this.pump();
  }

  /** The link is up: everything that waits goes, in its order. */
  up(): void {
    this.draining = true;
    for (const partition of this.reported.keys()) this.unreported.add(partition);
    this.losses.tell();
    this.pump();
  }

  down(): void {
    this.inflight.clear();
    this.gapTold = false;
    this.chunks.clear();
  }

  /** Whether nothing waits but what this broker refused. */
  get isEmpty(): boolean {
    return this.unreported.size === 0 && this.outbox.count === 0;
  }

  /** Everything goes at once from now on: the device leaves. */
  flush(): void {
    this.draining = true;
    this.pump();
  }

  close(): void {
    this.cancelTimer();
    this.thinning.close();
    this.outbox.close();
  }

  /** Sends what may be sent now, and comes back when more may. */
  pump(): void {
    const { session } = this;
    if (session === null || !session.isUp) return;
    while (session.room > 0 && this.sendNext(session)) {
      // Each step takes room or ends the loop.
    }
    this.sendConsole(session);
    this.schedule();
  }

  private sendNext(session: Session): boolean {
    const [partition] = this.unreported;
    if (partition !== undefined) {
      this.unreported.delete(partition);
      const payload = this.reported.get(partition)!;
      session.publish(this.topics.stream("rep", partition), payload, { qos: 1, retain: true }, (outcome) => {
        if (outcome === "arrived") this.sentCount++;
        else if (outcome === "lost") this.unreported.add(partition);
      });
      return true;
    }
    for (const each of ORDER) {
      const [entry] = this.waiting(each, 1);
      if (entry !== undefined) return this.bucket.take() && this.sendEntry(session, entry);
    }
    return this.sendTelemetry(session);
  }

  private sendEntry(session: Session, { sequence, payload }: OutboxEntry): boolean {
    const message = readEntry(payload, sequence);
    if (message === null) {
      this.lostCount++;
      this.outbox.sent([sequence]);
      return true;
    }
    const topic =
      message.kind === "audit"
        ? this.topics.stream("log", "audit")
        : this.topics.up(message.kind === "event" ? "ev" : "ack");
    this.publish(session, topic, message.payload, 1, [sequence], 0);
    return true;
  }

  private sendTelemetry(session: Session): boolean {
    const live = !this.draining;
    if (live && this.clock.now() < this.dueAt()) return false;
    const entries = this.waiting("telemetry", live ? LIVE_SAMPLES : DRAIN_SAMPLES);
    if (entries.length === 0) {
      // Nothing of before is left; what is still on its way takes no part in what is live.
      this.draining = false;
      if (live) this.sentAt = this.clock.now();
      return false;
    }
    if (!live && !this.bucket.take(entries.length)) return false;
    // A sequence that was seen outside must never be given again.
    this.commit();
    const samples: Sample[] = [];
    for (const { payload, sequence } of entries) {
      const sample = readSample(payload, sequence);
      if (sample === null) this.lostCount++;
      else samples.push(sample);
    }
    const sequences = entries.map(({ sequence }) => sequence);
    if (samples.length === 0) {
      this.outbox.sent(sequences);
      return true;
    }
    const loss = this.gapTold ? null : this.outbox.loss("telemetry");
    if (loss !== null) {
      this.gapTold = true;
      samples[0] = { ...samples[0]!, gap: { lostCount: loss.count, from: loss.from, to: loss.to } };
    }
    const payload = encodeTelemetry(samples);
    const stride = this.thinning.spend(payload.length + MESSAGE_BYTES);
    // A loss is told at QoS 1: it is told once.
    const qos = live && loss === null ? 0 : 1;
    this.publish(session, this.topics.up("tm"), payload, qos, sequences, loss?.count ?? 0);
    if (live && entries.length < LIVE_SAMPLES) this.sentAt = this.clock.now();
    if (stride !== null) {
      const time = this.clock.wall();
      this.event({ time, code: AGENT_EVENTS["telemetry-thinned"], severity: WARNING, args: new Map([[1, stride]]) });
    }
    return true;
  }

  private publish(
    session: Session,
    topic: string,
    payload: Uint8Array,
    qos: 0 | 1,
    sequences: number[],
    gapCount: number,
  ): void {
    for (const sequence of sequences) this.inflight.add(sequence);
    session.publish(topic, payload, { qos }, (outcome) => {
      if (outcome === "refused") return;
      for (const sequence of sequences) this.inflight.delete(sequence);
      if (gapCount > 0) this.gapTold = false;
      if (outcome === "lost") return;
      if (outcome === "arrived") {
        this.sentCount += sequences.length;
        if (qos === 1) this.acknowledgedCount += sequences.length;
      } else this.lostCount += sequences.length;
      const told = gapCount > 0 && outcome === "arrived" ? { class: "telemetry" as const, count: gapCount } : null;
      this.outbox.sent(sequences, told);
    });
  }

  private sendConsole(session: Session): void {
    for (let next = session.room > 0 ? this.chunks.take() : null; next !== null;) {
      const { kind, name, chunk } = next;
      const payload = encodeMessage(kind === "log" ? logChunk : consoleChunk, chunk);
      session.publish(this.topics.stream(kind, name), payload, { qos: kind === "log" ? 1 : 0 }, () => {});
      next = session.room > 0 ? this.chunks.take() : null;
    }
  }

  /** The oldest entries of a class that are not on their way. */
  private waiting(entryClass: OutboxClass, count: number): OutboxEntry[] {
    const found = this.outbox.peek(entryClass, this.inflight.size + count);
    return found.filter(({ sequence }) => !this.inflight.has(sequence)).slice(0, count);
  }

  private dueAt(): number {
    return this.sentAt + this.settings.sendSeconds * 1000;
  }

  private commit(): void {
    this.uncommitted = 0;
    this.committedAt = this.clock.now();
    this.outbox.commit();
  }

  /** The next time at which there may be something to do without anybody asking. */
  private schedule(): void {
    const now = this.clock.now();
    const waits = [Math.max(0, this.dueAt() - now)];
    const chunkWait = this.chunks.waitMs();
    if (chunkWait !== null) waits.push(chunkWait);
    if (this.outbox.count > this.inflight.size && (this.draining || this.hasUrgent())) waits.push(this.bucket.waitMs());
    const at = now + Math.max(10, Math.min(...waits));
    if (this.timerAt <= at && this.timerAt > now) return;
    this.cancelTimer();
    this.timerAt = at;
    this.cancelTimer = this.clock.after(at - now, () => {
      this.timerAt = Infinity;
      this.pump();
    });
  }

  private hasUrgent(): boolean {
    return ORDER.some((each) => this.waiting(each, 1).length > 0);
  }
}
