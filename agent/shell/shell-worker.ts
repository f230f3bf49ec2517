// The shell worker: the only holder of the control port. Orders come from the monitor's main thread in their order; what passes the gate
// goes into the port, and the doorbell wakes the handset worker, which answers the main thread itself. Envelopes of the fleet come the
// same way: the governor judges them, and sets the gate's limits.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import { Gate } from "./gate.ts";
import { readGovernance } from "./governance.ts";
import { Governor } from "./governor.ts";
import { Verifier } from "./verify.ts";
import type { ShellAnswer, GovernanceSpec, HandsetAnswer, ShellOrder } from "./orders.ts";

interface ShellWorkerData {
  control: MessagePort;
  words: SharedArrayBuffer;
  governance: GovernanceSpec | null;
}

const { control, words: shared, governance } = workerData as ShellWorkerData;
const words = new Int32Array(shared);

let current = 0;
const gate = new Gate((request) => {
  control.postMessage({ id: current, request });
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
});
// Before the first order: what governs the handset counts from the start.
let governor = governance === null ? null : openGovernor(governance);

// One at a time: an order that waits for QuickJS to load is not overtaken by the next.
let last = Promise.resolve();
parentPort!.on("message", (order: ShellOrder) => {
  last = last.then(async () => {
    const answer = await carryOut(order);
    if (answer !== null) parentPort!.postMessage({ kind: "answer", id: order.id, answer } satisfies ShellAnswer);
  });
});

/** Null: the handset worker answers. */
async function carryOut(order: ShellOrder): Promise<HandsetAnswer | null> {
  if ("request" in order) {
    current = order.id;
    const refused = await gate.pass(order.request);
    return refused === null ? null : { refusal: refused };
  }
  if ("released" in order) {
    // The limits that it has set hold until the handset starts anew.
    governor = null;
    return { value: null };
  }
  if (governor === null) return { refusal: refusal("this handset belongs to no fleet") };
  if ("document" in order) {
    const { envelope, via, asked } = order.document;
    return { value: await governor.document(envelope, via, asked) };
  }
  try {
    if ("locked" in order) governor.lock(order.locked.partition, order.locked.locked);
    else governor.answered(order.answered.command, order.answered.ack);
    return { value: null };
  } catch (error) {
    return { refusal: refusal((error as Error).message) };
  }
}

function openGovernor({ path, device }: GovernanceSpec): Governor {
  const kept = readGovernance(path);
  if (kept === null) throw new Error(`${path} is gone`);
  return new Governor({
    path,
    governance: kept,
    device,
    check: new Verifier(),
    rtc: () => Date.now() / 1000,
    now: () => performance.now(),
    limit: (partition, limits) => gate.limit(partition, limits),
  });
}

function refusal(text: string): { reason: number; text: string; wanted: bigint; committed: bigint; limit: bigint } {
  return { reason: -1, text, wanted: 0n, committed: 0n, limit: 0n };
}
