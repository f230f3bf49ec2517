// The broker that needs nothing else: aedes in this process, on loopback, for one tenant. It is for the first run, for tests and for a fleet on one
// computer; a fleet in the world has a broker with mutual TLS (README.md). What it allows follows the pattern of such a broker: a client's id is
// the device, and a device writes below its own `up/` and reads below its own `dn/`, its groups' and everybody's. There is no TLS on
// loopback, so nothing is believed for having come this way: documents are signed, and so is what devices report.

import { randomBytes, timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { Aedes, type AuthenticateError, type Client } from "aedes";
import { FleetError } from "./failure.ts";
import { deviceNamed, enrolledDevices } from "./devices.ts";
import { audienceOf, issuedFor } from "./documents.ts";
import { PacketGate } from "./packet-gate.ts";
import type { FleetStore } from "./store.ts";
import { TimeAnswers } from "./time-answers.ts";
import { base, mayPublish, maySubscribe, upTopic } from "./topics.ts";

export const FLEET_USER = "fleet";
export const CONNECTIONS_MAX = 512;
const CONNECT_MS = 10_000;
const LEVELS_MAX = 10;
const DEVICE = /^[0-9a-f]{32}$/;

/** How this computer's own broker is reached. */
export interface BrokerAddress {
  port: number;
  /** The fleet's; devices have none. */
  password: string;
}

export const brokerUrl = ({ port }: BrokerAddress): string => `mqtt://127.0.0.1:${port}`;

/** Where the tenant's own broker listens, or did last; null: there never was one. */
export function brokerAddress(store: FleetStore): BrokerAddress | null {
  return store.readJson(isAddress, "broker.json");
}

function isAddress(value: unknown): value is BrokerAddress {
  const address = value as Partial<BrokerAddress> | null;
  const { port, password } = address ?? {};
  return Number.isInteger(port) && port! > 0 && port! < 65_536 && typeof password === "string" && password.length >= 16;
}

/** Publishes, retained: what the keeper needs of a broker. */
export type Publish = (topic: string, payload: Uint8Array) => Promise<void>;

export class FleetBroker {
  readonly address: BrokerAddress;
  /** Device names, and when they were last heard: seconds since 1970. */
  readonly heard = new Map<string, number>();
  /** Called with what a person should know. */
  trouble: (why: string) => void = () => {};
  /** Called for everything that a device says. */
  received: (topic: string, payload: Uint8Array) => void = () => {};
  private readonly store: FleetStore;
  private readonly server: Server;
  private readonly broker: Aedes;
  private readonly sockets = new Set<Socket>();
  private readonly devices = new Set<Client>();

  /** Starts at `port`; 0: where it listened last, or where there is room. Throws BROKER_PORT. */
  static async listen(store: FleetStore, port: number, now: () => number): Promise<FleetBroker> {
    const before = brokerAddress(store);
    const broker = await Aedes.createBroker({
      connectTimeout: CONNECT_MS,
      maxTopicLevels: LEVELS_MAX,
      maxClientsIdLength: 64,
      // Held by the connection that made it, so it needs no place of its own.
      queueLimit: 64,
    });
    const server = createServer();
    const wanted = port !== 0 ? port : (before?.port ?? 0);
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(wanted, "127.0.0.1", resolve);
      });
    } catch (error) {
      broker.close();
      const what = `127.0.0.1:${wanted} cannot be listened on: ${(error as Error).message}`;
      throw new FleetError("BROKER_PORT", what, "Is this fleet's broker running already? Else name another: --port N");
    }
    const password = before?.password ?? randomBytes(24).toString("base64url");
    const address = { port: (server.address() as AddressInfo).port, password };
    store.writeJson(address, "broker.json");
    return new FleetBroker(store, server, broker, address, now);
  }

  private constructor(store: FleetStore, server: Server, broker: Aedes, address: BrokerAddress, now: () => number) {
    this.store = store;
    this.server = server;
    this.broker = broker;
    this.address = address;
    server.maxConnections = CONNECTIONS_MAX;
    server.on("connection", (socket) => this.connected(socket));
    broker.authenticate = (client, username, password, done) => {
      if (this.mayConnect(client, username, password)) return done(null, true);
      const error = new Error("not authorized") as AuthenticateError;
      error.returnCode = 5;
      done(error, false);
    };
    broker.authorizePublish = (client, packet, done) => {
      const id = client?.id ?? "";
      const up = upTopic(store.tenant, packet.topic);
      // What is kept for good is one state and a report for each partition.
      const isKept = up !== null && /^(state|rep(\/.+)?)$/.test(up.what);
      const allowed = mayPublish(store.tenant, id, packet.topic) && (!packet.retain || up === null || isKept);
      if (!allowed) return done(new Error("not authorized"));
      if (up !== null && up.device === id) this.heard.set(id, now());
      done(null);
    };
    const answers = new TimeAnswers(store, {
      publish: this.publishOnce,
      now,
      trouble: (why) => this.trouble(why),
    });
    broker.on("publish", ({ topic, payload }, client) => {
      if (client === null || !DEVICE.test(client.id)) return;
      const bytes = new Uint8Array(Buffer.from(payload));
      this.received(topic, bytes);
      // A broker that is about to end publishes nothing any more.
      void answers.receive(topic, bytes).catch(() => undefined);
    });
    broker.on("clientReady", (client) => {
      if (DEVICE.test(client.id)) this.devices.add(client);
    });
    broker.on("clientDisconnect", (client) => this.devices.delete(client));
    broker.authorizeSubscribe = (client, subscription, done) => {
      const allowed = this.maySubscribe(client.id, subscription.topic);
      done(null, allowed ? subscription : null);
    };
  }

  /** Publishes as the broker itself. */
  readonly publish: Publish = (topic, payload) => this.send(topic, payload, 1);

  /** The same, not kept: for what is worth nothing later. */
  readonly publishOnce: Publish = (topic, payload) => this.send(topic, payload, 0);

  private send(topic: string, payload: Uint8Array, qos: 0 | 1): Promise<void> {
    return new Promise((resolve, reject) => {
      const packet = { cmd: "publish" as const, topic, payload: Buffer.from(payload), qos };
      this.broker.publish({ ...packet, retain: qos === 1, dup: false }, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** Ends the connections of devices that may not connect any more: they were retired, or removed. */
  endRetired(): void {
    for (const client of this.devices) {
      if (!this.mayConnect(client, undefined, undefined)) client.close();
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    await new Promise<void>((resolve) => this.broker.close(resolve));
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private connected(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    const gate = new PacketGate();
    const drop = (): void => void socket.destroy();
    socket.on("close", () => this.sockets.delete(socket)).on("error", drop);
    gate.on("error", drop);
    socket.on("close", () => gate.destroy());
    const stream = Duplex.from({ readable: socket.pipe(gate), writable: socket });
    stream.on("error", drop);
    this.broker.handle(stream);
  }

  private mayConnect(client: Client, username: string | undefined, password: Buffer | undefined): boolean {
    if (DEVICE.test(client.id)) {
      const device = username === undefined || username === client.id ? deviceNamed(this.store, client.id) : null;
      return device !== null && device.retiredAt === null;
    }
    if (username !== FLEET_USER) return false;
    const [given, ours] = [password ?? Buffer.alloc(0), Buffer.from(this.address.password)];
    return given.length === ours.length && timingSafeEqual(given, ours);
  }

  private maySubscribe(client: string, filter: string): boolean {
    if (!DEVICE.test(client)) return filter.startsWith(`${base(this.store.tenant)}/`);
    const issued = issuedFor(this.store, audienceOf(client)).find(({ kind }) => kind === "groups");
    const groups = issued !== undefined && "groups" in issued.document ? issued.document.groups : [];
    return maySubscribe(this.store.tenant, client, groups, filter);
  }
}

/** When devices were last heard, as the broker's process wrote it. */
export function heardTimes(store: FleetStore): Map<string, number> {
  const heard = store.readJson(isHeard, "heard.json") ?? {};
  return new Map(Object.entries(heard));
}

export function saveHeard(store: FleetStore, heard: Map<string, number>): void {
  const known = new Set(enrolledDevices(store).map(({ name }) => name));
  const all = [...heardTimes(store), ...heard].filter(([name]) => known.has(name));
  store.writeJson(Object.fromEntries(all), "heard.json");
}

function isHeard(value: unknown): value is Record<string, number> {
  return typeof value === "object" && value !== null && Object.values(value).every(Number.isSafeInteger);
}
