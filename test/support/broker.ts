// Brokers for tests, on loopback and a port of their own: aedes (MQTT 3.1.1) in this process, mosquitto (MQTT 5) as a child. Whatever is
// published is kept, and a test waits for what it wants to see.

import { spawn } from "node:child_process";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTlsServer } from "node:tls";
import { Aedes } from "aedes";
import mqtt, { type MqttClient } from "mqtt";
import { programPath } from "../../agent/paths.js";
import { createWebSocketStream, WebSocketServer } from "ws";
import { temporaryFolder } from "./temporary.js";

export interface Published {
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: boolean;
}

/** Longer than anything here takes on a busy computer; nothing waits for it that succeeds. */
const PATIENCE_MS = 30_000;

/** A condition that becomes true when `changed()` is called after something happened. */
export class Watch {
  private readonly waiting = new Set<() => void>();

  changed(): void {
    for (const look of [...this.waiting]) look();
  }

  /** Waits until `find` finds something. */
  until<T>(what: string, find: () => T | undefined | null | false, patienceMs = PATIENCE_MS): Promise<T> {
    return new Promise((done, failed) => {
      const look = (): void => {
        const found = find();
        if (found === undefined || found === null || found === false) return;
        clearTimeout(timer);
        this.waiting.delete(look);
        done(found);
      };
      const timer = setTimeout(() => {
        this.waiting.delete(look);
        failed(new Error(`there was no ${what}`));
      }, patienceMs);
      this.waiting.add(look);
      look();
    });
  }
}

export interface TestBroker {
  url: string;
  published: Published[];
  watch: Watch;
  publish(topic: string, payload: Uint8Array, options?: { qos?: 0 | 1; retain?: boolean }): Promise<void>;
  /** Ends every connection, without a word. */
  cut(): void;
  stop(): Promise<void>;
}

export interface BrokerTls {
  certificate: string;
  key: string;
  /** Who vouches for clients; absent: they are not asked for a certificate. */
  authorities?: string;
}

/** aedes, in this process; with `webSocket` behind HTTP; at `port`, where one was before that is to come back. */
export async function startAedes(tls?: BrokerTls, webSocket = false, port = 0): Promise<TestBroker> {
  const broker = await Aedes.createBroker();
  const published: Published[] = [];
  const watch = new Watch();
  broker.on("publish", ({ topic, payload, qos, retain }, client) => {
    if (client === null) return;
    published.push({ topic, payload: new Uint8Array(Buffer.from(payload)), qos, retain });
    watch.changed();
  });
  const sockets = new Set<Socket>();
  const take = (socket: Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => {});
    broker.handle(socket);
  };
  const mutual =
    tls === undefined
      ? null
      : {
          ...{ cert: tls.certificate, key: tls.key },
          ...(tls.authorities === undefined
            ? {}
            : { ca: tls.authorities, requestCert: true, rejectUnauthorized: true }),
        };
  const server: Server = webSocket
    ? mutual === null
      ? createHttpServer()
      : createHttpsServer(mutual)
    : mutual === null
      ? createServer(take)
      : createTlsServer(mutual, take);
  if (webSocket) {
    server.on("connection", (socket: Socket) => sockets.add(socket));
    const upgrade = new WebSocketServer({ server: server as never, handleProtocols: () => "mqtt" });
    upgrade.on("connection", (each) => broker.handle(createWebSocketStream(each) as never));
  }
  const listening = await listen(server, port);
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  return {
    url: `${webSocket ? "ws" : "mqtt"}${tls === undefined ? "" : "s"}://127.0.0.1:${listening}`,
    published,
    watch,
    publish: (topic, payload, { qos = 1, retain = false } = {}) =>
      new Promise((done, failed) => {
        const packet = { cmd: "publish" as const, topic, payload: Buffer.from(payload), qos, retain, dup: false };
        broker.publish(packet, (error) => (error ? failed(error) : done()));
      }),
    cut,
    stop: async () => {
      cut();
      const closed = new Promise((done) => server.close(done));
      await new Promise<void>((done) => broker.close(done));
      await closed;
    },
  };
}

export async function listen(server: Server, port = 0): Promise<number> {
  await new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  return (server.address() as AddressInfo).port;
}

/** Where mosquitto is: Debian has it outside of a user's PATH. */
export function mosquittoPath(): string | null {
  return programPath("mosquitto") ?? (existsSync("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : null);
}

/** mosquitto, with a client of the test's own beside the agent's. */
export async function startMosquitto(tls?: BrokerTls): Promise<TestBroker> {
  const folder = temporaryFolder();
  const reserved = createServer();
  const port = await listen(reserved);
  await new Promise((done) => reserved.close(done));
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true", "set_tcp_nodelay true", "max_queued_messages 0"];
  if (tls !== undefined) {
    for (const [name, pem] of Object.entries(tls)) writeFileSync(join(folder, `${name}.pem`), pem, { mode: 0o600 });
    lines.push(`certfile ${folder}/certificate.pem`, `keyfile ${folder}/key.pem`, `cafile ${folder}/authorities.pem`);
    lines.push("require_certificate true", "use_identity_as_username true");
  }
  if (process.getuid!() === 0) lines.push("user root");
  writeFileSync(join(folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
  const child = spawn(mosquittoPath()!, ["-c", join(folder, "mosquitto.conf")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  process.once("exit", () => child.kill("SIGKILL"));
  const watch = new Watch();
  let running = false;
  child.stderr.on("data", (bytes: Buffer) => {
    running ||= bytes.toString().includes("running");
    watch.changed();
  });
  await watch.until("mosquitto", () => running);
  const url = `${tls === undefined ? "mqtt" : "mqtts"}://127.0.0.1:${port}`;
  const own: MqttClient = await mqtt.connectAsync(url, {
    protocolVersion: 5,
    ...(tls === undefined ? {} : { cert: tls.certificate, key: tls.key, ca: tls.authorities }),
  });
  const published: Published[] = [];
  own.on("message", (topic, payload, { qos, retain }) => {
    published.push({ topic, payload: new Uint8Array(payload), qos, retain });
    watch.changed();
  });
  await own.subscribeAsync("pv/1/+/+/up/#", { qos: 1, rap: true });
  return {
    url,
    published,
    watch,
    publish: async (topic, payload, options = {}) => {
      await own.publishAsync(topic, Buffer.from(payload), { qos: 1, ...options });
    },
    cut: () => {
      throw new Error("mosquitto cuts nothing");
    },
    stop: async () => {
      own.end(true);
      child.kill("SIGTERM");
      await ended;
    },
  };
}

/** Bytes of memory that a process holds (Linux), or null. */
export function residentBytes(pid: number): number | null {
  const status = `/proc/${pid}/status`;
  if (!existsSync(status)) return null;
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(status, "utf8"))![1]) * 1024;
}
