// The handset worker: owns the hypervisor and every machine. Requests come over a message port that is read without the event
// loop, because this thread never returns to it while partitions live.

import { readFileSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { HandsetLoop } from "./handset-loop.ts";
import type { HandsetMessage, HandsetRequest, HandsetWorkerData } from "./handset-messages.ts";
import { Hypervisor } from "./hypervisor.ts";
import type { Doorbell } from "./mailbox.ts";

const data = workerData as HandsetWorkerData & { requests: MessagePort };
const words = new Int32Array(data.words);
const now = (): number => performance.now() * 1e6;
const post = (message: HandsetMessage): void => parentPort!.postMessage(message);

const doorbell: Doorbell = {
  heard: () => Atomics.load(words, 0),
  sleep: (heard, milliseconds) => void Atomics.wait(words, 0, heard, milliseconds),
};

let failure: string | null = null;
try {
  const hypervisor = new Hypervisor(
    new WebAssembly.Module(readFileSync(data.hypervisorWasm)),
    data.board,
    data.mode,
    now,
    data.audit,
    // The same inputs give the same records: virtual time has no date.
    data.mode === "deterministic" ? 0 : performance.timeOrigin,
  );
  new HandsetLoop({
    hypervisor,
    machineModule: new WebAssembly.Module(readFileSync(data.machineWasm)),
    deterministic: data.mode === "deterministic",
    doorbell,
    now,
    nextRequest: () => {
      const received = receiveMessageOnPort(data.requests);
      return received === undefined ? null : (received.message as { id: number; request: HandsetRequest });
    },
    post,
    heartbeat: () => void Atomics.add(words, 1, 1),
  }).run();
} catch (error) {
  failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
}
post({ kind: "end", failure });
data.requests.close();
