// A broker that does what a test wants, and mostly what no broker should: a TCP server that reads packets and answers by a script.

import { createServer, type Socket } from "node:net";
import packets, { type Packet } from "mqtt-packet";
import { listen, Watch } from "./broker.js";

export type Script = (packet: Packet, socket: Socket, version: number) => void;

export interface ScriptedBroker {
  url: string;
  watch: Watch;
  /** What came, over all connections. */
  received: Packet[];
  sockets: Socket[];
  stop(): void;
}

export async function startScripted(script: Script): Promise<ScriptedBroker> {
  const watch = new Watch();
  const received: Packet[] = [];
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    let version = 4;
    const parser = packets.parser();
    parser.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") version = packet.protocolVersion ?? 4;
      received.push(packet);
      script(packet, socket, version);
      watch.changed();
    });
    parser.on("error", () => socket.destroy());
    socket.on("data", (bytes) => parser.parse(bytes));
    socket.on("error", () => {});
    socket.on("close", () => watch.changed());
  });
  const port = await listen(server);
  const stop = (): void => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  };
  return { url: `mqtt://127.0.0.1:${port}`, watch, received, sockets, stop };
}

/** Bytes of a packet, in MQTT 5 or what is asked. */
export const bytesOf = (packet: Packet, protocolVersion = 5): Buffer =>
  packets.generate(packet, { protocolVersion } as never);

/** What a good broker answers, with these properties in CONNACK. */
export function good(properties: Record<string, unknown> = {}, sessionPresent = false): Script {
  return (packet, socket, version) => {
    const send = (answer: Packet): boolean => socket.write(bytesOf(answer, version));
    if (packet.cmd === "connect") {
      send({ cmd: "connack", reasonCode: 0, returnCode: 0, sessionPresent, properties: properties as never });
    } else if (packet.cmd === "publish" && packet.qos === 1) {
      send({ cmd: "puback", messageId: packet.messageId!, reasonCode: 0 });
    } else if (packet.cmd === "subscribe") {
      send({ cmd: "suback", messageId: packet.messageId!, granted: packet.subscriptions.map(() => 1) });
    } else if (packet.cmd === "unsubscribe") {
      send({ cmd: "unsuback", messageId: packet.messageId!, granted: packet.unsubscriptions.map(() => 0) } as never);
    } else if (packet.cmd === "pingreq") send({ cmd: "pingresp" });
  };
}
