// One debugger: its socket, its packets, their order. It owns the guest from its coming to its going; whichever way it goes, the
// breakpoints go with it and the guest goes on.

import type { Socket } from "node:net";
import { PacketReader, packetText, type Received } from "./packet.ts";
import { Stub } from "./stub.ts";
import type { DebugTarget } from "./target.ts";

/** Bytes that may wait for a client that does not read, before it is let go. */
const BACKLOG_BYTES_MAX = 1 << 20;
/** A client has this long to take the last packet. */
const FAREWELL_MS = 1_000;
/** Packets that may wait for their answer: a debugger sends one at a time. */
const QUEUE_MAX = 16;

export class DebugClient {
  private readonly socket: Socket;
  private readonly stub: Stub;
  private readonly gone: (how: string) => void;
  private readonly reader = new PacketReader();
  private readonly queue: string[] = [];
  private acknowledges = true;
  private last = "";
  private busy = false;
  private closed = false;

  /** `gone` is called once, with what people should know of it. */
  constructor(socket: Socket, target: DebugTarget, gone: (how: string) => void) {
    this.socket = socket;
    this.gone = gone;
    this.stub = new Stub(target, {
      send: (data) => this.send(data),
      withoutAcknowledgement: () => (this.acknowledges = false),
      detached: () => this.close("", false),
    });
    socket.on("data", (bytes: Buffer) => {
      for (const received of this.reader.read(bytes)) this.take(received);
    });
    socket.on("error", () => this.close("", true));
    socket.on("close", () => this.close("", true));
  }

  /** The guest has ended. */
  end(status: number): void {
    this.stub.ended(status);
    this.closed = true;
    this.socket.destroySoon();
    // A client that does not read must not keep the process.
    setTimeout(() => this.socket.destroy(), FAREWELL_MS).unref();
  }

  private take(received: Received): void {
    if (this.closed) return;
    switch (received.kind) {
      case "packet":
        if (this.acknowledges) this.write("+");
        if (this.queue.length === QUEUE_MAX) return this.close("it does not wait for answers", true);
        this.queue.push(received.data);
        void this.work();
        break;
      case "damaged":
        if (this.acknowledges) this.write("-");
        break;
      case "again":
        if (this.acknowledges && this.last !== "") this.write(this.last);
        break;
      case "interrupt":
        this.stub.interrupt();
        break;
      case "broken":
        this.close(received.why, true);
        break;
      case "acknowledged":
        break;
    }
  }

  /** Answers what waits, one packet after the other. */
  private async work(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    try {
      for (let data = this.queue.shift(); data !== undefined && !this.closed; data = this.queue.shift()) {
        await this.stub.packet(data);
      }
    } finally {
      this.busy = false;
    }
  }

  private send(data: string): void {
    this.last = packetText(data);
    this.write(this.last);
  }

  private write(text: string): void {
    if (this.closed) return;
    this.socket.write(text, "latin1");
    if (this.socket.writableLength > BACKLOG_BYTES_MAX) this.close("it does not read", true);
  }

  /** `letGo`: the guest has not gone on yet. */
  private close(why: string, letGo: boolean): void {
    if (this.closed) return;
    this.closed = true;
    if (why === "") this.socket.destroySoon();
    else this.socket.destroy();
    const tell = (goesOn: boolean): void =>
      this.gone(`the debugger has gone${why && `: ${why}`}; the guest ${goesOn ? "goes on" : "ends"}`);
    if (letGo) void this.stub.leave().then(tell);
    else tell(true);
  }
}
