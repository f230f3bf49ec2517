// The device's MQTT session: one connection after the other, to one of several brokers, for as long as the agent runs.
//
// The idea. Each connection is a client of the library's, made for it and thrown away after it: the library neither reconnects nor keeps
// anything to be sent. Whatever was not acknowledged when a connection ends is told to its sender, who has it on disk. At most as
// many messages are on their way as the broker takes (MQTT 5 §4.9), and a message from the broker is acknowledged when
// its receiver has finished with it.

import { type IClientPublishOptions, type IConnackPacket, type IPublishPacket } from "mqtt";
import { Backoff } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import type { ConnectionFile } from "./connection-file.ts";
import { openConnection, RECEIVE_MAX, type Connection, type Outcome } from "./connection.ts";
import { parseEndpoint, TIME_UNKNOWN, type Endpoint, type TlsIdentity } from "./endpoint.ts";
import { PACKET_BYTES_MAX } from "./frames.ts";
import type { DownTopic, Topics } from "./topics.ts";

/** A message that is not acknowledged for so long means that the connection is dead, whatever TCP says. */
const ACK_MS = 60_000;
/** A fleet that is there answers in less. */
const TIME_MS = 30_000;
/** What the lengths of packets are written with: seven bits a byte (MQTT 5 §1.5.5). */
const LENGTH_BITS = 7;
/** "Unacceptable protocol version" (MQTT 3.1.1 §3.2.2.3), "Unsupported Protocol Version" (MQTT 5 §3.2.2.2). */
const REFUSED_VERSION = new Set([1, 132]);
const CLOSED = new Set(["", "ECONNRESET", "EPIPE"]);

export interface SessionOptions {
  /** The device's name, which is the client identifier. */
  device: string;
  topics: Topics;
  /** Addresses, tried in turn. */
  brokers: string[];
  identity: TlsIdentity;
  /** Session time, in seconds since 1970; null: nobody has said. */
  time: () => number | null;
  memory: ConnectionFile;
  clock: Clock;
  random: () => number;
}

export interface SessionEvents {
  /** The payload of birth or death with this connection counter. */
  state(online: boolean, connection: number): Uint8Array;
  /** The payload of a state that asks for the time and says nothing else: not even that the device is there. */
  question(connection: number): Uint8Array;
  /** The version of the root document in force. */
  rootVersion(): number;
  /** The broker let the device in: what it keeps comes from now on. */
  opened(): void;
  /** The link is up: the subscriptions hold, and the birth is on its way. */
  up(broker: string): void;
  /** The link was lost, or a try failed. `retryMs` until the next try. */
  down(broker: string, why: string, retryMs: number): void;
  /** A message; it is acknowledged to the broker when the promise is done. `topic` is null for one that is not of ours. */
  message(topic: DownTopic | null, payload: Uint8Array, retained: boolean): Promise<void>;
  /** What the fleet wants to be the device's next certificate. */
  certificate(payload: Uint8Array): void;
  /** What the fleet says of itself, unsigned. */
  fleet(payload: Uint8Array): void;
  /** A message has left the window: there is room for another. */
  room(): void;
  /** A birth or death does not fit into what the broker takes. */
  tooLarge(topic: string, bytes: number, packetBytesMax: number): void;
  /** What goes wrong without ending the link. */
  trouble(what: string): void;
}

export interface PublishOptions {
  qos: 0 | 1;
  retain?: boolean;
}

/** The size of a PUBLISH packet (MQTT 5 §3.3, MQTT 3.1.1 §3.3): topic with its length, identifier, the length of no properties, payload. */
function publishBytes(topicBytes: number, payloadBytes: number, qos: 0 | 1, version: 4 | 5): number {
  const remaining = 2 + topicBytes + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0) + payloadBytes;
  const lengthBytes = Math.max(1, Math.ceil(Math.log2(remaining + 1) / LENGTH_BITS));
  return 1 + lengthBytes + remaining;
}

export class Session {
  private readonly options: SessionOptions;
  private readonly events: SessionEvents;
  private readonly endpoints: Endpoint[];
  private readonly backoff: Backoff;
  private turn = 0;
  private current: Connection | null = null;
  private cancelRetry: () => void = () => {};
  private groups: readonly string[] = [];
  private subscribed: readonly string[] = [];
  private ended = false;
  /** The next try asks for the time alone. */
  private wantsTime = false;

  /** Throws an EndpointError for an address that cannot be used. */
  constructor(options: SessionOptions, events: SessionEvents) {
    this.options = options;
    this.events = events;
    this.endpoints = options.brokers.map(parseEndpoint);
    this.backoff = new Backoff(options.random);
  }

  /** Connects, now and whenever the link is lost. */
  start(): void {
    this.retry();
  }

  get isUp(): boolean {
    return this.current !== null && this.current.hears;
  }

  /** How many messages of QoS 1 may be given to publish() now. */
  get room(): number {
    return this.isUp ? this.current!.window - this.current!.inflight.size : 0;
  }

