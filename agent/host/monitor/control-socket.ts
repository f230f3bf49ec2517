// The control socket: a Unix socket of mode 0600, one JSON object a line each way. Whoever may open it may command the handset,
// so it lies where only the user gets. Requests are bounded in length and in number.
//
//   → {"id":1,"command":"pause","positionals":["work"],"options":{}}       ← {"id":1,"value":…} or {"id":1,"error":{code,message,hint,usage}}
//   → {"id":2,"attach":"work"}                                             ← {"id":2,"console":"base64"} again and again
//   → {"id":2,"input":"base64"}                                            ← {"id":2,"detached":"why"} when the handset ends it
//   → {"id":4,"debug":"work"}                  ← {"id":4,"value":{"path":…}}, until the connection ends or {"id":4,"detached":"why"}
//   → {"id":3,"eval":"ls().partitions.length"}                             ← {"id":3,"value":{"json":"2"}}

import { chmodSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { Failure, HostError, UsageError } from "../../failure.ts";

const LINE_BYTES_MAX = 64 << 10;
const CLIENTS_MAX = 32;
/** Bytes that may wait for a client that does not read, before it is let go. */
const BACKLOG_BYTES_MAX = 1 << 20;
/** Bytes that wait for a client, above which the guest waits for it. */
const SLOW_BYTES = 256 << 10;

export interface ControlShell {
  /** Evaluates a line. Throws Failure. */
  evaluate(line: string): Promise<unknown>;
  close(): Promise<void>;
}

/** What one client holds. */
interface Client {
  attached: Map<number, { input: (bytes: Buffer) => void; detach: () => void }>;
  shell: ControlShell | null;
  gone: boolean;
}

export interface ControlHandlers {
  /** Carries out a command; what it returns is the answer. */
  command(name: string, positionals: string[], options: Record<string, string>): Promise<unknown>;
  /** A shell for one client. Throws Failure when there are too many. */
  shell(): ControlShell;
  /** Console bytes of a partition from now on, and the past; returns how to stop. `ended` is called if the handset ends it, with why. Throws
   *  Failure for an unknown one. */
  attach(
    partition: string,
    output: (bytes: Buffer) => Promise<void> | void,
    ended?: (why: string) => void,
  ): { input: (bytes: Buffer) => void; detach: () => void };
  /** Lets a debugger come to a partition: as attach(). Throws Failure. */
  debug(partition: string, ended: (why: string) => void): Promise<{ path: string; detach: () => void }>;
}

export class ControlSocket {
  private readonly server: Server;
  private readonly path: string;
  private readonly clients = new Set<Socket>();

  private constructor(server: Server, path: string) {
    this.server = server;
    this.path = path;
  }

  /** Listens at `path`. Throws HostError when another handset does already. */
  static async listen(path: string, handlers: ControlHandlers): Promise<ControlSocket> {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    if (existsSync(path)) {
      if (await answers(path)) {
        throw new HostError(
          "HANDSET_RUNNING",
          `a handset is running at ${path}`,
          "End it with: pocketvisor down. Or give this one another name in its file.",
        );
      }
      rmSync(path);
    }
    const server = createServer();
    const control = new ControlSocket(server, path);
    server.on("connection", (socket) => control.accept(socket, handlers));
    // Nobody must get in between listening and the change of mode.
    const mask = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => server.once("error", reject).listen(path, resolve));
    } finally {
      process.umask(mask);
    }
    chmodSync(path, 0o600);
    return control;
  }

  /** Stops listening and lets go of all clients. */
  async close(): Promise<void> {
    // What ended the handset has refused others too: they hear of it first.
    await new Promise((resolve) => setImmediate(resolve));
    for (const client of this.clients) client.end();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
    rmSync(this.path, { force: true });
  }

  private accept(socket: Socket, handlers: ControlHandlers): void {
    if (this.clients.size >= CLIENTS_MAX) {
      socket.destroy();
      return;
    }
    this.clients.add(socket);
    const client: Client = { attached: new Map(), shell: null, gone: false };
    const send = (message: object): void => {
      if (socket.writableLength > BACKLOG_BYTES_MAX) socket.destroy();
      else if (!socket.destroyed) socket.write(`${JSON.stringify(message, plain)}\n`);
    };
    const drained = (): Promise<void> | void => {
      if (socket.writableLength <= SLOW_BYTES || socket.destroyed) return;
      return new Promise((resolve) => {
        const done = (): void => {
          socket.off("drain", done).off("close", done);
          resolve();
        };
        socket.on("drain", done).on("close", done);
      });
    };
    lines(socket, (line) => {
      if (!socket.destroyed) void this.serve(line, handlers, client, { send, drained });
    });
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.clients.delete(socket);
      client.gone = true;
      for (const { detach } of client.attached.values()) detach();
      void client.shell?.close();
    });
  }

  private async serve(
    line: string,
    handlers: ControlHandlers,
    client: Client,
    { send, drained }: { send: (message: object) => void; drained: () => Promise<void> | void },
  ): Promise<void> {
    const { attached } = client;
    let id = -1;
    try {
      const request = readRequest(line);
      id = request.id;
      if (request.kind === "command") {
        send({ id, value: (await handlers.command(request.name, request.positionals, request.options)) ?? null });
      } else if (request.kind === "eval") {
        client.shell ??= handlers.shell();
        send({ id, value: await client.shell.evaluate(request.line) });
      } else if (request.kind === "attach") {
        attached.get(id)?.detach();
        attached.set(
          id,
          handlers.attach(
            request.partition,
            (bytes) => {
              send({ id, console: bytes.toString("base64") });
              return drained();
            },
            (why) => send({ id, detached: why }),
          ),
        );
        send({ id, value: null });
      } else if (request.kind === "debug") {
        const { path, detach } = await handlers.debug(request.partition, (why) => send({ id, detached: why }));
        client.attached.set(id, { input: () => undefined, detach });
        // The client may have gone while it was opened.
        if (client.gone) detach();
        send({ id, value: { path } });
      } else attached.get(id)?.input(request.bytes);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const { code, message, hint } = error;
      send({ id, error: { code, message, hint, usage: error instanceof UsageError } });
    }
  }
}

