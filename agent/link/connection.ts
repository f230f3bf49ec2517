// One connection to a broker: the library's client with a will, limits and a frame guard of ours, and what is known of it.

import { MqttClient, type IClientOptions, type IConnackPacket, type IPublishPacket } from "mqtt";
import type { Clock } from "./clock.ts";
import { openStream, type Endpoint, type TlsIdentity } from "./endpoint.ts";
import { FrameGuard, PACKET_BYTES_MAX, TIME_BYTES_MAX } from "./frames.ts";

const KEEP_ALIVE_SECONDS = 300;
const WILL_DELAY_SECONDS = 60;
const SESSION_EXPIRY_SECONDS = 7 * 86_400;
export const RECEIVE_MAX = 16;
const CONNACK_MS = 30_000;

/** What became of a message: `lost` may have arrived all the same. */
export type Outcome = "arrived" | "lost" | "too-large" | "refused";

/** One try, from its first byte to its last. */
export interface Connection {
  client: MqttClient;
  endpoint: Endpoint;
  version: 4 | 5;
  counter: number;
  /** It asks for the time, and is ended then: the broker's certificates may have expired. */
  forTime: boolean;
  /** Null before CONNACK. */
  upAt: number | null;
  /** Whether the broker has acknowledged the first subscriptions. */
  hears: boolean;
  /** The same, of a connection that asks for the time: nothing but its question may be sent. */
  asks: boolean;
  why: string;
  /** The transport's error; empty: it was closed. */
  code: string;
  refusal: number;
  /** Messages of QoS 1 on their way, with their watchdogs. */
  window: number;
  packetBytesMax: number;
  inflight: Set<(outcome: Outcome) => void>;
  /** A birth or death that waits for room. */
  state: { online: boolean; done: () => void } | null;
  cancelWatch: () => void;
}

export interface ConnectionOptions {
  endpoint: Endpoint;
  version: 4 | 5;
  /** Of all the device's connections. */
  counter: number;
  /** Nobody can tell the dates of the broker's certificate: it is asked for the time, and for nothing else. */
  forTime: boolean;
  device: string;
  identity: TlsIdentity;
  /** What the broker says when the device is gone; null: nothing. */
  will: { topic: string; payload: Uint8Array } | null;
  clock: Clock;
  /** Session time in seconds since 1970; null: nobody has said it. */
  now: number | null;
}

export interface ConnectionEvents {
  up: (connection: Connection, packet: IConnackPacket) => void;
  closed: (connection: Connection) => void;
  message: (connection: Connection, packet: IPublishPacket, done: () => void) => void;
}

/** The library's timer for pings: it repeats. */
function repeating(clock: Clock): { set(body: () => void, milliseconds: number): object; clear(timer: object): void } {
  const cancels = new Map<object, () => void>();
  return {
    set: (body, milliseconds) => {
      const timer = {};
      const again = (): void => {
        // Before the body, which may clear it.
        cancels.set(timer, clock.after(milliseconds, again));
        body();
      };
      cancels.set(timer, clock.after(milliseconds, again));
      return timer;
    },
    clear: (timer) => {
      cancels.get(timer)?.();
      cancels.delete(timer);
    },
  };
}

function clientOptions({ version, forTime, device, will, clock }: ConnectionOptions): IClientOptions {
  const bytesMax = forTime ? TIME_BYTES_MAX : PACKET_BYTES_MAX;
  return {
    protocolVersion: version,
    clientId: device,
    // Nothing that waits in a session may come to a connection that asks for the time.
    clean: forTime,
    keepalive: KEEP_ALIVE_SECONDS,
    // The library's own timer is never due: ours is the one that counts.
    connectTimeout: 0x7fff_ffff,
    reconnectPeriod: 0,
    resubscribe: false,
    queueQoSZero: false,
    manualConnect: true,
    timerVariant: repeating(clock) as never,
    log: () => {},
    ...(will === null
      ? {}
      : {
          will: {
            topic: will.topic,
            payload: Buffer.from(will.payload),
            qos: 1,
            retain: true,
            ...(version === 5 ? { properties: { willDelayInterval: WILL_DELAY_SECONDS } } : {}),
          },
        }),
    ...(version === 5
      ? {
          properties: {
            sessionExpiryInterval: forTime ? 0 : SESSION_EXPIRY_SECONDS,
            receiveMaximum: RECEIVE_MAX,
            maximumPacketSize: bytesMax,
          },
        }
      : {}),
  };
}

/** A connection that client.connect() opens. */
export function openConnection(of: ConnectionOptions, events: ConnectionEvents): Connection {
  const { endpoint, version, counter, forTime, identity, clock, now } = of;
  const guard = new FrameGuard(forTime ? TIME_BYTES_MAX : Infinity);
  const client = new MqttClient((self) => {
    const stream = openStream(self, endpoint, identity, { now, forTime });
    stream.on("error", (error: NodeJS.ErrnoException) => {
      connection.why ||= error.message || (error.code ?? "the connection failed");
      connection.code ||= error.code ?? "UNKNOWN";
    });
    stream.on("data", (bytes: Uint8Array) => {
      try {
        guard.push(bytes);
      } catch (error) {
        fail((error as Error).message);
      }
    });
    return stream;
  }, clientOptions(of));
  const connection: Connection = {
    client,
    endpoint,
    version,
    counter,
    forTime,
    upAt: null,
    hears: false,
    asks: false,
    why: "",
    code: "",
    refusal: 0,
    window: 0,
    packetBytesMax: PACKET_BYTES_MAX,
    inflight: new Set(),
    state: null,
    cancelWatch: clock.after(CONNACK_MS, () => fail("the broker does not answer")),
  };
  const fail = (why: string): void => {
    connection.why ||= why;
    connection.code ||= "PROTOCOL";
    client.stream.destroy();
  };
  client.on("connect", (packet: IConnackPacket) => events.up(connection, packet));
  client.on("error", (error) => {
    connection.refusal = (error as { code?: number }).code ?? 0;
    fail(error.message);
  });
  client.on("disconnect", (packet) => {
    connection.why ||= `the broker ended the connection (reason ${packet.reasonCode ?? 0})`;
  });
  client.once("close", () => events.closed(connection));
  client.handleMessage = (packet, done) => events.message(connection, packet, done);
  return connection;
}
