// fleet ls, inspect, why, watch: what is known of the devices.

import { EXIT_INTERNAL, EXIT_LEFT, EXIT_OK } from "../../agent/cli/exit-codes.ts";
import { escapeText } from "../../agent/escape.ts";
import { FleetBook, type DeviceEntry, type News } from "../book.ts";
import { heardTimes } from "../broker.ts";
import { findDevice } from "../devices.ts";
import type { FleetLink } from "../link.ts";
import { commandName, shortName, viewOf, viewsOf, type DeviceView } from "../view.ts";
import { base } from "../topics.ts";
import { eventFacts, eventLine } from "../event-text.ts";
import { findingText, FleetObserver, partitionNames } from "../observer.ts";
import type { EventMessage } from "../../agent/wire/reports.ts";
import { whyDevice } from "../why.ts";
import type { Io } from "./io.ts";
import { ageText, columns, dateText } from "../text.ts";
import { keptBook, LINK, LINK_HELP, withLink } from "./link.ts";
import { needed, storeOf, type Verb } from "./verb.ts";

export const lsVerb: Verb = {
  name: "ls",
  usage: "[--watch]",
  summary: "lists devices: link, last heard, desired and applied policy",
  help: `  --watch   prints the list again whenever something changes\n${LINK_HELP}`,
  options: { ...LINK, watch: { type: "boolean" } },
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const json = parsed.flag("json");
    return withLink(parsed, store, io, async (link) => {
      const book = await keptBook(store, link, io);
      const tell = (): void => {
        const views = viewsOf(store, book);
        if (json) io.out(JSON.stringify(views));
        else for (const line of tableOf(views, io.now())) io.out(line);
      };
      tell();
      if (!parsed.flag("watch")) return EXIT_OK;
      const observer = new FleetObserver(store, book);
      return follow(io, link, store.tenant, (topic, payload, retained) => {
        const taken = observer.receive(topic, payload, retained, io.now());
        if (taken !== null && !retained) tell();
      });
    });
  },
};

export function tableOf(views: DeviceView[], now: number): string[] {
  const rows = views.flatMap(({ device, label, board, link, heardAt, policies, retired, simulated, findings }) => {
    const found = findings.map(({ kind }) => kind.toUpperCase().replace("-", " "));
    const heard = heardAt === null ? "-" : `${ageText(now - heardAt)} ago`;
    const head = [shortName(device), label, simulated ? "(simulated)" : board, retired ? "retired" : link, heard];
    if (policies.length === 0)
      return [[...head, "-", "-", "-", "-", ...(found.length === 0 ? [] : [found.join(", ")])]];
    return policies.map(({ partition, desired, reported, appliedAt, open, signed }, at) => {
      const notes = [
        ...(at === 0 ? found : []),
        ...(open.length === 0 ? [] : [`${open.length} open`]),
        ...(reported === null || signed ? [] : ["not signed"]),
      ];
      return [
        ...(at === 0 ? head : ["", "", "", "", ""]),
        ...[partition, desired ?? "-", reported ?? "-", appliedAt === null ? "-" : dateText(appliedAt)],
        ...(notes.length === 0 ? [] : [notes.join(", ")]),
      ];
    });
  });
  const titles = ["DEVICE", "NAME", "BOARD", "LINK", "HEARD", "PARTITION", "DESIRED", "APPLIED", "AT", ""];
  return columns([titles, ...rows]);
}

export const inspectVerb: Verb = {
  name: "inspect",
  usage: "DEVICE",
  summary: "everything that is known of a device",
  help: LINK_HELP,
  options: LINK,
  positionalMax: 1,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const { name } = findDevice(store, needed(parsed, 0, "a device", "inspect"));
    const view = await withLink(parsed, store, io, async (link) => {
      const book = await keptBook(store, link, io);
      return viewOf(store, book.entries.get(name)!);
    });
    // JSON is what everything means; for people it is set in lines.
    if (parsed.flag("json")) io.out(JSON.stringify(view));
    else for (const line of inspectLines(view, io.now())) io.out(line);
    return EXIT_OK;
  },
};

function inspectLines(view: DeviceView, now: number): string[] {
  const { device, label, board, link, heardAt, agent, bootCount, partitions, policies, battery } = view;
  const facts = columns([
    ["device", device],
    ["name", label],
    ["board", board],
    ["link", link],
    ["last heard", heardAt === null ? "never" : `${ageText(now - heardAt)} ago (${dateText(heardAt)})`],
    ["agent", agent ?? "unknown"],
    ["starts", bootCount === null ? "unknown" : String(bootCount)],
    ["battery", battery === null ? "unknown" : `${battery.percent} %`],
  ]);
  const parts = partitions.map(
    ({ name, kind, state }) => `partition ${name} (${kind})${state === null ? "" : `: ${state}`}`,
  );
  const rules = policies.map(
    ({ partition, desired, reported, signed, open }) =>
      `policy of ${partition}: ${desired ?? "none"} desired, ${reported ?? "none"} reported${reported !== null && !signed ? " (not signed)" : ""}` +
      open.map((each) => `\n  ${each}`).join(""),
  );
  return [...facts, ...parts, ...rules];
}

