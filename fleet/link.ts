// The operator's session with the broker: MQTT 5, or 3.1.1 where the broker knows nothing else. One session for one command: it does not come back by
// itself, and whoever watches is told when it ends.

import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect, type IClientOptions, type MqttClient } from "mqtt";
import { escapeText } from "../agent/escape.ts";
import { brokerAddress, brokerUrl, FLEET_USER } from "./broker.ts";
import { FleetError } from "./failure.ts";
import { PACKET_BYTES_MAX } from "./packet-gate.ts";
import { withProfile, type LinkProfile } from "./profile.ts";
import type { FleetStore } from "./store.ts";

export interface BrokerOptions {
  /** mqtt, mqtts, ws or wss. */
  url: string;
  username?: string;
  password?: string;
  /** PEM: whom to trust, and who one is. */
  authorities?: Buffer;
  certificate?: Buffer;
  key?: Buffer;
}

export type Received = (topic: string, payload: Uint8Array, retained: boolean) => void;

const CONNECT_MS = 10_000;
const KEEPALIVE_SECONDS = 60;
const URL_PATTERN = /^(mqtts?|wss?):\/\/[^\s/?#]+(\/[^\s]*)?$/;
/** Not authorized and its like: MQTT 3.1.1 §3.2.2.3, MQTT 5 §3.2.2.2. */
const REFUSED = new Set([2, 4, 5, 133, 134, 135, 138, 140]);

/** A broker of the operator's choice, by option or profile, or this computer's own. Throws FLEET_BROKER. */
export function brokerOptions(store: FleetStore, options: LinkProfile): BrokerOptions {
  const said = withProfile(store, options);
  if (said.url === null) {
    const address = brokerAddress(store);
    const hint = "Start one: pocketvisor fleet broker. Or name one: --broker mqtts://HOST";
    if (address === null) throw new FleetError("FLEET_BROKER", "there is no broker", hint);
    return { url: brokerUrl(address), username: FLEET_USER, password: address.password };
  }
  if (!URL_PATTERN.test(said.url)) {
    const what = `"${escapeText(said.url, 100)}" is no broker's address`;
    throw new FleetError("FLEET_BROKER", what, "Write --broker mqtts://HOST:8883");
  }
  const file = (path: string | null): Buffer | undefined => (path === null ? undefined : pem(path));
  const [authorities, certificate, key] = [file(said.authorities), file(said.certificate), file(said.key)];
  return {
    url: said.url,
    ...(authorities === undefined ? {} : { authorities }),
    ...(certificate === undefined ? {} : { certificate }),
    ...(key === undefined ? {} : { key }),
  };
}

function pem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new FleetError("FLEET_BROKER", `${path} cannot be read: ${(error as Error).message}`);
  }
}

export class FleetLink {
  readonly protocol: 4 | 5;
  private readonly client: MqttClient;
  private received: Received = () => {};
  private readonly listeners: Received[] = [];
  /** Resolves when the session ends, by close() or otherwise. */
  readonly ended: Promise<void>;

  /** Connects. Throws FLEET_BROKER when nobody answers, FLEET_REFUSED when the broker does not let the fleet in. */
  static async connect(options: BrokerOptions): Promise<FleetLink> {
    try {
      return new FleetLink(await open(options, 5), 5);
    } catch (error) {
      // A broker that knows only 3.1.1 answers 1, or closes before it answers, or answers in a form that 5 does not have.
      if (isUnreachable(error) || REFUSED.has(codeOf(error))) throw explained(options, error);
    }
    try {
      return new FleetLink(await open(options, 4), 4);
    } catch (error) {
      throw explained(options, error);
    }
  }

  private constructor(client: MqttClient, protocol: 4 | 5) {
    this.client = client;
    this.protocol = protocol;
    client.on("error", () => {});
    client.on("message", (topic, payload, packet) => {
      if (payload.length > PACKET_BYTES_MAX) return;
      const bytes = new Uint8Array(payload);
      for (const received of [...this.listeners, this.received]) received(topic, bytes, packet.retain);
    });
    this.ended = new Promise((resolve) => client.once("close", () => resolve()));
  }

