// The agent: between the monitor, whose messages it takes, and the broker. It holds the link's key and the queue, and decides nothing.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { AgentMessage, MonitorMessage } from "../agent-messages.ts";
import { nodeCrypto } from "../identity/crypto.ts";
import type { DeviceKey } from "../identity/device-key.ts";
import type { Clock } from "../link/clock.ts";
import { ConnectionFile } from "../link/connection-file.ts";
import type { TlsIdentity } from "../link/endpoint.ts";
import { Outbox } from "../link/outbox.ts";
import { renewedCertificate } from "../link/renewal.ts";
import { Session } from "../link/session.ts";
import { Topics } from "../link/topics.ts";
import { signAudit } from "../telemetry/audit.ts";
import { DayFile } from "../telemetry/day-file.ts";
import { Outgoing } from "../telemetry/outgoing.ts";
import { SessionClock } from "../wire/clock.ts";
import { MESSAGE } from "../wire/limits.ts";
import { REASONS } from "../wire/reasons.ts";
import { stateMsg, type Info } from "../wire/reports.ts";
import { decodeMessage, encodeMessage } from "../wire/schema.ts";
import type { Device } from "../wire/scope.ts";
import { fleetState } from "../wire/streams.ts";
import { sign1 } from "../wire/sign.ts";
import { appliedVersion, decodeTrust, type Trust } from "../wire/trust.ts";
import { renewEnrolment, type Enrolment } from "./enrolment.ts";
import { QueueNews, type QueueMessage } from "./queue-news.ts";
import { Incoming } from "./incoming.ts";
import type { Metrics } from "./metrics.ts";

/** For the death, and for what waits when the device leaves. */
const END_MS = 2_000;
const RETIRE_MS = 30_000;
/** From here on an event's code is of a refusal or of the agent's own (wire/reasons.ts). */
const SECURITY_CODES_FROM = Math.min(...Object.values(REASONS));

export interface AgentOptions {
  /** The agent's folder. */
  folder: string;
  enrolment: Enrolment;
  key: DeviceKey;
  /** The device key in PEM, for TLS; null: there is no TLS. */
  keyPem: string | null;
  clock: Clock;
  random: () => number;
  /** Tells the monitor; done when it is on its way. */
  tell: (message: AgentMessage) => Promise<void>;
  /** What goes wrong without ending the agent, for the log. */
  trouble: (what: string) => void;
  /** The agent has come to its end. */
  ended: () => void;
}

/** What the fleet says of itself, which nobody signs: for people alone. Null: it cannot be read. */
function aliveOf(payload: Uint8Array): boolean | null {
  try {
    return decodeMessage(fleetState, payload, MESSAGE).alive;
  } catch {
    return null;
  }
}

export class Agent {
  private readonly options: AgentOptions;
  private readonly topics: Topics;
  private readonly outbox: Outbox;
  private readonly memory: ConnectionFile;
  private readonly dayFile: DayFile;
  private session: Session | null = null;
  private outgoing: Outgoing | null = null;
  private incoming: Incoming | null = null;
  private facts: Info | null = null;
  /** What is signed goes out in the order in which it came. */
  private signing: Promise<void> = Promise.resolve();
  private readonly queueNews: QueueNews;
  private ending = false;
  private readonly time: SessionClock;
  /** The question that a birth asks; null: none. */
  private nonce: Uint8Array | null = null;
  private rootVersion = 0;
  private readonly run = new Uint8Array(randomBytes(8));
  /** Births that did not fit into what the broker takes. */
  private tooLargeCount = 0;
  private readonly metricsNow: Metrics = {
    sample: null,
    names: new Map(),
    limits: new Map(),
    linkUp: false,
    fleetAlive: null,
    recordCount: 0,
    waitingCount: 0,
    sentCount: 0,
    acknowledgedCount: 0,
    lostCount: 0,
  };

  /** Opens the queue. Throws a Failure for names or addresses that cannot be used; a disk that refuses is no error. */
  constructor(options: AgentOptions) {
    const { folder, enrolment, key, clock } = options;
    this.options = options;
    this.time = new SessionClock(clock.now);
    this.topics = new Topics(enrolment.tenant, key.name);
    this.outbox = new Outbox(join(folder, "outbox"), clock.wall);
    this.memory = new ConnectionFile(join(folder, "connection"), clock.wall);
    this.dayFile = new DayFile(join(folder, "day"));
    this.session = this.makeSession();
    this.queueNews = new QueueNews(clock, options.tell, () => this.queue());
  }

