// The handset worker: owns the hypervisor and every machine. Requests come over a message port that is read without the event
// loop, because this thread never returns to it while partitions live. The main thread's own orders come the same way, over the port that every
// worker has: which port the requests come through, when a shell has been replaced.

import { readFileSync } from "node:fs";
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { HandsetLoop } from "./loop.ts";
import { NO_PARTITION } from "../../../kernel/abi/hypervisor.ts";
import { LOSS_SHELL } from "../../../kernel/abi/reasons.ts";
import type { HandsetMessage, HandsetOrder, HandsetWorkerData, LoadedRequest } from "../between/messages.ts";
import { portDoor } from "../debug/gate.ts";
import { threadClock } from "../between/thread-clock.ts";
import { Heartbeat } from "../between/heartbeat.ts";
import { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Doorbell } from "../between/doorbell.ts";

type Asked = { id: number; request: LoadedRequest };

const data = workerData as HandsetWorkerData;
const words = new Int32Array(data.words);
const now = (): number => performance.now() * 1e6;
/** Where the thread has no clock of its own, all that passes is somebody's. */
const cpu = threadClock() ?? now;
const post = (message: HandsetMessage): void => parentPort!.postMessage(message);

const heartbeat = new Heartbeat(words);
const doorbell: Doorbell = {
  heard: () => Atomics.load(words, 0),
  sleep: (heard, milliseconds) => heartbeat.sleep(heard, milliseconds),
};
let requests: MessagePort | null = null;

/** Takes the main thread's orders. True when one of them is to end. */
function obey(hypervisor: Hypervisor, loop: HandsetLoop): boolean {
  for (let next = receiveMessageOnPort(parentPort!); next !== undefined; next = receiveMessageOnPort(parentPort!)) {
    const order = next.message as HandsetOrder;
    if (order.kind === "quit") return true;
    if (order.kind === "debugger") {
      if (!loop.openDoor(order.partition, portDoor(order.door))) order.door.close();
    } else if (order.kind === "fail") loop.fail(order.partition, order.reason);
    else if (order.kind === "link") loop.setLink(order.link);
    else if (order.kind === "tell") hypervisor.rings.tell(order.what, order.partition, order.reason, order.value);
    else {
      // What still waits in the old port was refused to whoever asked.
      requests?.close();
      requests = order.requests;
      if (order.count > 0) hypervisor.rings.tell("shell-restarted", NO_PARTITION, LOSS_SHELL, order.count);
    }
  }
  return false;
}

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
    cpu,
  );
  const loop: HandsetLoop = new HandsetLoop({
    hypervisor,
    machineModule: new WebAssembly.Module(readFileSync(data.machineWasm)),
    deterministic: data.mode === "deterministic",
    doorbell,
    power: data.power,
    now,
    cpu,
    nextRequest: () => {
      if (obey(hypervisor, loop)) return { id: -1, request: { op: "quit" } };
      const received = requests === null ? undefined : receiveMessageOnPort(requests);
      return received === undefined ? null : (received.message as Asked);
    },
    post,
    heartbeat: () => heartbeat.round(),
  });
  loop.run();
} catch (error) {
  failure = error instanceof Error ? (error.stack ?? error.message) : String(error);
}
post({ kind: "end", failure });
(requests as MessagePort | null)?.close();