  /** Whether the broker takes a message of this size (MQTT 5 §3.2.2.3.6: what is larger must not be sent). */
  private fits(topic: string, payloadBytes: number, qos: 0 | 1): boolean {
    const { packetBytesMax, version } = this.current ?? { packetBytesMax: PACKET_BYTES_MAX, version: 5 };
    return publishBytes(Buffer.byteLength(topic), payloadBytes, qos, version) <= packetBytesMax;
  }

  /** Session time is known now: a connection that was there to ask for it ends, and the next one does everything else. */
  timeKnown(): void {
    const connection = this.current;
    if (connection === null || !connection.forTime) return;
    connection.why = "";
    connection.client.end(false, {}, () => connection.client.stream.destroy());
  }

  /** Sends a message. `done` is called once: for QoS 1 when the broker has it, for QoS 0 when the socket has. Whoever calls keeps to
   *  `room`; beyond it the message is lost at once. */
  publish(topic: string, payload: Uint8Array, options: PublishOptions, done: (outcome: Outcome) => void): void {
    const connection = this.current;
    if (connection === null || !connection.hears || (options.qos === 1 && this.room <= 0)) return done("lost");
    if (!this.fits(topic, payload.length, options.qos)) return done("too-large");
    this.send(connection, topic, payload, options, done);
  }

  /** The device's groups from now on. */
  setGroups(groups: readonly string[]): void {
    this.groups = groups;
    const connection = this.current;
    if (connection === null || connection.upAt === null || connection.forTime) return;
    const wanted = this.options.topics.filters(groups);
    const gone = this.subscribed.filter((each) => !wanted.includes(each));
    if (gone.length > 0) connection.client.unsubscribe(gone);
    this.subscribe(
      connection,
      wanted.filter((each) => !this.subscribed.includes(each)),
    );
    this.subscribed = wanted;
  }

  /** Publishes the birth again, with the same counter: the connection is the same. */
  rebirth(): void {
    const connection = this.current;
    if (connection === null || !(connection.hears || connection.asks)) return;
    this.sendState(connection, true);
  }

  /** Ends the session: the death is published by the device itself, and the connection ended in order. `done` is called when it is, and
   *  after `patienceMs` in any case. A device that `leaves` does not come back: the broker is to keep nothing for it (MQTT 5 §3.14.2.2.2;
   *  MQTT 3.1.1 has no word for it). */
  end(patienceMs: number, leaves: boolean, done: () => void): void {
    this.ended = true;
    this.cancelRetry();
    const connection = this.current;
    // One that asks for the time says nothing but its question.
    if (connection === null || connection.upAt === null || connection.forTime) {
      if (connection !== null) connection.client.stream.destroy();
      return done();
    }
    let finished = false;
    const finish = (): void => {
      if (finished) return;
      finished = true;
      cancel();
      connection.client.stream.destroy();
      done();
    };
    const cancel = this.options.clock.after(patienceMs, finish);
    const last = leaves && connection.version === 5 ? { properties: { sessionExpiryInterval: 0 } } : {};
    this.sendState(connection, false, () => connection.client.end(false, last, finish));
  }

  private retry(): number {
    const wait = this.backoff.next();
    this.cancelRetry = this.options.clock.after(wait, () => this.connect());
    return wait;
  }

  private connect(): void {
    const { memory, identity, device, topics, clock } = this.options;
    const endpoint = this.endpoints[this.turn % this.endpoints.length]!;
    const counter = memory.nextConnection();
    if (memory.trouble !== "") this.events.trouble(`the connection's number is not on the disk: ${memory.trouble}`);
    const forTime = this.wantsTime;
    this.wantsTime = false;
    const version = memory.version(endpoint.name);
    const will = forTime ? null : { topic: topics.up("state"), payload: this.events.state(false, counter) };
    this.current = openConnection(
      { endpoint, version, counter, forTime, device, identity, will, clock, now: this.options.time() },
      {
        up: (connection, packet) => this.onUp(connection, packet),
        closed: (connection) => this.onClose(connection),
        message: (connection, packet, done) => {
          void this.onMessage(packet).finally(() => {
            if (this.current === connection && connection.client.connected) done();
          });
        },
      },
    );
    this.current.client.connect();
  }

  private onUp(connection: Connection, { properties }: IConnackPacket): void {
    const { clock, memory, topics } = this.options;
    connection.cancelWatch();
    connection.cancelWatch = () => {};
    if (properties?.maximumQoS === 0) {
      connection.why = "the broker acknowledges nothing (QoS 0 only)";
      connection.client.stream.destroy();
      return;
    }
    connection.upAt = clock.now();
    connection.window = Math.min(RECEIVE_MAX, properties?.receiveMaximum ?? RECEIVE_MAX);
    connection.packetBytesMax = Math.min(PACKET_BYTES_MAX, properties?.maximumPacketSize ?? PACKET_BYTES_MAX);
    memory.remember(connection.endpoint.name, connection.version);
    connection.cancelWatch = clock.after(ACK_MS, () => {
      connection.why ||= "the broker does not acknowledge the subscriptions";
      connection.client.stream.destroy();
    });
    this.events.opened();
    if (connection.forTime) return this.askForTime(connection);
    // Always anew: a broker may say that it has the session and not have the subscriptions. And before the birth, which invites
    // commands: what is sent to a device that does not listen yet is lost.
    this.subscribed = topics.filters(this.groups);
    this.subscribe(connection, this.subscribed, () => {
      connection.cancelWatch();
      connection.hears = true;
      this.sendState(connection, true);
      this.events.up(connection.endpoint.name);
    });
  }

