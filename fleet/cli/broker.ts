// fleet broker: this computer's own broker, and the keeper that fills it.

import { EXIT_LEFT } from "../../agent/cli/exit-codes.ts";
import { UsageError } from "../../agent/failure.ts";
import { brokerUrl, FleetBroker, saveHeard } from "../broker.ts";
import { escapeText } from "../../agent/escape.ts";
import { FleetBook } from "../book.ts";
import { findingText, FleetObserver } from "../observer.ts";
import { Keeper } from "../keeper.ts";
import { rootEnvelope } from "../keys.ts";
import { storeOf, type Verb } from "./verb.ts";

/** How often the keeper looks at the folder, at the most: a large fleet's folder takes longer to look through, and gets more time between. */
const ROUND_MS = 2000;
const PAUSE_ROUNDS = 20;
const HEARD_ROUNDS = 10;

export const brokerVerb: Verb = {
  name: "broker",
  usage: "[--port N]",
  summary: "runs a broker on this computer, filled with the signed documents",
  help: `It listens on 127.0.0.1 alone, without TLS: for a first run, tests, and handsets on this computer. It publishes whatever is signed in
the tenant's folder, and renews the freshness documents. Ctrl-C ends it.
  --port N   default: where it listened last, or any free port`,
  options: { port: { type: "string" } },
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    rootEnvelope(store);
    const text = parsed.text("port") ?? "0";
    const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
    if (!(port < 65_536)) throw new UsageError("USAGE", "--port needs a number from 0 to 65535");
    const broker = await FleetBroker.listen(store, port, io.now);
    try {
      broker.trouble = io.say;
      const observer = new FleetObserver(store, new FleetBook(store));
      broker.received = (topic, payload) => {
        for (const finding of observer.receive(topic, payload, false, io.now())?.findings ?? []) {
          io.say(`${topic.split("/")[3]!.slice(0, 8)} was found ${escapeText(findingText(finding), 300)}`);
        }
      };
      const keeper = new Keeper(store, broker.publish);
      const count = await keeper.round(io.now());
      await keeper.alive(true, io.now());
      if (parsed.flag("json")) io.out(JSON.stringify({ url: brokerUrl(broker.address), documents: count }));
      else io.say(`the broker of ${store.tenant} listens at ${brokerUrl(broker.address)}, with ${count} documents`);
      let pauseMs = ROUND_MS;
      for (let round = 1; !io.signal.aborted; round++) {
        await pause(pauseMs, io.signal);
        const began = performance.now();
        await keeper.round(io.now());
        broker.endRetired();
        pauseMs = Math.max(ROUND_MS, PAUSE_ROUNDS * (performance.now() - began));
        if (round % HEARD_ROUNDS === 0) saveHeard(store, broker.heard);
      }
      await keeper.alive(false, io.now());
    } finally {
      saveHeard(store, broker.heard);
      await broker.close();
    }
    return EXIT_LEFT;
  },
};

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end, { once: true });
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    }
  });
}
