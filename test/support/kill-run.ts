// Kills the agent again and again, at random moments, while the monitor talks and the fleet commands.
//
// What is held against it: the monitor's events have numbers, and the agent takes them in order. So what arrives of one process, together
// with what its queue held when it was killed, has no holes; what the queue held arrives later; and every command that the
// broker took reaches a monitor.

import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Outbox } from "../../agent/link/outbox.js";
import { readEntry } from "../../agent/telemetry/entry.js";
import { toHex } from "../../agent/wire/bytes.js";
import { ack as ackRule } from "../../agent/wire/commands.js";
import { MESSAGE } from "../../agent/wire/limits.js";
import { REASONS } from "../../agent/wire/reasons.js";
import { eventMsg, stateMsg } from "../../agent/wire/reports.js";
import { decodeMessage } from "../../agent/wire/schema.js";
import { DOWN, enrolledFolder, FakeMonitor, sampleAt, seconds, UP } from "./agent-process.js";
import { startAedes, type Published } from "./broker.js";
import type { Random } from "./random.js";
import { signedDocument } from "./signed.js";
import { temporaryFolder } from "./temporary.js";

export interface KillReport {
  kills: number;
  events: number;
  commands: number;
  /** Commands that reached a monitor. */
  carried: number;
  /** Every reason for which a command was refused, by the agent or by the monitor, and how often. */
  refusals: Map<string, number>;
  /** Everything that is wrong, in words. */
  wrong: string[];
}

const CODE = 100;
/** A device remembers the ids of commands that have not expired, 256 of them; so many do not come in this time. */
const COMMAND_SECONDS = 120;
const REASON_OF = new Map<number, string>(Object.entries(REASONS).map(([word, code]) => [code, word]));

/** An event of ours: round and number. */
function eventOf(payload: Uint8Array): [round: number, number: number] | null {
  const { code, args } = decodeMessage(eventMsg, payload, MESSAGE);
  return code === CODE ? [args!.get(1) as number, args!.get(2) as number] : null;
}

