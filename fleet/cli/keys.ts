// fleet keys: makes, shows and rotates the fleet's keys.

import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import {
  initKeys,
  keyFacts,
  ROLE_NAMES,
  rootInForce,
  rotateKeys,
  setFloor,
  signersFor,
  type RoleName,
} from "../keys.ts";
import type { Parsed } from "../../agent/cli/arguments.ts";
import { renewDocuments } from "../documents.ts";
import { signAllFreshness } from "../freshness.ts";
import type { Io } from "./io.ts";
import { columns, dateText } from "../text.ts";
import { DRY_RUN, needed, storeOf, type Verb } from "./verb.ts";

export const keysVerb: Verb = {
  name: "keys",
  usage: "init | show | rotate ROLE [--raise-epoch] | floor",
  summary: "makes, shows and rotates the fleet's keys",
  help: `init    root (2 of 3), time, policy, command, image, enrol and wipe (2 of 2) keys, and the root document that names them
show    which keys are in force, and whether their private halves are on this computer
rotate  new keys for ROLE (${ROLE_NAMES.join(", ")}): root N+1, signed by the thresholds of N and N+1; every document is signed again
floor   sets the floor of every device's time to now, downwards too: after a freshness document was signed by a clock that was ahead
  --raise-epoch  for a key that others had: whatever was signed before counts no more
  --dry-run      says what would be made, and makes nothing

Move the root keys' files off this computer when you have them: only rotate and floor need them.`,
  options: { ...DRY_RUN, "raise-epoch": { type: "boolean" } },
  positionalMax: 2,
  async run(parsed, io) {
    const action = needed(parsed, 0, "init, show, rotate or floor", "keys");
    if (action === "init") return init(parsed, io);
    if (action === "show") return show(parsed, io);
    if (action === "rotate") return rotate(parsed, io);
    if (action === "floor") return floor(parsed, io);
    throw new UsageError("USAGE", "keys knows init, show, rotate and floor", "See: pocketvisor fleet keys --help");
  },
};

async function init(parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  if (parsed.flag("dry-run")) {
    io.say(store.isMade ? `${store.folder} has its keys` : `would make 10 keys and root 1 in ${store.folder}`);
    return EXIT_OK;
  }
  const root = await initKeys(store, io.now());
  if (parsed.flag("json")) io.out(JSON.stringify({ tenant: store.tenant, folder: store.folder, root: root.version }));
  else {
    io.say(`the fleet ${store.tenant} has its keys and root ${root.version}, in ${store.folder}`);
    io.say("next: pocketvisor fleet broker, then pocketvisor fleet enrol");
  }
  return EXIT_OK;
}

async function show(parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  const root = rootInForce(store);
  const keys = await keyFacts(store);
  if (parsed.flag("json")) {
    const { version, epochNext, expires } = root;
    io.out(JSON.stringify({ tenant: store.tenant, root: { version, epoch: epochNext, expires }, keys }));
    return EXIT_OK;
  }
  io.out(`root ${root.version}, epoch ${root.epochNext}, until ${dateText(root.expires)}`);
  const rows = keys.map(({ role, kid, file }) => [role, kid, file ?? "not on this computer"]);
  for (const line of columns([["ROLE", "KEY", "FILE"], ...rows])) io.out(line);
  return EXIT_OK;
}

async function floor(parsed: Parsed, io: Io): Promise<number> {
  const store = storeOf(parsed, io);
  const now = io.now();
  if (parsed.flag("dry-run")) {
    await signersFor(store, "root");
    io.say(`would make root ${rootInForce(store).version + 1}, which sets the floor to ${dateText(now)}`);
    return EXIT_OK;
  }
  const { version } = await setFloor(store, now, now);
  // Those that a wrong clock signed are replaced: they would be refused as older than what is known.
  const signed = await signAllFreshness(store, now);
  if (parsed.flag("json")) io.out(JSON.stringify({ root: version, floor: now, documents: signed.length }));
  else io.say(`root ${version} sets the floor to ${dateText(now)}; next: pocketvisor fleet publish`);
  return EXIT_OK;
}

async function rotate(parsed: Parsed, io: Io): Promise<number> {
  const name = needed(parsed, 1, "a role", "keys");
  const role = ROLE_NAMES.find((each) => each === name);
  if (role === undefined) throw new UsageError("USAGE", `there is no such role; roles: ${ROLE_NAMES.join(", ")}`);
  const store = storeOf(parsed, io);
  const raise = parsed.flag("raise-epoch");
  if (parsed.flag("dry-run")) {
    const { version, epochNext } = rootInForce(store);
    await signersFor(store, "root");
    const epoch = raise ? `, epoch ${epochNext + 1}` : "";
    io.say(`would make new ${role} keys, root ${version + 1}${epoch}, and sign every document again`);
    return EXIT_OK;
  }
  const root = await rotateKeys(store, role satisfies RoleName, raise, io.now());
  const count = await renewDocuments(store, io.now(), role);
  if (parsed.flag("json")) io.out(JSON.stringify({ root: root.version, epoch: root.epochNext, documents: count }));
  else {
    io.say(`root ${root.version} names the new ${role} keys; ${count} documents are signed again`);
    io.say("next: pocketvisor fleet publish");
  }
  return EXIT_OK;
}
