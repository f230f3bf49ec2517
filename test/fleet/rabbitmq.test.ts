// The configuration for RabbitMQ that people copy, started as it is but for its paths and port: MQTT 3.1.1, mutual TLS, a user for every device. What it
// retains it gives to exact topics alone, and so the fleet's README says.

import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { connectAsync, type IClientOptions } from "mqtt";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { programPath } from "../../agent/paths.js";
import { tellStory } from "../support/broker-story.js";
import { configuration, freePort, type CopiedBroker, type Setup } from "../support/copied-broker.js";
import { testUnless } from "../support/skip.js";

const test = suite("fleet/rabbitmq");
/** Debian's wrapper in PATH changes the user; this is what it starts. */
const PATH = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl";
const EPMD = programPath("epmd");
const DEFINITIONS = fileURLToPath(new URL("../../fleet/brokers/rabbitmq/definitions.sh", import.meta.url));

/** Erlang's port mapper, which the server would start for good if it found none. */
let mapper: ChildProcess | null = null;
let environment: Record<string, string> = {};

const rabbitmq: Setup = async (folder, port, devices) => {
  const { status, stdout, stderr } = spawnSync("sh", [DEFINITIONS, "demo", ...devices], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  writeFileSync(join(folder, "pocketvisor-definitions.json"), stdout, { mode: 0o600 });
  const text = configuration("rabbitmq/rabbitmq.conf")
    .replace("default = 8883", `default = 127.0.0.1:${port}`)
    .replaceAll("/etc/rabbitmq/", `${folder}/`);
  writeFileSync(join(folder, "rabbitmq.conf"), text);
  writeFileSync(join(folder, "enabled_plugins"), "[rabbitmq_mqtt].\n");
  const [mapperPort, nodePort] = [await freePort(), await freePort()];
  mapper = spawn(EPMD!, ["-port", String(mapperPort), "-address", "127.0.0.1"], { stdio: "ignore" });
  environment = {
    HOME: folder,
    ERL_EPMD_PORT: String(mapperPort),
    RABBITMQ_NODENAME: `pocketvisor-test-${process.pid}@localhost`,
    RABBITMQ_DIST_PORT: String(nodePort),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    RABBITMQ_MNESIA_BASE: join(folder, "mnesia"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_LOGS: "-",
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "generated"),
    RABBITMQ_FEATURE_FLAGS_FILE: join(folder, "feature_flags"),
    RABBITMQ_PID_FILE: join(folder, "pid"),
  };
  return { command: PATH, args: [], environment, ready: /Server startup complete/ };
};

/** A device that may not any more, while it is connected: what the README says ends it. */
async function revoke({ url }: CopiedBroker, name: string, options: IClientOptions): Promise<void> {
  const control = (...words: string[]): void => {
    const { status, stderr } = spawnSync(CONTROL, words, { env: { ...process.env, ...environment }, encoding: "utf8" });
    assert.is(status, 0, stderr);
  };
  const device = await connectAsync(url, options, false);
  device.on("error", () => {});
  const closed = new Promise<void>((resolve) => device.once("close", () => resolve()));
  control("delete_user", name);
  control("close_all_user_connections", name, "retired");
  await closed;
  const again = await connectAsync(url, options, false).then(
    () => "let in",
    () => "refused",
  );
  assert.is(again, "refused");
}

const missing = !existsSync(PATH) || EPMD === null ? "rabbitmq-server is not installed" : null;

testUnless(
  test,
  missing,
  "mutual TLS: birth, policy, enforced, reported; command and ack; what was missed; nobody writes or reads another's",
  async () => {
    try {
      await tellStory(rabbitmq, { protocol: 4, wildcardRetains: false }, revoke);
    } finally {
      if (mapper !== null && mapper.exitCode === null) {
        const ended = once(mapper, "exit");
        mapper.kill("SIGTERM");
        await ended;
      }
    }
  },
);

test.run();
