// NATS with the configuration people copy.

import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { programPath } from "../../agent/paths.js";
import { configuration, freePort, type Setup } from "./copied-broker.js";

const OUTSIDE = "/usr/sbin/nats-server";
const USERS = fileURLToPath(new URL("../../fleet/brokers/nats/users.sh", import.meta.url));

/** Debian has it outside of a user's PATH. */
export const natsPath = programPath("nats-server") ?? (existsSync(OUTSIDE) ? OUTSIDE : null);

/** The list of users for these devices, as people make it. */
export function natsUsers(devices: string[]): string {
  const { status, stdout, stderr } = spawnSync("sh", [USERS, "demo", ...devices], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return stdout;
}

export const nats: Setup = async (folder, port, devices) => {
  writeFileSync(join(folder, "pocketvisor-users.conf"), natsUsers(devices), { mode: 0o600 });
  const text = configuration("nats/nats-server.conf")
    .replace("port: 8883", `host: "127.0.0.1"\n  port: ${port}`)
    .replace("port: 4222", `port: ${await freePort()}`)
    .replaceAll("/etc/nats/", `${folder}/`)
    .replace("/var/lib/nats", join(folder, "jetstream"));
  writeFileSync(join(folder, "nats-server.conf"), text);
  const args = ["-c", join(folder, "nats-server.conf")];
  return { command: natsPath!, args, environment: {}, ready: /Server is ready/ };
};
