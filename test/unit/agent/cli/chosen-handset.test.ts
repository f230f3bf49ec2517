// Which handset a command means when it is not named.

import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { chosenHandset } from "../../../../agent/cli/chosen-handset.js";
import { UsageError } from "../../../../agent/failure.js";
import { temporaryFolder } from "../../../support/temporary.js";

const chosen = suite("chosen handset");
const home = process.cwd();
const servers: Server[] = [];

/** A runtime folder where these handsets answer; `dead` ones left their sockets behind. */
async function runtime(names: string[], dead: string[] = []): Promise<NodeJS.ProcessEnv> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "pocketvisor"), { mode: 0o700 });
  for (const name of names) {
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(folder, "pocketvisor", `${name}.sock`), resolve));
  }
  for (const name of dead) writeFileSync(join(folder, "pocketvisor", `${name}.sock`), "");
  return { XDG_RUNTIME_DIR: folder };
}

chosen.before.each(() => process.chdir(temporaryFolder()));
chosen.after(() => {
  process.chdir(home);
  servers.forEach((server) => server.close());
});

chosen("the only one that runs, whatever it is called", async () => {
  assert.is(await chosenHandset(null, await runtime(["phone"])), "phone");
  assert.is(await chosenHandset(null, await runtime(["phone"], ["demo", "old"])), "phone");
});

chosen("none runs: the demo", async () => assert.is(await chosenHandset(null, await runtime([], ["old"])), "demo"));

chosen("several run: an error that lists them", async () => {
  const environment = await runtime(["demo", "phone"]);
  const error = await chosenHandset(null, environment).catch((thrown: unknown) => thrown);
  assert.instance(error, UsageError);
  assert.is((error as UsageError).message, "2 handsets run here: demo, phone");
});

chosen("its name, then the environment's, then that of ./handset.yaml go before", async () => {
  const environment = await runtime(["one", "two"]);
  writeFileSync("handset.yaml", "handset: mine\npartitions:\n  - { name: a, guest: linux }\n");
  assert.is(await chosenHandset(null, environment), "mine");
  assert.is(await chosenHandset(null, { ...environment, POCKETVISOR_HANDSET: "two" }), "two");
  assert.is(await chosenHandset("one", { ...environment, POCKETVISOR_HANDSET: "two" }), "one");
});

chosen.run();