export const whyVerb: Verb = {
  name: "why",
  usage: "DEVICE [PARTITION]",
  summary: "why a device is as it is, in words",
  help: LINK_HELP,
  options: LINK,
  positionalMax: 2,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    const { name } = findDevice(store, needed(parsed, 0, "a device", "why"));
    const lines = await withLink(parsed, store, io, async (link) => {
      const book = await keptBook(store, link, io);
      return whyDevice(viewOf(store, book.entries.get(name)!), parsed.positionals[1] ?? null, io.now());
    });
    if (parsed.flag("json")) io.out(JSON.stringify(lines));
    else for (const line of lines) io.out(line);
    return EXIT_OK;
  },
};

export const watchVerb: Verb = {
  name: "watch",
  usage: "",
  summary: "what devices say, as it comes",
  help: LINK_HELP,
  options: LINK,
  positionalMax: 0,
  async run(parsed, io) {
    const store = storeOf(parsed, io);
    return withLink(parsed, store, io, async (link) => {
      const observer = new FleetObserver(store, new FleetBook(store, heardTimes(store)));
      return follow(io, link, store.tenant, (topic, payload, retained) => {
        const observed = observer.receive(topic, payload, retained, io.now());
        if (observed === null) return;
        const { entry, news, audit, findings } = observed;
        const device = entry.enrolled.name;
        const said = audit?.text ?? newsText(news, entry);
        const holds = audit === null ? {} : { holds: audit.holds };
        const facts = news.kind === "event" ? { event: eventJson(news.event, entry) } : {};
        if (parsed.flag("json")) {
          io.out(JSON.stringify({ device, kind: news.kind, text: said, retained, ...holds, ...facts }));
          for (const { kind, at, detail } of findings) {
            io.out(JSON.stringify({ device, kind: "finding", finding: kind, at, text: detail, retained }));
          }
          return;
        }
        io.out(`${whoText(entry)}: ${said}`);
        for (const finding of findings) io.out(`${whoText(entry)}: FOUND ${escapeText(findingText(finding), 300)}`);
      });
    });
  },
};

/** Reads everything that devices publish, until the person or the broker ends it. */
async function follow(
  io: Io,
  link: FleetLink,
  tenant: string,
  received: (topic: string, payload: Uint8Array, retained: boolean) => void,
): Promise<number> {
  await link.subscribe([`${base(tenant)}/+/up/#`], received);
  const left = new Promise<number>((resolve) => {
    if (io.signal.aborted) resolve(EXIT_LEFT);
    io.signal.addEventListener("abort", () => resolve(EXIT_LEFT), { once: true });
  });
  const status = await Promise.race([left, link.ended.then(() => EXIT_INTERNAL)]);
  if (status === EXIT_INTERNAL) io.say("the broker has closed the connection; run it again when it is back");
  return status;
}

const whoText = ({ enrolled }: DeviceEntry): string => `${shortName(enrolled.name)} ${escapeText(enrolled.label, 64)}`;

/** An event for programs: words beside the numbers. */
function eventJson(event: EventMessage, entry: DeviceEntry): object {
  const { word, partition, detail } = eventFacts(event, partitionNames(entry));
  const { time, sequence, code, severity } = event;
  return { time, sequence, code, severity, word, partition, detail };
}

export function newsText(news: News, entry: DeviceEntry): string {
  switch (news.kind) {
    case "link":
      return `link ${news.up ? "up" : "down"}`;
    case "sample": {
      const { battery, partitions = [] } = news.sample;
      const names = partitionNames(entry);
      const charge = battery === undefined ? "" : `battery ${battery.percent} %, `;
      return `${charge}${partitions.map(({ id, state, cpuPermille }) => `${names.get(id) ?? `partition ${id}`} ${state} ${cpuPermille / 10} % CPU`).join(", ")}`;
    }
    case "event":
      return escapeText(eventLine(eventFacts(news.event, partitionNames(entry))), 300);
    case "report": {
      const { policy, sections } = news.report;
      const open = [...sections.values()].filter(({ state }) => state !== "compliant").length;
      return `policy ${policy.epoch}.${policy.version} applied${open === 0 ? "" : `, ${open} sections open`}`;
    }
    case "ack": {
      const { id, status, text } = news.ack;
      return `command ${commandName(id)} ${status}${text === undefined ? "" : `: ${escapeText(text, 256)}`}`;
    }
    case "log":
      return `log ${news.stream}: ${bytesText(news.chunk.bytes)}`;
    case "audit":
      return `audit: ${news.batch.records.length} records from ${news.batch.first} on`;
    case "console":
      return `console ${news.partition}: ${bytesText(news.chunk.bytes)}`;
  }
}

const bytesText = (bytes: Uint8Array): string => escapeText(Buffer.from(bytes).toString("utf8"), 400);
