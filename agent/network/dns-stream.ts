// The name server over TCP (RFC 7766), as a socket that the stack's own flows talk to.

import { read16, write16 } from "./bytes.ts";
import type { TcpHandlers, TcpSocket } from "./contracts.ts";
import type { DnsServer } from "./dns.ts";

/** Answers that wait for a guest that does not read, and questions that it sends in one go. */
const WAITING_MOST = 64 << 10;

export class DnsStream implements TcpSocket {
  private readonly server: DnsServer;
  private readonly handlers: TcpHandlers;
  private held = new Uint8Array(0);
  private waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private allowed = 2048;
  private asking = 0;
  private ending: (() => void) | null = null;
  private over = false;

  constructor(server: DnsServer, handlers: TcpHandlers) {
    this.server = server;
    this.handlers = handlers;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.held = Buffer.concat([this.held, bytes]);
    done();
    while (this.held.length >= 2 && !this.over) {
      const length = read16(this.held, 0);
      if (this.held.length < 2 + length) break;
      const message = this.held.slice(2, 2 + length);
      this.held = this.held.slice(2 + length);
      this.asking++;
      this.server.ask(message, "tcp", (answer) => this.answer(answer));
    }
  }

  private answer(bytes: Uint8Array): void {
    this.asking--;
    if (this.over) return;
    const framed = new Uint8Array(2 + bytes.length);
    write16(framed, 0, bytes.length);
    framed.set(bytes, 2);
    this.waitingBytes += framed.length;
    this.waiting.push(framed);
    if (this.waitingBytes > WAITING_MOST) {
      this.over = true;
      this.handlers.failed("ENOBUFS");
      return;
    }
    this.resume();
  }

  resume(): void {
    while (this.waiting.length > 0 && this.allowed > 0 && !this.over) {
      const first = this.waiting[0]!;
      const part = first.subarray(0, this.allowed);
      if (part.length === first.length) this.waiting.shift();
      else this.waiting[0] = first.subarray(part.length);
      this.waitingBytes -= part.length;
      const next = this.handlers.data(part);
      // A pause keeps what was allowed last, for resume().
      if (next === 0) return;
      this.allowed = next;
    }
    this.finish();
  }

  end(done: () => void): void {
    this.ending = done;
    this.finish();
  }

  private finish(): void {
    if (this.ending === null || this.asking > 0 || this.waiting.length > 0 || this.over) return;
    this.over = true;
    this.ending();
    this.handlers.ended();
  }

  reset(): void {
    this.over = true;
  }

  close(): void {
    this.over = true;
  }
}
