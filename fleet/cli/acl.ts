// fleet acl: mosquitto's list of rights with every device by its name. The patterns that fleet/brokers has need no renewal, and let a device read the
// documents of groups that it is not in; this list is narrower, and mosquitto has nothing to warn of in it.

import { writeFileSync } from "node:fs";
import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { groupsOf } from "../audiences.ts";
import { enrolledDevices } from "../devices.ts";
import type { FleetStore } from "../store.ts";
import { base, fleetStateTopic } from "../topics.ts";
import { DRY_RUN, storeOf, type Verb } from "./verb.ts";

export const aclVerb: Verb = {
  name: "acl",
  usage: "[--out FILE]",
  summary: "mosquitto's list of rights, with every device by its name",
  help: `To be made anew, and mosquitto reloaded, after an enrolment, a retirement, and a change of groups. Devices that were retired are left out: what they are
connected for carries nothing more.
  --out FILE   writes it (mode 0600), instead of to standard output; --dry-run says what would be written`,
  options: { ...DRY_RUN, out: { type: "string" } },
  positionalMax: 0,
  run(parsed, io) {
    const store = storeOf(parsed, io);
    const text = rightsOf(store);
    const out = parsed.text("out");
    const count = text.split("\n").filter((line) => line.startsWith("user ")).length;
    if (parsed.flag("dry-run")) io.say(`would write the rights of ${count} users`);
    else if (out === null) io.out(text.trimEnd());
    else {
      try {
        writeFileSync(out, text, { mode: 0o600 });
      } catch (error) {
        throw new UsageError(
          "USAGE",
          `${out} cannot be written: ${(error as Error).message}`,
          "Name another with --out",
        );
      }
      io.say(`${out} has the rights of ${count} users; next: systemctl reload mosquitto`);
    }
    return Promise.resolve(EXIT_OK);
  },
};

function rightsOf(store: FleetStore): string {
  const root = base(store.tenant);
  const devices = enrolledDevices(store).filter(({ retiredAt }) => retiredAt === null);
  const users = devices.map(({ name }) => [
    `user ${name}`,
    `topic write ${root}/${name}/up/#`,
    ...[name, "all", ...groupsOf(store, name).map((group) => `g/${group}`)].map(
      (each) => `topic read ${root}/${each}/dn/#`,
    ),
    `topic read ${fleetStateTopic(store.tenant)}`,
  ]);
  const own = [
    ["user fleet", `topic readwrite ${root}/#`],
    ["user watcher", `topic read ${root}/#`],
  ];
  return [...own, ...users].map((lines) => `${lines.join("\n")}\n`).join("\n");
}
