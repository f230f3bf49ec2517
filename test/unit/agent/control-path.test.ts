// A control socket lies where nobody else can put one, and where a socket can be.

import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkSocketOwner, controlSocketPath, handsetSockets } from "../../../agent/control-path.js";
import { assertFails } from "../../support/failure.js";
import { temporaryFolder } from "../../support/temporary.js";

const path = suite("control path");

path("it lies in the runtime folder, else under the state", () => {
  const folder = temporaryFolder();
  const runtime = { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: "/s" };
  assert.is(controlSocketPath("phone", runtime), join(folder, "pocketvisor/phone.sock"));
  for (const ignored of ["", "relative"]) {
    const state = { XDG_RUNTIME_DIR: ignored, XDG_STATE_HOME: folder };
    assert.is(controlSocketPath("phone", state), join(folder, "pocketvisor/phone/control.sock"));
  }
});

for (const [what, prepare] of [
  ["that others may write", (folder: string) => chmodSync(folder, 0o777)],
  ["that its group may write", (folder: string) => chmodSync(folder, 0o770)],
  ["with the sticky bit too", (folder: string) => chmodSync(folder, 0o1777)],
] as const) {
  path(`a runtime folder ${what} is refused`, () => {
    const folder = temporaryFolder();
    prepare(folder);
    const failure = assertFails("SOCKET_FOLDER", () => controlSocketPath("demo", { XDG_RUNTIME_DIR: folder }));
    assert.match(failure.message, /can be written by others/);
  });

  path(`so is the folder of sockets ${what}, and a handset's under the state`, () => {
    const folder = temporaryFolder();
    for (const inner of ["pocketvisor", "pocketvisor/demo"]) mkdirSync(join(folder, inner));
    prepare(join(folder, "pocketvisor"));
    prepare(join(folder, "pocketvisor/demo"));
    for (const environment of [{ XDG_RUNTIME_DIR: folder }, { XDG_STATE_HOME: folder }]) {
      assertFails("SOCKET_FOLDER", () => controlSocketPath("demo", environment));
    }
  });
}

path("a link in the folder's place is refused", () => {
  const [folder, elsewhere] = [temporaryFolder(), temporaryFolder()];
  symlinkSync(elsewhere, join(folder, "pocketvisor"));
  assertFails("SOCKET_FOLDER", () => controlSocketPath("demo", { XDG_RUNTIME_DIR: folder }));
});

path("a path that is too long for a socket is told in words", () => {
  for (const [length, fits] of [
    [107, true],
    [108, false],
    [4000, false],
  ] as const) {
    const folder = `/${"x".repeat(length - "/".length - "/pocketvisor/demo.sock".length)}`;
    const find = (): string => controlSocketPath("demo", { XDG_RUNTIME_DIR: folder });
    if (fits) assert.is(Buffer.byteLength(find()), 107);
    else assert.match(assertFails("SOCKET_PATH", find).message, new RegExp(`too long for a socket: ${length} bytes`));
  }
});

path("a name that is no handset's leads nowhere", () => {
  for (const name of ["", "../demo", "Demo", "x".repeat(33)]) assertFails("USAGE", () => controlSocketPath(name));
});

path("what is no socket, or another user's, is not spoken to", async () => {
  const file = join(temporaryFolder(), "a.sock");
  checkSocketOwner(file);
  writeFileSync(file, "");
  assertFails("SOCKET_OWNER", () => checkSocketOwner(file));
  const socket = join(temporaryFolder(), "b.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  checkSocketOwner(socket);
  const real = process.geteuid!;
  process.geteuid = () => real.call(process) + 1;
  try {
    assertFails("SOCKET_OWNER", () => checkSocketOwner(socket));
  } finally {
    process.geteuid = real;
    server.close();
  }
});

path("sockets are listed by handset", () => {
  const folder = temporaryFolder();
  assert.equal(handsetSockets({ XDG_RUNTIME_DIR: folder }), []);
  mkdirSync(join(folder, "pocketvisor/quiet"), { recursive: true });
  mkdirSync(join(folder, "pocketvisor/other"), { recursive: true });
  for (const name of ["demo.sock", "Not a name.sock", "other/control.sock"]) {
    writeFileSync(join(folder, "pocketvisor", name), "");
  }
  assert.equal(handsetSockets({ XDG_RUNTIME_DIR: folder }), ["demo"]);
  assert.equal(handsetSockets({ XDG_STATE_HOME: folder }), ["other"]);
});

path.run();