export async function killRun(kills: number, random: Random, commandSeconds = COMMAND_SECONDS): Promise<KillReport> {
  const broker = await startAedes();
  const folder = enrolledFolder([broker.url]);
  const settings = { sampleSeconds: 0, sendSeconds: 1, bytesPerDay: 1 << 30 };
  const wrong: string[] = [];
  const commands: string[] = [];
  const carried = new Set<string>();
  const refusals = new Map<string, number>();
  const refused = (reason: string): unknown => refusals.set(reason, (refusals.get(reason) ?? 0) + 1);
  /** By round: what its queue held at the end. */
  const held: Map<number, Set<number>>[] = [];
  let trust = undefined as FakeMonitor["trust"] | undefined;
  const run = async (round: number | null, body: (monitor: FakeMonitor) => Promise<void>): Promise<void> => {
    const monitor = new FakeMonitor(folder, { settings, ...(trust === undefined ? {} : { trust }) });
    let number = 0;
    const talk = setInterval(() => {
      if (round === null || !monitor.messages.some(({ kind }) => kind === "ready")) return;
      const args = new Map([
        [1, round],
        [2, number++],
      ]);
      monitor.send({ kind: "event", event: { time: seconds(), code: CODE, severity: 6, args } });
      monitor.send({ kind: "sample", sample: sampleAt(seconds()) });
    }, 20);
    await body(monitor);
    clearInterval(talk);
    await monitor.ended;
    if (monitor.complaints !== "") wrong.push(`round ${round ?? "of peace"} complains: ${monitor.complaints}`);
    for (const message of monitor.messages) {
      if (message.kind === "document" && message.via.kind === "cmd") carried.add(idOf(message.bytes));
    }
    for (const { reason } of monitor.refusals) refused(`monitor: ${reason}`);
    trust = monitor.trust;
    held.push(queued(folder));
  };
  try {
    // The broker keeps commands for a session that it knows.
    await run(null, async (monitor) => {
      await broker.watch.until("first birth", () => broker.published.length > 0);
      monitor.send({ kind: "quit" });
    });
    for (let round = 0; round < kills; round++) {
      await run(round, async (monitor) => {
        if (random.oneIn(2)) {
          const id = new Uint8Array(16).fill(1);
          new DataView(id.buffer).setUint32(0, round);
          const bytes = await signedDocument("cmd", {
            issued: seconds() - 1,
            expires: seconds() + commandSeconds,
            id,
          });
          commands.push(idOf(bytes));
          await broker.publish(`${DOWN}/cmd`, bytes);
        }
        // Half of them while it starts, half while it works.
        const isStarting = random.oneIn(2);
        // A busy computer takes longer to start it; what works has taken something.
        if (!isStarting) await monitor.until("ready");
        await sleep(isStarting ? random.below(150) : 20 + random.below(500));
        monitor.child.kill("SIGKILL");
      });
    }
    // Nobody kills this one: everything that waits goes, at 20 records a second.
    await run(null, async (monitor) => {
      const empty = (): boolean =>
        missing(commands, carried, monitor).length === 0 &&
        monitor.messages.findLast((each) => each.kind === "queue")?.waiting === 0;
      await monitor.watch.until("end of the queue", empty, 30_000 + 1_000 * kills).catch(() => {});
      monitor.send({ kind: "quit" });
    });
  } finally {
    await broker.stop();
  }
  for (const { topic, payload } of broker.published) {
    const reason = topic === `${UP}/ev` ? REASON_OF.get(decodeMessage(eventMsg, payload, MESSAGE).code) : undefined;
    if (reason !== undefined) refused(`agent: ${reason}`);
  }
  const lost = commands.filter((each) => !carried.has(each));
  if (lost.length > 0) wrong.push(`${lost.length} commands reached no monitor`);
  const arrived = arrivedEvents(broker.published);
  held.forEach((queue, round) => {
    for (const [of, numbers] of queue) {
      for (const number of numbers) {
        if (!arrived.get(of)?.has(number))
          wrong.push(`event ${of}/${number} lay in the queue after ${round} and is lost`);
      }
    }
  });
  let events = 0;
  for (const [round, numbers] of arrived) {
    events += numbers.size;
    for (let n = 0; n < Math.max(...numbers); n++) {
      if (!numbers.has(n)) wrong.push(`event ${round}/${n} is lost, and a later one is not`);
    }
  }
  checkStates(broker.published, wrong);
  return { kills, events, commands: commands.length, carried: carried.size, refusals, wrong };
}

function missing(commands: string[], carried: Set<string>, monitor: FakeMonitor): string[] {
  const now = new Set(carried);
  for (const message of monitor.messages) if (message.kind === "document") now.add(idOf(message.bytes));
  return commands.filter((each) => !now.has(each));
}

const idOf = (bytes: Uint8Array): string => toHex(bytes.slice(-64));

/** The events in a queue's file, by round. */
function queued(folder: string): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>();
  if (!existsSync(join(folder, "outbox"))) return found;
  const copy = join(temporaryFolder(), "outbox");
  copyFileSync(join(folder, "outbox"), copy);
  const outbox = new Outbox(copy, seconds);
  for (const { payload, sequence } of outbox.peek("event", 10_000)) {
    add(found, eventOf(readEntry(payload, sequence)!.payload));
  }
  outbox.close();
  return found;
}

function arrivedEvents(published: Published[]): Map<number, Set<number>> {
  const found = new Map<number, Set<number>>();
  for (const { topic, payload } of published) if (topic === `${UP}/ev`) add(found, eventOf(payload));
  return found;
}

function add(to: Map<number, Set<number>>, event: [number, number] | null): void {
  if (event === null) return;
  const numbers = to.get(event[0]) ?? new Set();
  to.set(event[0], numbers.add(event[1]));
}

/** Births' counters rise, and every ack can be read. */
function checkStates(published: Published[], wrong: string[]): void {
  let last = 0;
  for (const { topic, payload } of published) {
    if (topic === `${UP}/ack`) decodeMessage(ackRule, payload, MESSAGE);
    if (topic !== `${UP}/state`) continue;
    const { online, connection } = decodeMessage(stateMsg, payload, MESSAGE);
    if (online && connection <= last) wrong.push(`connection ${connection} was born after ${last}`);
    if (online) last = connection;
  }
}