  /** Asks for hello. */
  start(): void {
    void this.options.tell({ kind: "ready", device: this.options.key.publicKey });
  }

  /** A message of the monitor's. Throws what a wrong message throws. */
  take(message: MonitorMessage): void {
    if (message.kind === "hello") return this.hello(message);
    if (message.kind === "quit") return this.end(END_MS);
    // Before hello there is nobody to tell; what it is, hello's receiver is told by the next one.
    if (message.kind === "time") this.time.set(message.session);
    const { outgoing, incoming, session } = this;
    if (outgoing === null || incoming === null || session === null || this.ending) return;
    switch (message.kind) {
      case "time":
        incoming.setSession(message.session);
        if (message.session !== null) session.timeKnown();
        break;
      case "nonce":
        this.nonce = message.nonce;
        incoming.setNonce(message.nonce);
        // With the question, or without it now that it has its answer.
        session.rebirth();
        break;
      case "trust":
        this.noteRoot(decodeTrust(message.trust));
        incoming.setTrust(decodeTrust(message.trust), this.device());
        outgoing.setSettings(message.settings);
        session.setGroups(message.groups);
        break;
      case "sample":
        this.metricsNow.sample = message.sample;
        outgoing.sample(message.sample);
        break;
      case "limits":
        this.metricsNow.limits = new Map(message.limits.map((each) => [each.id, each]));
        break;
      case "event":
        outgoing.event(message.event, message.event.code >= SECURITY_CODES_FROM);
        break;
      case "reported":
        this.sign("a report", async () => {
          const { partition, reported } = message;
          outgoing.report(partition, await sign1("report", reported, this.options.key, nodeCrypto));
        });
        break;
      case "ack":
        outgoing.ack(message.ack);
        break;
      case "audit":
        this.sign("audit records", async () => {
          const { first, records } = message.audit;
          for (const batch of await signAudit(message.audit, this.options.key)) outgoing.audit(batch);
          void this.options.tell({ kind: "audited", next: first + records.length });
        });
        break;
      case "log":
        outgoing.stream({ kind: "log", name: message.stream, chunk: message.chunk });
        break;
      case "console":
        outgoing.stream({ kind: "con", name: message.partition, chunk: message.chunk });
        break;
      case "rebirth":
        session.rebirth();
        break;
      case "retire":
        this.retire();
    }
    this.queueNews.look();
  }

  metrics(): Metrics {
    const { outbox, outgoing, metricsNow } = this;
    return {
      ...metricsNow,
      recordCount: outbox.lastSequence,
      waitingCount: outbox.count,
      sentCount: outgoing?.sentCount ?? 0,
      acknowledgedCount: outgoing?.acknowledgedCount ?? 0,
      lostCount: outgoing?.lostCount ?? 0,
    };
  }

  /** Puts the queue on the disk and ends nothing else: the process is about to go. */
  close(): void {
    this.incoming?.close();
    if (this.outgoing === null) this.outbox.close();
    else this.outgoing.close();
  }

  private hello({ facts, trust, groups, settings }: Extract<MonitorMessage, { kind: "hello" }>): void {
    const decoded = decodeTrust(trust);
    this.noteRoot(decoded);
    this.facts = facts;
    this.metricsNow.names = new Map(facts.partitions.map(({ id, name }) => [id, name]));
    const session = this.session!;
    session.setGroups(groups);
    if (this.outgoing !== null) {
      this.incoming!.setTrust(decoded, this.device());
      this.outgoing.setSettings(settings);
      session.rebirth();
      return;
    }
    const { clock, tell } = this.options;
    this.outgoing = new Outgoing(this.outbox, this.topics, settings, clock, this.dayFile);
    this.outgoing.attach(session);
    this.incoming = new Incoming(this.device(), decoded, clock, nodeCrypto, {
      carry: (via, bytes) => tell({ kind: "document", via, bytes }),
      refused: (event) => {
        this.outgoing!.event(event, true);
        this.queueNews.look();
      },
    });
    this.incoming.setSession(this.time.now());
    session.start();
    this.queueNews.look();
  }

  private noteRoot(trust: Trust): void {
    this.rootVersion = appliedVersion(trust, "root", "")?.version ?? 0;
  }

