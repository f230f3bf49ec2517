// An agent that does what a test tells it: it passes what the monitor says to the test's socket, and what the test says to the monitor. It has an
// agent's powers and no more, so it can also be one that an attacker has taken.

import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";

const socket = connect(Number(readFileSync(join(process.argv[2], "port"), "utf8")), "127.0.0.1");
const frame = (value) => {
  const bytes = serialize(value);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(bytes.length);
  return Buffer.concat([head, bytes]);
};
process.on("message", (message) => {
  if (message.kind === "quit") process.exit(0);
  socket.write(frame(message), () => {
    if (message.kind === "retire") process.exit(0);
  });
});
process.on("disconnect", () => process.exit(0));
let rest = Buffer.alloc(0);
socket.on("data", (chunk) => {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32LE(0)) {
    const end = 4 + rest.readUInt32LE(0);
    process.send(deserialize(rest.subarray(4, end)));
    rest = rest.subarray(end);
  }
});
socket.on("error", () => process.exit(1));
