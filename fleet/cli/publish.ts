// fleet publish, fleet time: what devices should have goes to the broker again.

import { EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { allIssued, audienceName, rootChain, rootPublication } from "../documents.ts";
import { signAllFreshness } from "../freshness.ts";
import { renewals } from "../renewals.ts";
import { dateText } from "../text.ts";
import { hearBirths, LINK, LINK_HELP, publishAll, withLink } from "./link.ts";
import { DRY_RUN, storeOf, type Verb } from "./verb.ts";

export const publishVerb: Verb = {
  name: "publish",
  usage: "",
  summary: "sends every signed document to the broker again",
  help: `After a rotation of keys, or when a broker has lost what it kept.
  --dry-run           lists them, and sends nothing
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN },
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    if (parsed.flag("dry-run")) {
      const all = [...rootChain(store), rootPublication(store), ...allIssued(store)];
      for (const { topic } of all) io.out(topic);
      return EXIT_OK;
    }
    const count = await withLink(parsed, store, io, async (link) => {
      await hearBirths(store, link);
      return publishAll(store, link, io.now());
    });
    if (parsed.flag("json")) io.out(JSON.stringify({ published: count }));
    else io.say(`${count} documents are with the broker`);
    return EXIT_OK;
  },
};

export const timeVerb: Verb = {
  name: "time",
  usage: "",
  summary: "signs and sends the freshness documents",
  help: `One for each device, each group and everybody: the time, and the newest version of their documents. "fleet broker" does this by
itself; with another broker, let it run once in a few hours.
  --dry-run           signs and sends nothing
${LINK_HELP}`,
  options: { ...LINK, ...DRY_RUN },
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    if (parsed.flag("dry-run")) {
      const present = allIssued(store).filter(({ kind }) => kind === "time");
      for (const { audience, document } of present)
        io.out(`${audienceName(audience)} until ${dateText(document.expires)}`);
      return EXIT_OK;
    }
    const signed = await withLink(parsed, store, io, async (link) => {
      await hearBirths(store, link);
      const all = await signAllFreshness(store, io.now());
      for (const { topic, envelope } of [...all, ...(await renewals(store, io.now()))]) {
        await link.publish(topic, envelope, true);
      }
      return all;
    });
    if (parsed.flag("json")) io.out(JSON.stringify({ signed: signed.length }));
    else io.say(`${signed.length} freshness documents are with the broker`);
    return EXIT_OK;
  },
};
