// Questions to the host's resolvers: over UDP, over TCP when an answer was cut off, to the next resolver when one does not answer. The list is
// asked for each time, so a host that changes its network is followed at once.

import { read16, write16 } from "./bytes.ts";
import type { Sockets, TcpSocket, UdpSocket } from "./contracts.ts";
import { DnsError, readResponse, RCODE, writeQuery, type Question, type Response } from "./dns-message.ts";
import type { Timers } from "./timers.ts";

const PAYLOAD = 1232;
const TRY_MS = 2000;
const TRIES = 4;

export interface UpstreamOptions {
  sockets: Sockets;
  clock: { now(): number };
  timers: Timers;
  random: () => number;
  servers: () => readonly string[];
}

export class DnsUpstream {
  private readonly options: UpstreamOptions;
  private readonly open = new Set<Attempt>();

  constructor(options: UpstreamOptions) {
    this.options = options;
  }

  /** Asks; `answer` is called once, with null when nobody answers. */
  ask(question: Question, answer: (response: Response | null) => void): void {
    const named = this.options.servers();
    const servers =
      named.length > 0 ? named.map((address) => ({ address, port: 53 })) : this.options.sockets.resolvers();
    if (servers.length === 0) return answer(null);
    const attempt = new Attempt(this.options, servers, question, (response) => {
      this.open.delete(attempt);
      answer(response);
    });
    this.open.add(attempt);
    attempt.start();
  }

  close(): void {
    for (const attempt of this.open) attempt.stop();
    this.open.clear();
  }
}

class Attempt {
  private readonly options: UpstreamOptions;
  private readonly servers: { address: string; port: number }[];
  private readonly question: Question;
  private readonly answer: (response: Response | null) => void;
  private socket: UdpSocket | null = null;
  private stream: TcpSocket | null = null;
  private tries = 0;
  private id = 0;

  constructor(
    options: UpstreamOptions,
    servers: { address: string; port: number }[],
    question: Question,
    answer: (response: Response | null) => void,
  ) {
    this.options = options;
    this.servers = servers;
    this.question = question;
    this.answer = answer;
  }

  start(): void {
    if (this.tries >= TRIES) return this.done(null);
    const server = this.servers[this.tries++ % this.servers.length]!;
    const { sockets, timers, clock } = this.options;
    // RFC 5452 §9.2: a new number and a new port for each try.
    this.id = this.options.random() & 0xffff;
    timers.set(this, clock.now() + TRY_MS, () => this.again());
    this.socket = sockets.udp(server.address, server.port, {
      message: (bytes) => this.heard(bytes, server),
      failed: () => this.again(),
    });
    this.socket.send(writeQuery(this.id, this.question, PAYLOAD));
  }

  stop(): void {
    this.options.timers.clear(this);
    this.socket?.close();
    this.stream?.reset();
    this.socket = null;
    this.stream = null;
  }

  private again(): void {
    this.stop();
    this.start();
  }

  private done(response: Response | null): void {
    this.stop();
    this.answer(response);
  }

  private heard(bytes: Uint8Array, server: { address: string; port: number }): void {
    const response = this.read(bytes);
    if (response === null) return;
    if (response.truncated) return this.askOverTcp(server);
    // A resolver that fails or refuses may not be the only one.
    const failed = response.code === RCODE.serverFailure || response.code === RCODE.refused;
    if (failed && this.tries < Math.min(TRIES, this.servers.length)) return this.again();
    this.done(response);
  }

  /** The response, if it is one to our question; anything else is somebody's noise. */
  private read(bytes: Uint8Array): Response | null {
    try {
      const response = readResponse(bytes);
      const { question } = response;
      const ours =
        response.id === this.id && question.name === this.question.name && question.type === this.question.type;
      return ours ? response : null;
    } catch (error) {
      if (error instanceof DnsError) return null;
      throw error;
    }
  }

  /** RFC 7766 §8: two bytes of length, then the message. */
  private askOverTcp({ address, port }: { address: string; port: number }): void {
    this.socket?.close();
    this.socket = null;
    const query = writeQuery(this.id, this.question, PAYLOAD);
    const framed = new Uint8Array(2 + query.length);
    write16(framed, 0, query.length);
    framed.set(query, 2);
    let held = new Uint8Array(0);
    const stream = this.options.sockets.tcp(address, port, {
      connected: () => stream.write(framed, () => undefined),
      data: (bytes) => {
        held = Buffer.concat([held, bytes]);
        const length = held.length < 2 ? Infinity : read16(held, 0);
        if (held.length < 2 + length) return 4096;
        const response = this.read(held.subarray(2, 2 + length));
        this.done(response === null || response.truncated ? null : response);
        return 0;
      },
      ended: () => this.again(),
      failed: () => this.again(),
    });
    this.stream = stream;
  }
}
