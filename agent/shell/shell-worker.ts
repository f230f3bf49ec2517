// The shell worker: the only holder of the control port. Orders come from the monitor's main thread in their order; what passes the gate
// goes into the port, and the doorbell wakes the kernel worker, which answers the main thread itself.

import { parentPort, workerData, type MessagePort } from "node:worker_threads";
import type { HandsetMessage, HandsetRequest } from "../host/handset-messages.ts";
import { Gate } from "./gate.ts";

const { control, words: shared } = workerData as { control: MessagePort; words: SharedArrayBuffer };
const words = new Int32Array(shared);

let current = 0;
const gate = new Gate((request) => {
  control.postMessage({ id: current, request });
  Atomics.add(words, 0, 1);
  Atomics.notify(words, 0);
});

// One at a time: an order that waits for QuickJS to load is not overtaken by the next.
let last = Promise.resolve();
parentPort!.on("message", ({ id, request }: { id: number; request: HandsetRequest }) => {
  last = last.then(async () => {
    current = id;
    const refused = await gate.pass(request);
    if (refused === null) return;
    parentPort!.postMessage({ kind: "answer", id, answer: { refusal: refused } } satisfies HandsetMessage);
  });
});
