// The configuration for mosquitto where its first lines say that it goes: beside Debian's own file, with the key and the rights as mosquitto's user.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { authorityPem, serverPem } from "../../fleet/certificates.js";
import { mosquittoPath } from "../support/broker.js";
import { configuration, freePort } from "../support/copied-broker.js";
import { deviceIdOf } from "../../agent/identity/device-key.js";
import { toHex } from "../../agent/wire/bytes.js";
import { fleetRun, madeFleet } from "../support/fleet.js";
import { enrolKey } from "../support/fleet-device.js";
import { KEYS } from "../support/signed.js";
import { testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const test = suite("fleet/debian's mosquitto");
const DEBIAN = "/etc/mosquitto/mosquitto.conf";
const user = existsSync("/etc/passwd")
  ? readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .find(([name]) => name === "mosquitto")
  : undefined;
const lacks =
  mosquittoPath() === null || !existsSync(DEBIAN) || user === undefined
    ? "Debian's mosquitto is not installed"
    : process.getuid!() !== 0
      ? "only root starts mosquitto as its own user"
      : null;

for (const rights of ["patterns", "names"] as const) {
  const what = `it starts as its own user, with Debian's file as it is but for paths; rights by ${rights}`;
  testUnless(test, lacks, `${what}: it complains of ${rights === "names" ? "nothing" : "no file"}`, () =>
    starts(rights),
  );
}

async function starts(rights: "patterns" | "names"): Promise<void> {
  const folder = temporaryFolder();
  const [uid, gid] = [Number(user![2]), Number(user![3])];
  const own = (path: string, mode: number): void => {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
  };
  for (let up = folder; up !== "/tmp" && up !== "/"; up = join(up, "..")) chmodSync(up, 0o755);
  for (const name of ["conf.d", "certs", "data", "log", "run"]) mkdirSync(join(folder, name));
  for (const name of ["data", "log", "run"]) own(join(folder, name), 0o700);
  const port = await freePort();
  const fleet = await madeFleet(Math.floor(Date.now() / 1000));
  const { store } = fleet;
  const now = Math.floor(Date.now() / 1000);
  const { key, certificate } = await serverPem(store, "localhost", now);
  writeFileSync(join(folder, "certs/broker.key"), key);
  own(join(folder, "certs/broker.key"), 0o600);
  writeFileSync(join(folder, "certs/broker.pem"), certificate);
  writeFileSync(join(folder, "certs/broker-authority.pem"), await authorityPem(store, now));
  const list = join(folder, "pocketvisor.acl");
  if (rights === "patterns") writeFileSync(list, configuration("mosquitto/pocketvisor.acl"));
  else {
    enrolKey(store);
    assert.is((await fleetRun(fleet, ["acl", "--out", list])).status, 0);
    const device = toHex(deviceIdOf(KEYS.device.publicKey));
    assert.match(readFileSync(list, "utf8"), `user ${device}\ntopic write pv/1/demo/${device}/up/#\n`);
  }
  own(join(folder, "pocketvisor.acl"), 0o600);
  const ours = configuration("mosquitto/mosquitto.conf")
    .replace("listener 8883", `listener ${port} 127.0.0.1`)
    .replaceAll("/etc/mosquitto/", `${folder}/`);
  writeFileSync(join(folder, "conf.d/pocketvisor.conf"), ours);
  const main = readFileSync(DEBIAN, "utf8")
    .replaceAll("/etc/mosquitto/conf.d", join(folder, "conf.d"))
    .replaceAll("/var/lib/mosquitto/", `${folder}/data/`)
    .replaceAll("/var/log/mosquitto/", `${folder}/log/`)
    .replaceAll(/\/run\/mosquitto\//g, `${folder}/run/`);
  writeFileSync(join(folder, "mosquitto.conf"), main);
  const child = spawn(mosquittoPath()!, ["-c", join(folder, "mosquitto.conf")], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const log = join(folder, "log/mosquitto.log");
  const said = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
  try {
    while (!/running/.test(said()) && child.exitCode === null) await new Promise((done) => setTimeout(done, 50));
    assert.is(child.exitCode, null, said());
    assert.not.match(said(), rights === "names" ? /error|warning/i : /error|world readable|owner/i);
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
  assert.is(statSync(join(folder, "data/mosquitto.db")).uid, uid, "what is retained is kept where Debian's file says");
}

test.run();