  private makeSession(): Session {
    const { enrolment, key, keyPem, clock, random, tell, trouble } = this.options;
    const { certificate, authorities, brokers } = enrolment;
    // The next connection uses what is in here then.
    const identity: TlsIdentity = { certificate, authorities, key: keyPem };
    return new Session(
      {
        device: key.name,
        topics: this.topics,
        brokers,
        identity,
        time: () => this.time.now(),
        memory: this.memory,
        clock,
        random,
      },
      {
        state: (online, connection) => this.state(online, connection),
        question: (connection) =>
          encodeMessage(stateMsg, { online: false, connection, ...(this.nonce === null ? {} : { nonce: this.nonce }) }),
        rootVersion: () => this.rootVersion,
        certificate: (payload) => this.renew(payload, identity),
        opened: () => {
          this.nonce = null;
          this.tooLargeCount = 0;
          this.incoming!.setNonce(null);
          void tell({ kind: "opened" });
          this.incoming!.reconnected();
        },
        tooLarge: (topic, bytes, packetBytesMax) => {
          this.tooLargeCount++;
          trouble(`${topic}: ${bytes} bytes, and the broker takes packets of ${packetBytesMax} at most`);
        },
        up: (broker) => {
          this.metricsNow.linkUp = true;
          this.outgoing!.up();
          void tell({ kind: "link", up: true, broker, why: this.limitText });
        },
        down: (broker, why, retryMs) => {
          this.metricsNow.linkUp = false;
          this.metricsNow.fleetAlive = null;
          this.outgoing!.down();
          const next = this.ending ? "" : `; next try in ${Math.ceil(retryMs / 1000)} s`;
          void tell({ kind: "link", up: false, broker, why: `${why}${next}` });
        },
        message: (topic, payload, retained) => this.incoming!.message(topic, payload, retained),
        fleet: (payload) => {
          this.metricsNow.fleetAlive = aliveOf(payload);
        },
        room: () => {
          this.outgoing!.pump();
          this.queueNews.look();
        },
        trouble,
      },
    );
  }

  /** Takes the device's next certificate, on the disk first. */
  private renew(payload: Uint8Array, identity: TlsIdentity): void {
    const { folder, key, trouble } = this.options;
    try {
      const next = renewedCertificate(payload, key.name, identity);
      if (next === null) return;
      renewEnrolment(join(folder, "enrolment.json"), next);
      identity.certificate = next;
    } catch (error) {
      trouble(`the new certificate is not taken: ${(error as Error).message}`);
    }
  }

  private sign(what: string, step: () => Promise<void>): void {
    this.signing = this.signing
      .then(step)
      .catch((error: unknown) => this.options.trouble(`${what}: ${(error as Error).message}`));
  }

  private device(): Device {
    const { board, partitions } = this.facts!;
    return { id: this.options.key.id, board, partitions };
  }

  /** Publishes what waits, then ends. */
  private retire(): void {
    void this.signing.then(() => this.leave());
  }

  private leave(): void {
    const deadline = this.options.clock.now() + RETIRE_MS;
    const look = (): void => {
      const done = this.outgoing!.isEmpty || this.session?.isUp !== true || this.options.clock.now() >= deadline;
      if (done) this.end(END_MS, true);
      else this.options.clock.after(100, look);
    };
    this.outgoing!.flush();
    look();
  }

  private end(patienceMs: number, leaves = false): void {
    if (this.ending) return;
    this.ending = true;
    this.session!.end(patienceMs, leaves, () => {
      this.close();
      this.options.ended();
    });
  }

  /** What waits, for people; null before there is a queue. */
  private queue(): QueueMessage | null {
    const { outbox, outgoing } = this;
    if (outgoing === null) return null;
    const trouble = outbox.trouble || this.memory.trouble || this.dayFile.trouble;
    return { kind: "queue", waiting: outbox.count, sent: outgoing.sentCount, lost: outgoing.lostCount, trouble };
  }

  /** Birth or death. A birth asks for the time until it has been told. */
  private state(online: boolean, connection: number): Uint8Array {
    const question = this.nonce === null ? {} : { nonce: this.nonce };
    const birth =
      online && this.facts !== null
        ? { facts: this.facts, bootCount: this.memory.boot, run: this.run, ...question }
        : {};
    return encodeMessage(stateMsg, { online, connection, ...birth });
  }

  /** What a link that is up lacks; empty: nothing. */
  private get limitText(): string {
    if (this.tooLargeCount === 0) return "";
    return `the broker takes smaller packets than this device's birth: the fleet cannot see it (${this.tooLargeCount} not sent)`;
  }
}