  /** A connection to a broker of whose dates nobody can tell: it hears answers and root documents, and says its question. */
  private askForTime(connection: Connection): void {
    const { clock, topics } = this.options;
    this.subscribe(connection, topics.filtersForTime(this.events.rootVersion()), () => {
      connection.asks = true;
      connection.cancelWatch();
      connection.cancelWatch = clock.after(TIME_MS, () => {
        connection.why ||=
          "by this device's clock the broker's certificate is expired or not yet valid, and nobody of the fleet has said what time it is";
        connection.client.stream.destroy();
      });
      this.sendState(connection, true);
    });
  }

  private onClose(connection: Connection): void {
    connection.cancelWatch();
    connection.client.removeAllListeners();
    connection.client.on("error", () => {});
    if (this.current !== connection) return;
    this.current = null;
    const { memory, clock } = this.options;
    const { endpoint, upAt, version, refusal, code } = connection;
    for (const done of [...connection.inflight]) done("lost");
    const asked = connection.forTime && this.options.time() !== null;
    if ((code === TIME_UNKNOWN || asked) && !this.ended) {
      // Once more at once: for the time, or with it.
      this.wantsTime = !asked;
      this.cancelRetry = clock.after(0, () => this.connect());
      return;
    }
    if (upAt !== null) this.backoff.lost(clock.now() - upAt);
    else {
      const wrongVersion = REFUSED_VERSION.has(refusal) || (refusal === 0 && CLOSED.has(code));
      if (version === 5 && wrongVersion && !this.ended) {
        // One more try at once, in the language that the broker may know.
        memory.remember(endpoint.name, 4);
        this.cancelRetry = clock.after(0, () => this.connect());
        return;
      }
      // What was remembered may have been a broker that was about to end.
      memory.remember(endpoint.name, 5);
      this.turn++;
    }
    const retryMs = this.ended ? 0 : this.retry();
    this.events.down(endpoint.name, connection.why || "the broker closed the connection", retryMs);
  }

  private async onMessage(packet: IPublishPacket): Promise<void> {
    // A copy of its own: what the library hands out is a view of what it read from the socket.
    const payload = new Uint8Array(Buffer.from(packet.payload));
    try {
      const { fleetState, certificate } = this.options.topics;
      if (packet.topic === fleetState) return this.events.fleet(payload);
      if (packet.topic === certificate) return this.events.certificate(payload);
      await this.events.message(this.options.topics.parse(packet.topic), payload, packet.retain);
    } catch (error) {
      this.events.trouble(`a message could not be handled: ${(error as Error).message}`);
    }
  }

  /** Birth or death: at once when there is room, else as soon as there is. */
  private sendState(connection: Connection, online: boolean, done = (): void => {}): void {
    if (connection.inflight.size >= connection.window) {
      connection.state = { online, done };
      return;
    }
    connection.state = null;
    const topic = this.options.topics.up("state");
    const { counter, forTime } = connection;
    const payload = forTime ? this.events.question(counter) : this.events.state(online, counter);
    if (!this.fits(topic, payload.length, 1)) {
      this.events.tooLarge(topic, payload.length, connection.packetBytesMax);
      return done();
    }
    this.send(connection, topic, payload, { qos: 1, retain: true }, done);
  }

  private subscribe(connection: Connection, filters: readonly string[], granted = (): void => {}): void {
    if (filters.length === 0) return;
    connection.client.subscribe([...filters], { qos: 1 }, (error) => {
      if (this.current !== connection) return;
      if (!error) return granted();
      // A device that hears nothing must not look as if it did.
      connection.why ||= `the broker refuses a subscription: ${error.message}`;
      connection.client.stream.destroy();
    });
  }

  private send(
    connection: Connection,
    topic: string,
    payload: Uint8Array,
    { qos, retain = false }: PublishOptions,
    done: (outcome: Outcome) => void,
  ): void {
    const { client, inflight } = connection;
    const options: IClientPublishOptions = { qos, retain };
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    if (qos === 0) {
      client.publish(topic, bytes, options, (error) => done(error ? "lost" : "arrived"));
      return;
    }
    const cancel = this.options.clock.after(ACK_MS, () => {
      connection.why ||= "the broker acknowledges nothing any more";
      client.stream.destroy();
    });
    const finish = (outcome: Outcome): void => {
      if (!inflight.delete(finish)) return;
      cancel();
      done(outcome);
      if (outcome === "lost") return;
      if (connection.state !== null) this.sendState(connection, connection.state.online, connection.state.done);
      this.events.room();
    };
    inflight.add(finish);
    client.publish(topic, bytes, options, (error) => finish(error ? "refused" : "arrived"));
  }
}
