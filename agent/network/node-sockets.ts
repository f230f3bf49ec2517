// The host's sockets as Node has them. All reads go into one buffer that is the thread's, so however many connections there are, what was read and not
// handed on is never more than that.

import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { Resolver } from "node:dns";
import { createServer, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import type { Listener, Sockets, TcpHandlers, TcpSocket, UdpHandlers, UdpSocket } from "./contracts.ts";

const shared = new Uint8Array(65_536);
const READ_FIRST = 2048;
/** Datagrams that wait for a socket to be connected. */
const WAITING_MOST = 16;
const LOOK_MS = 5000;

export class NodeSockets implements Sockets {
  /** Called after anything has happened: whoever drives the stack has its turn. */
  private readonly stirred: () => void;
  private route = { at: -Infinity, has: false };

  constructor(stirred: () => void) {
    this.stirred = stirred;
  }

  tcp(address: string, port: number, handlers: TcpHandlers): TcpSocket {
    return new NodeTcp(handlers, this.stirred, { address, port });
  }

  udp(address: string, port: number, handlers: UdpHandlers): UdpSocket {
    return new NodeUdp(address, port, handlers, this.stirred);
  }

  listen(
    address: string,
    port: number,
    accept: (socket: TcpSocket) => TcpHandlers | null,
    failed: (code: string) => void,
  ): Listener {
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
      const own = new AcceptedTcp(socket, this.stirred);
      const handlers = accept(own);
      if (handlers === null) own.reset();
      else own.begin(handlers);
      this.stirred();
    });
    server.on("error", (error) => failed(codeOf(error)));
    server.listen({ host: address, port });
    return { close: () => void server.close() };
  }

  resolvers(): { address: string; port: number }[] {
    // A resolver reads the host's configuration when it is made.
    return new Resolver().getServers().map((text) => {
      const bracketed = /^\[(.+)\]:(\d+)$/.exec(text) ?? /^([\d.]+):(\d+)$/.exec(text);
      return bracketed === null ? { address: text, port: 53 } : { address: bracketed[1]!, port: Number(bracketed[2]) };
    });
  }

  ownAddresses(): string[] {
    return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
  }

  hasIpv6(): boolean {
    const now = performance.now();
    if (now - this.route.at < LOOK_MS) return this.route.has;
    // An address that is good beyond the link is what there is a route for (RFC 4291 §2.4).
    const has = Object.values(networkInterfaces()).some((list) =>
      (list ?? []).some(({ family, internal, address }) => family === "IPv6" && !internal && /^[23]/.test(address)),
    );
    this.route = { at: now, has };
    return has;
  }
}

/** A connection of either kind: how it is written to, and how it ends. */
abstract class Stream implements TcpSocket {
  protected readonly socket: Socket;
  protected readonly stirred: () => void;
  protected over = false;

  constructor(socket: Socket, stirred: () => void) {
    this.socket = socket;
    this.stirred = stirred;
  }

  protected watch(handlers: TcpHandlers): void {
    const { socket } = this;
    socket.on("end", () => this.tell(() => handlers.ended()));
    socket.on("error", (error) =>
      this.tell(() => {
        this.over = true;
        handlers.failed(codeOf(error));
      }),
    );
  }

  /** Calls a handler, unless it is over, and then whoever drives the stack. */
  protected tell(call: () => void): void {
    if (this.over) return;
    call();
    this.stirred();
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.socket.write(bytes, (error) => {
      if (error === undefined || error === null) this.tell(done);
    });
  }

  end(done: () => void): void {
    this.socket.end(() => this.tell(done));
  }

  abstract resume(): void;

  reset(): void {
    this.over = true;
    // A reset of what is not connected yet would wait for the connection.
    if (this.socket.connecting) this.socket.destroy();
    else this.socket.resetAndDestroy();
  }

  close(): void {
    this.over = true;
    this.socket.destroySoon();
  }
}

class NodeTcp extends Stream {
  constructor(handlers: TcpHandlers, stirred: () => void, { address, port }: { address: string; port: number }) {
    let granted = READ_FIRST;
    const onread = {
      buffer: () => shared.subarray(0, granted),
      callback: (count: number, buffer: Uint8Array): boolean => {
        let next = 0;
        this.tell(() => (next = handlers.data(buffer.subarray(0, count))));
        if (next > 0) granted = Math.min(next, shared.length);
        return next > 0;
      },
    };
    super(new Socket({ allowHalfOpen: true, onread } as ConstructorParameters<typeof Socket>[0]), stirred);
    this.watch(handlers);
    this.socket.setNoDelay(true);
    this.socket.on("connect", () => this.tell(() => handlers.connected()));
    this.socket.connect({ host: address, port });
  }

  resume(): void {
    this.socket.resume();
  }
}

/** A connection that came to us: Node reads it as a stream, so what is not wanted yet waits there. */
class AcceptedTcp extends Stream {
  private handlers: TcpHandlers | null = null;
  private granted = READ_FIRST;
  private paused = false;

  constructor(socket: Socket, stirred: () => void) {
    super(socket, stirred);
    // Before begin(), an error is nobody's.
    socket.on("error", () => undefined);
  }

  begin(handlers: TcpHandlers): void {
    this.handlers = handlers;
    this.watch(handlers);
    this.socket.on("readable", () => this.tell(() => this.pump()));
  }

  resume(): void {
    this.paused = false;
    this.pump();
  }

  private pump(): void {
    while (!this.paused && this.socket.readableLength > 0) {
      const bytes = this.socket.read(Math.min(this.granted, this.socket.readableLength)) as Uint8Array | null;
      if (bytes === null) return;
      const next = this.handlers!.data(bytes);
      if (next > 0) this.granted = next;
      else this.paused = true;
    }
    // An empty read asks for more, and finds the end.
    if (!this.paused) this.socket.read(0);
  }
}

class NodeUdp implements UdpSocket {
  private readonly socket: DatagramSocket;
  private waiting: Uint8Array[] | null = [];
  private over = false;

  constructor(address: string, port: number, handlers: UdpHandlers, stirred: () => void) {
    this.socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4" });
    const fail = (error: Error): void => {
      if (this.over) return;
      this.close();
      handlers.failed(codeOf(error));
      stirred();
    };
    this.socket.on("error", fail);
    this.socket.on("message", (bytes) => {
      if (this.over) return;
      handlers.message(bytes);
      stirred();
    });
    this.socket.on("connect", () => {
      for (const bytes of this.waiting ?? []) this.socket.send(bytes, (error) => void (error !== null && fail(error)));
      this.waiting = null;
    });
    this.socket.connect(port, address);
    this.fail = fail;
  }

  private readonly fail: (error: Error) => void;

  send(bytes: Uint8Array): void {
    if (this.over) return;
    if (this.waiting === null) this.socket.send(bytes, (error) => void (error !== null && this.fail(error)));
    else if (this.waiting.length < WAITING_MOST) this.waiting.push(bytes);
  }

  close(): void {
    if (this.over) return;
    this.over = true;
    this.socket.close();
  }
}

function codeOf(error: Error): string {
  return (error as NodeJS.ErrnoException).code ?? "EIO";
}
