// The network worker: one thread for all partitions of a handset. It lives on Node's event loop, because sockets do, and hears its bell by
// Atomics.waitAsync. Each piece of work is booked to the partition whose frame, socket or timer caused it.

import { parentPort, workerData } from "node:worker_threads";
import { NodeSockets } from "../../network/node-sockets.ts";
import { doorbellRing } from "../between/doorbell.ts";
import { threadClock } from "../between/thread-clock.ts";
import { NetworkMember } from "./member.ts";
import type { NetworkAnswer, NetworkRequest, NetworkWorkerData } from "./messages.ts";
import { NetworkQueue } from "./queue.ts";

const data = workerData as NetworkWorkerData;
const bell = new Int32Array(data.bell);
const handsetBell = new Int32Array(data.handsetBell);
const members = new Map<number, NetworkMember>();
const clock = { now: () => performance.now(), wall: () => Date.now() };
const cpu = threadClock() ?? ((): number => performance.now() * 1e6);
let cpuAt = cpu();
let timer: NodeJS.Timeout | null = null;
let timerAt = Infinity;
let quitting = false;

/** What this thread has worked since the last call is the member's. */
function book(member: NetworkMember): void {
  const moment = cpu();
  member.queue.spend(moment - cpuAt);
  cpuAt = moment;
}

/** A member has been looked after: its handset worker is told if there is something for it, and it is due again at `due`. */
function done(member: NetworkMember, due: number): void {
  const news = member.takeNews();
  book(member);
  if (news) doorbellRing(handsetBell);
  if (due >= timerAt) return;
  if (timer !== null) clearTimeout(timer);
  timerAt = due;
  timer = setTimeout(tick, Math.max(0, Math.ceil(due - clock.now())));
}

function tick(): void {
  timer = null;
  timerAt = Infinity;
  for (const member of members.values()) done(member, member.settle());
}

/** A socket of the member's has done something. */
function stirred(member: NetworkMember): void {
  if (members.size > 0) done(member, member.settle());
}

/** Frames of all members, in turns. True when some are left. */
function frames(): boolean {
  let left = false;
  for (const member of members.values()) {
    member.goOn();
    const due = member.turn();
    left ||= due === 0;
    done(member, due === 0 ? Infinity : due);
  }
  return left;
}

async function listen(): Promise<void> {
  while (!quitting) {
    const heard = Atomics.load(bell, 0);
    const left = frames();
    const wait = left ? null : Atomics.waitAsync(bell, 0, heard);
    // Sockets have their turn between two of ours, however many frames there are.
    if (wait?.async === true) await wait.value;
    else await new Promise((resolve) => setImmediate(resolve));
  }
}

function answer(message: NetworkAnswer): void {
  parentPort!.postMessage(message);
}

function obey(request: NetworkRequest): void {
  switch (request.kind) {
    case "attach": {
      const queue = new NetworkQueue(data.bell, request.queue);
      const sockets = (member: NetworkMember): NodeSockets => new NodeSockets(() => stirred(member));
      members.set(request.partition, new NetworkMember(queue, request.spec, clock, sockets));
      doorbellRing(bell);
      return;
    }
    case "detach":
      members.get(request.partition)?.close();
      members.delete(request.partition);
      return;
    case "change": {
      const member = members.get(request.partition);
      member?.change(request.spec);
      if (member !== undefined) done(member, member.settle());
      doorbellRing(handsetBell);
      answer({ kind: "changed", id: request.id });
      return;
    }
    case "view":
      answer({ kind: "view", id: request.id, view: members.get(request.partition)?.view() ?? null });
      return;
    case "quit":
      quitting = true;
      for (const member of members.values()) member.close();
      members.clear();
      if (timer !== null) clearTimeout(timer);
      doorbellRing(bell);
      parentPort!.close();
  }
}

parentPort!.on("message", obey);
void listen();
