// fleet profile: the broker that verbs speak to when --broker does not name one.

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { brokerOptions } from "../link.ts";
import { linkProfile, removeProfile, saveProfile, type LinkProfile } from "../profile.ts";
import { LINK, saidOf } from "./link.ts";
import { DRY_RUN, storeOf, type Verb } from "./verb.ts";

export const profileVerb: Verb = {
  name: "profile",
  usage: "[--broker URL [--authorities FILE] [--certificate FILE --key FILE] | --none]",
  summary: "shows or sets the broker that every verb uses",
  help: `Without an option: what is set. A verb's own --broker goes before it; single files of it may be replaced by the verb's options.
  --broker URL        mqtts://HOST:8883
  --authorities FILE  PEM: who may have signed its certificate; --certificate FILE, --key FILE: who the fleet is
  --none              verbs use this computer's own broker again
  --dry-run           says what would be set`,
  options: { ...LINK, ...DRY_RUN, none: { type: "boolean" } },
  positionalMax: 0,
  run(parsed, io) {
    const store = storeOf(parsed, io);
    const said = saidOf(parsed);
    const isDry = parsed.flag("dry-run");
    if (parsed.flag("none")) {
      if (Object.values(said).some((each) => each !== null))
        throw new UsageError("USAGE", "--none goes with nothing else");
      if (!isDry) removeProfile(store);
      io.say("verbs use this computer's own broker");
      return Promise.resolve(EXIT_OK);
    }
    if (said.url === null) {
      if (Object.values(said).some((each) => each !== null)) {
        throw new UsageError("USAGE", "files go with a broker", "Write --broker mqtts://HOST:8883 too.");
      }
      const profile = linkProfile(store);
      if (parsed.flag("json")) io.out(JSON.stringify(profile));
      else if (profile === null) io.say("none is set: verbs use this computer's own broker");
      else for (const [name, value] of Object.entries(profile)) if (value !== null) io.out(`${name}: ${String(value)}`);
      return Promise.resolve(EXIT_OK);
    }
    const profile: LinkProfile = { ...said };
    for (const name of ["authorities", "certificate", "key"] as const) {
      const path = said[name];
      if (path === null) continue;
      if (!existsSync(path)) throw new UsageError("USAGE", `--${name}: there is no file ${path}`);
      profile[name] = resolve(path);
    }
    // What no verb could use is not kept.
    brokerOptions(store, profile);
    if (!isDry) saveProfile(store, profile);
    io.say(`verbs ${isDry ? "would use" : "use"} ${said.url}`);
    return Promise.resolve(EXIT_OK);
  },
};