  /** Subscribes; every message from then on, and what the broker keeps, goes to `received`. Throws FLEET_REFUSED. */
  async subscribe(filters: string[], received: Received): Promise<void> {
    this.received = received;
    const granted = await this.client.subscribeAsync(filters, { qos: 1 });
    const refused = granted.filter(({ qos }) => qos > 2);
    if (refused.length === 0) return;
    throw new FleetError("FLEET_REFUSED", `the broker does not let the fleet read ${refused[0]!.topic}`);
  }

  /** Every message from now on goes to `received` too. */
  listen(received: Received): void {
    this.listeners.push(received);
  }

  /** Subscribes for those who listen: what comes goes to subscribe()'s receiver as well. Throws FLEET_REFUSED. */
  alsoSubscribe(filters: string[]): Promise<void> {
    return this.subscribe(filters, this.received);
  }

  /** Publishes at QoS 0, not retained: for what is worth nothing later. */
  async publishOnce(topic: string, payload: Uint8Array): Promise<void> {
    await this.client.publishAsync(topic, Buffer.from(payload), { qos: 0 });
  }

  /** Publishes at QoS 1; the broker has it when this returns. `expirySeconds` counts on MQTT 5 alone. */
  async publish(topic: string, payload: Uint8Array, retain: boolean, expirySeconds?: number): Promise<void> {
    const expiry =
      this.protocol === 5 && expirySeconds !== undefined
        ? { properties: { messageExpiryInterval: expirySeconds } }
        : {};
    await this.client.publishAsync(topic, Buffer.from(payload), { qos: 1, retain, ...expiry });
  }

  async close(): Promise<void> {
    await this.client.endAsync();
  }
}

function open(options: BrokerOptions, protocolVersion: 4 | 5): Promise<MqttClient> {
  const { url, username, password, authorities, certificate, key } = options;
  const settings: IClientOptions = {
    protocolVersion,
    clientId: `fleet-${randomBytes(8).toString("hex")}`,
    clean: true,
    keepalive: KEEPALIVE_SECONDS,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: 0,
    queueQoSZero: false,
    rejectUnauthorized: true,
    ...(protocolVersion === 5 ? { properties: { maximumPacketSize: PACKET_BYTES_MAX, receiveMaximum: 64 } } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(certificate === undefined ? {} : { cert: certificate }),
    ...(key === undefined ? {} : { key }),
  };
  return new Promise((resolve, reject) => {
    const client = connect(url, settings);
    let why: Error = new Error("the broker closed the connection before it answered");
    client.once("connect", () => resolve(client));
    client.on("error", (error) => {
      why = error;
      client.end(true);
    });
    client.once("close", () => {
      client.end(true);
      reject(why);
    });
  });
}

const codeOf = (error: unknown): number => Number((error as { code?: unknown }).code);

/** Nobody is there, or it is not who it should be: another version of the protocol would not help. */
function isUnreachable(error: unknown): boolean {
  const { code, errors } = error as { code?: unknown; errors?: unknown[] };
  if (Array.isArray(errors)) return errors.every(isUnreachable);
  return typeof code === "string" && code !== "ECONNRESET" && code !== "EPIPE";
}

function explained({ url }: BrokerOptions, error: unknown): FleetError {
  const where = escapeText(url.replace(/\/\/[^@/]*@/, "//"), 200);
  const why = escapeText(messageOf(error), 200);
  if (REFUSED.has(codeOf(error))) {
    return new FleetError(
      "FLEET_REFUSED",
      `${where} does not let the fleet in: ${why}`,
      "Look at --certificate and --key.",
    );
  }
  const hint = "Does it run? This computer's own: pocketvisor fleet broker";
  return new FleetError("FLEET_BROKER", `${where} cannot be reached: ${why}`, hint);
}

function messageOf(error: unknown): string {
  const { message, errors, code } = error as Error & { errors?: Error[]; code?: string };
  return message !== "" ? message : (errors?.[0]?.message ?? code ?? "unknown");
}
