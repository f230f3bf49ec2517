// The debugger's port, with clients that behave and some that do not.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { DebugServer } from "../../../../agent/debug/server.js";
import { UsageError } from "../../../../agent/failure.js";
import { PACKET_BYTES_MAX, packetText } from "../../../../agent/debug/packet.js";
import { FakeTarget } from "../../../support/fake-target.js";

interface Client {
  socket: Socket;
  /** Sends text and waits until all that came ends with `until`. */
  exchange(text: string, until: string): Promise<string>;
  /** Waits until the server has let it go. */
  gone(): Promise<void>;
}

async function client(server: DebugServer): Promise<Client> {
  const socket = connect(server.port, "127.0.0.1");
  let text = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (text += chunk));
  socket.on("error", () => {});
  const closed = once(socket, "close");
  await once(socket, "connect");
  return {
    socket,
    async exchange(sent, until) {
      text = "";
      socket.write(sent, "latin1");
      while (!text.endsWith(until)) await once(socket, "data");
      return text;
    },
    gone: async () => void (await closed),
  };
}

/** Waits until `done`, a turn of the event loop at a time. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setImmediate(resolve));
}

async function stage(): Promise<{ server: DebugServer; target: FakeTarget; notices: string[] }> {
  const target = new FakeTarget();
  const notices: string[] = [];
  const server = await DebugServer.listen({ port: 0 }, target, (line) => notices.push(line));
  return { server, target, notices };
}

const server_ = suite("debug server");

server_("packets are acknowledged until that is given up, and repeated on request", async () => {
  const { server } = await stage();
  const one = await client(server);
  assert.is(await one.exchange(packetText("qC"), "#c5"), "+$QC1#c5");
  assert.is(await one.exchange("-", "#c5"), "$QC1#c5");
  assert.is(await one.exchange("$qC#00", "-"), "-", "a wrong sum");
  assert.is(await one.exchange(packetText("QStartNoAckMode"), "#9a"), "+$OK#9a");
  assert.is(await one.exchange(packetText("qC"), "#c5"), "$QC1#c5");
  one.socket.destroy();
  await server.close(0);
});

server_("one client at a time; the next may come when it has gone", async () => {
  const { server, target, notices } = await stage();
  const one = await client(server);
  await one.exchange(packetText("Z0,8000,4"), "#9a");
  const two = await client(server);
  await two.gone();
  assert.equal(target.stops, [0x8000], "the first one's breakpoint is still there");
  one.socket.destroy();
  await until(() => notices.some((line) => line.startsWith("the debugger has gone")));
  assert.equal([target.stops, target.asked], [[], ["halt", "run"]]);
  const three = await client(server);
  assert.is(await three.exchange(packetText("qC"), "#c5"), "+$QC1#c5");
  three.socket.destroy();
  await server.close(0);
});

server_("who breaks the protocol is let go, and the guest goes on", async () => {
  for (const text of [
    "GET / HTTP/1.1\r\n\r\n",
    `$${"a".repeat(PACKET_BYTES_MAX + 1)}`,
    packetText("m8000,4").repeat(500),
  ]) {
    const { server, target, notices } = await stage();
    const one = await client(server);
    one.socket.write(text, "latin1");
    await one.gone();
    await until(() => target.asked.at(-1) === "run");
    await until(() => notices.some((line) => line.endsWith("; the guest goes on")));
    await server.close(0);
  }
});

server_("the end of a guest that runs is told, and closes", async () => {
  const { server } = await stage();
  const one = await client(server);
  await one.exchange(packetText("c"), "+");
  const told = one.exchange("", "#b7");
  await server.close(0);
  assert.is(await told, "$W00#b7");
  await one.gone();
});

server_("a port that is taken", async () => {
  const { server, target } = await stage();
  try {
    await DebugServer.listen({ port: server.port }, target, () => {});
    assert.unreachable();
  } catch (error) {
    assert.instance(error, UsageError);
    assert.is((error as UsageError).code, "DEBUG_PORT");
  }
  await server.close(0);
});

server_.run();