type Request =
  | { kind: "command"; id: number; name: string; positionals: string[]; options: Record<string, string> }
  | { kind: "eval"; id: number; line: string }
  | { kind: "attach"; id: number; partition: string }
  | { kind: "debug"; id: number; partition: string }
  | { kind: "input"; id: number; bytes: Buffer };

function readRequest(line: string): Request {
  let data: Record<string, unknown>;
  try {
    data = JSON.parse(line) as Record<string, unknown>;
  } catch {
    throw new UsageError("CONTROL_SYNTAX", "a request is one JSON object on a line");
  }
  const id = Number.isSafeInteger(data?.["id"]) ? (data["id"] as number) : -1;
  if (typeof data?.["command"] === "string") {
    const positionals = Array.isArray(data["positionals"]) ? data["positionals"].map(wordOf) : [];
    const options = Object.fromEntries(
      Object.entries((data["options"] ?? {}) as object).map(([key, value]) => [key, wordOf(value)]),
    );
    return { kind: "command", id, name: data["command"], positionals, options };
  }
  if (typeof data?.["eval"] === "string") return { kind: "eval", id, line: data["eval"] };
  if (typeof data?.["attach"] === "string") return { kind: "attach", id, partition: data["attach"] };
  if (typeof data?.["debug"] === "string") return { kind: "debug", id, partition: data["debug"] };
  if (typeof data?.["input"] === "string") return { kind: "input", id, bytes: Buffer.from(data["input"], "base64") };
  throw new UsageError("CONTROL_SYNTAX", "a request has a command, eval, attach, debug or input");
}

/** An object where a word belongs could throw when it is turned into text. */
function wordOf(value: unknown): string {
  if (["string", "number", "boolean"].includes(typeof value)) return String(value);
  throw new UsageError("CONTROL_SYNTAX", "arguments and options are words");
}

/** Calls `each` for every line; a line that is too long ends the connection. */
export function lines(socket: Socket, each: (line: string) => void, lengthMax = LINE_BYTES_MAX): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (chunk: string) => {
    rest += chunk;
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      each(rest.slice(0, end));
      rest = rest.slice(end + 1);
    }
    if (rest.length > lengthMax) socket.destroy();
  });
}

/** Whether somebody listens at the socket. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** JSON has no 64-bit integers: they go as numbers. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? Number(value) : value;
}
