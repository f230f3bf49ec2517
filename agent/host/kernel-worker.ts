// The kernel worker: owns one machine, and runs it to its end.

import { readFileSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { Failure, ImageError } from "../failure.ts";
import { DebugGate, portDoor } from "./debug/gate.ts";
import { openDisk, type DiskStore } from "./disk/open.ts";
import { DiskQueue } from "./disk/queue.ts";
import { DiskService } from "./disk/service.ts";
import { setEngineFlags } from "./machine/engine-flags.ts";
import { hostEntropy, seededEntropy } from "./machine/entropy.ts";
import { GuestProfile } from "./machine/profile.ts";
import { KernelLoop } from "./kernel-loop.ts";
import { loadImages } from "./machine/load.ts";
import { RNG_SEED_BYTES } from "./loader/plan.ts";
import { DivergenceError, MachinePair } from "./machine/pair.ts";
import { Machine } from "./machine/machine.ts";
import { Mailbox } from "./mailbox.ts";
import type { KernelMessage, KernelWorkerData, PartitionEnd } from "./messages.ts";

const data = workerData as KernelWorkerData;
const hostNow = (): number => performance.now() * 1e6;
const post = (message: KernelMessage): void => parentPort!.postMessage(message);

post({ kind: "end", end: runPartition() });

function runPartition(): PartitionEnd {
  const { config, plan } = data;
  const mailbox = new Mailbox(data.mailbox);
  const gate = data.debug === null ? null : new DebugGate(portDoor(data.debug), hostNow);
  const now = gate?.now ?? hostNow;
  const deterministic = config.mode === "deterministic";
  let store: DiskStore | null = null;
  let loop: KernelLoop | null = null;
  const profile = data.profile ? new GuestProfile() : null;
  try {
    // The machine first: it is worth V8's usual pace.
    const module = new WebAssembly.Module(readFileSync(data.wasmPath));
    if (config.caches.translateBytes > 0) setEngineFlags();
    const pair = data.verify ? new MachinePair(module, config, now) : null;
    const machine = pair ?? new Machine(module, config, now);
    if (gate !== null) gate.machine = machine;
    loadImages(machine, plan);
    pair?.copyMemory();
    if (deterministic && data.disk !== null) store = openDisk(data.disk);
    const queue = data.diskQueue === null ? null : new DiskQueue(data.diskQueue);
    const disk = new DiskService(machine, store !== null ? { store } : queue !== null ? { queue } : null);
    const entropy = deterministic ? seededEntropy("pocketvisor deterministic entropy") : hostEntropy;
    loop = new KernelLoop({
      machine,
      mailbox,
      disk,
      entropy,
      deterministic,
      consolePort: data.consolePort,
      inputIsWhole: data.inputIsWhole,
      now,
      debug: gate,
      profile,
      reload: () => {
        loadImages(machine, plan);
        entropy(machine.guestBytes(plan.rngSeedAt, RNG_SEED_BYTES));
        pair?.copyMemory();
      },
      outputReady: () => {
        if (mailbox.announceOutput()) post({ kind: "output" });
      },
      inputRoom: () => {
        if (mailbox.announceInputRoom()) post({ kind: "input-room" });
      },
    });
    const reason = loop.run();
    pair?.compareAll();
    return { reason, detail: "", code: "", hint: "", stats: loop.stats(), profile: profile?.result() ?? null };
  } catch (error) {
    const stats = loop?.stats() ?? null;
    if (error instanceof Failure) {
      const reason = error instanceof ImageError ? "image" : error instanceof DivergenceError ? "diverged" : "refused";
      return { reason, detail: error.message, code: error.code, hint: error.hint, stats };
    }
    // A trap unwinds out of run(): a defect in the machine, which costs this partition and nothing else. A guest that makes
    // the machine call itself too deeply ends as a RangeError.
    if (loop !== null && (error instanceof WebAssembly.RuntimeError || error instanceof RangeError)) {
      return { reason: "trap", detail: error.message, code: "MACHINE_TRAP", hint: "", stats };
    }
    throw error;
  } finally {
    store?.close();
  }
}
