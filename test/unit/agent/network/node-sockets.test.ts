// The host's sockets as the stack uses them, on loopback: half-open ends, back-pressure, resets, refusals, datagrams.

import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { createSocket } from "node:dgram";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { TcpHandlers, TcpSocket } from "../../../../agent/network/contracts.js";
import { NodeSockets } from "../../../../agent/network/node-sockets.js";

const sockets = suite("network/node-sockets");

/** Handlers that write down what happened, and can be waited for. */
class Log implements TcpHandlers {
  bytes = Buffer.alloc(0);
  words: string[] = [];
  limit = Infinity;
  private waiting: { test: () => boolean; go: () => void }[] = [];
  connected(): void {
    this.note("connected");
  }
  data(bytes: Uint8Array): number {
    this.bytes = Buffer.concat([this.bytes, bytes]);
    this.look();
    return this.bytes.length >= this.limit ? 0 : 4096;
  }
  ended(): void {
    this.note("ended");
  }
  failed(code: string): void {
    this.note(code);
  }
  note(word: string): void {
    this.words.push(word);
    this.look();
  }
  look(): void {
    for (const { test, go } of this.waiting) if (test()) go();
  }
  until(test: () => boolean): Promise<void> {
    return new Promise((go) => (test() ? go() : this.waiting.push({ test, go })));
  }
}

async function serve(): Promise<{ port: number; accepted: Promise<Socket>; close: () => void }> {
  const server = createServer({ allowHalfOpen: true }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection").then(([socket]) => socket as Socket);
  return { port: (server.address() as AddressInfo).port, accepted, close: () => server.close() };
}

sockets("both directions, each with its own end", async () => {
  const { port, accepted, close } = await serve();
  const log = new Log();
  const socket = new NodeSockets(() => undefined).tcp("127.0.0.1", port, log);
  const peer = await accepted;
  await log.until(() => log.words.includes("connected"));
  const up = Buffer.alloc(100_000, 1);
  socket.write(up, () => log.note("written"));
  socket.end(() => log.note("finished"));
  let got = 0;
  for await (const chunk of peer.iterator({ destroyOnReturn: false })) got += (chunk as Buffer).length;
  assert.is(got, up.length);
  peer.end(Buffer.alloc(50_000, 2));
  await log.until(() => log.words.includes("ended"));
  assert.is(log.bytes.length, 50_000);
  assert.equal(log.words, ["connected", "written", "finished", "ended"]);
  socket.close();
  close();
});

sockets("who is to wait waits, and goes on", async () => {
  const { port, accepted, close } = await serve();
  const log = new Log();
  log.limit = 10_000;
  const socket = new NodeSockets(() => undefined).tcp("127.0.0.1", port, log);
  const peer = await accepted;
  peer.end(Buffer.alloc(5_000_000, 3));
  await log.until(() => log.bytes.length >= 10_000);
  const held = log.bytes.length;
  assert.ok(held < 10_000 + 65_536);
  log.limit = Infinity;
  socket.resume();
  await log.until(() => log.words.includes("ended"));
  assert.is(log.bytes.length, 5_000_000);
  socket.reset();
  peer.destroy();
  close();
});

sockets("a reset is seen as one on the other side; nobody listening is ECONNREFUSED", async () => {
  const { port, accepted, close } = await serve();
  const log = new Log();
  const socket = new NodeSockets(() => undefined).tcp("127.0.0.1", port, log);
  const peer = await accepted;
  await log.until(() => log.words.includes("connected"));
  const error = once(peer, "error");
  peer.resume();
  socket.reset();
  assert.is(((await error)[0] as NodeJS.ErrnoException).code, "ECONNRESET");
  close();
  const refused = new Log();
  new NodeSockets(() => undefined).tcp("127.0.0.1", port, refused);
  await refused.until(() => refused.words.length > 0);
  assert.equal(refused.words, ["ECONNREFUSED"]);
});

sockets("a listener: connections come, and one that is not wanted is reset", async () => {
  const { port, close } = await serve();
  close();
  const log = new Log();
  const all = new NodeSockets(() => undefined);
  let own: TcpSocket | null = null;
  let want = true;
  const listener = all.listen("127.0.0.1", port, (socket) => { own = socket; return want ? log : null; }, (code) => log.note(code)); // prettier-ignore
  const client = new Log();
  const first = all.tcp("127.0.0.1", port, client);
  await client.until(() => client.words.includes("connected"));
  first.write(Buffer.alloc(200_000, 4), () => undefined);
  first.end(() => undefined);
  await log.until(() => log.words.includes("ended"));
  assert.is(log.bytes.length, 200_000);
  own!.write(Buffer.from("yes"), () => undefined);
  own!.end(() => undefined);
  await client.until(() => client.words.includes("ended"));
  assert.is(client.bytes.toString(), "yes");
  want = false;
  const other = new Log();
  all.tcp("127.0.0.1", port, other);
  await other.until(() => other.words.includes("ECONNRESET") || other.words.includes("ended"));
  const twice = new Log();
  all.listen("127.0.0.1", port, () => null, (code) => twice.note(code)); // prettier-ignore
  await twice.until(() => twice.words.length > 0);
  assert.equal(twice.words, ["EADDRINUSE"]);
  listener.close();
});

sockets("datagrams, and the refusal of one", async () => {
  const server = createSocket("udp4");
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.on("message", (bytes, { port: from }) => server.send(Buffer.from([...bytes, 9]), from));
  const all = new NodeSockets(() => undefined);
  const answer = await new Promise<Uint8Array>((done) => {
    const socket = all.udp("127.0.0.1", port, { message: (bytes) => { socket.close(); done(bytes.slice()); }, failed: () => undefined }); // prettier-ignore
    socket.send(Uint8Array.of(7));
  });
  assert.equal([...answer], [7, 9]);
  server.close();
  await once(server, "close");
  const code = await new Promise<string>((done) => {
    all.udp("127.0.0.1", port, { message: () => undefined, failed: done }).send(Uint8Array.of(1));
  });
  assert.is(code, "ECONNREFUSED");
});

sockets("the host's addresses have loopback among them; resolvers have ports", () => {
  const all = new NodeSockets(() => undefined);
  assert.ok(all.ownAddresses().includes("127.0.0.1"));
  for (const { port } of all.resolvers()) assert.ok(port > 0);
});

sockets.run();
