// A TLS connection that lets nothing through before the other side has been looked at: what is written waits, and is never sent to somebody who turns
// out to be another.

import { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";

export class CheckedSocket extends Duplex {
  private readonly socket: TLSSocket;
  private isOpen = false;
  private waiting: (() => void) | null = null;

  /** `check` is called once, when the handshake is done. The error that it returns ends the connection; null: it is who it should be. */
  constructor(socket: TLSSocket, check: (socket: TLSSocket) => Error | null) {
    super();
    this.socket = socket;
    socket.setNoDelay(true);
    socket.once("secureConnect", () => {
      const error = check(socket);
      if (error !== null) return void this.destroy(error);
      this.isOpen = true;
      this.emit("connect");
      this.waiting?.();
      this.waiting = null;
    });
    socket.on("data", (bytes: Buffer) => {
      if (!this.push(bytes)) socket.pause();
    });
    socket.once("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.once("close", () => this.destroy());
  }

  override _read(): void {
    this.socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    const write = (): void => void this.socket.write(chunk, done);
    if (this.isOpen) write();
    else this.waiting = write;
  }

  override _final(done: () => void): void {
    const end = (): void => void this.socket.end(done);
    if (this.isOpen) end();
    else this.waiting = end;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.socket.destroy();
    done(error);
  }

  /** What a stream to a broker is asked for by the libraries that use it. */
  setTimeout(milliseconds: number, then?: () => void): this {
    this.socket.setTimeout(milliseconds, then);
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  ref(): this {
    this.socket.ref();
    return this;
  }

  unref(): this {
    this.socket.unref();
    return this;
  }
}
