// A handset that survives its workers: real threads, killed for real.

import { once } from "node:events";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  Handset,
  type HandsetEnd,
  type HandsetOptions,
  type PartitionPlan,
} from "../../../../../agent/host/monitor/handset.js";
import { HeartbeatWatch } from "../../../../../agent/host/between/heartbeat.js";
import { FAIL_DISK, LOSS_IO_WORKER, LOSS_SHELL } from "../../../../../kernel/abi/reasons.js";
import { BOARD, NO_POWER } from "../../../../support/handset.js";
import { hangingMachine } from "../../../../support/hanging-machine.js";
import { temporaryFile } from "../../../../support/temporary.js";
import type { HandsetEvent } from "../../../../../agent/view.js";
import type { ShellKeeper } from "../../../../../agent/host/monitor/shell-keeper.js";

const handset = suite("handset and its workers");

function planOf(guest: "keys" | "disk", disk: string | null = null): PartitionPlan {
  return {
    name: "work",
    image: {
      ramBytes: 1 << 20,
      kernel: {
        path: fileURLToPath(new URL(`../../../../guest/bare/${guest}.bin`, import.meta.url)),
        sha256: null,
        offset: null,
        bssBytes: 0,
      },
      firmware: null,
      initrd: null,
      commandLine: null,
      deviceTree: null,
      disk: disk === null ? null : { path: disk, readOnly: false },
      overhead: "small",
      channels: true,
    },
    cpu: { class: "best-effort", budget: 0, period: 100_000, ceiling: null, weight: 100 },
    energy: null,
    energyInitial: 0n,
    io: { blockOperations: null, blockBytes: null, consoleBytes: null },
    restart: { onFailure: "stop", max: 0, backoffFirstMs: 100, backoffMaxMs: 1_000, noProgressMs: 0 },
  };
}

/** A handset with one running partition, and every event of it. */
async function withWorkers(
  plan: PartitionPlan,
  key: string,
  options: HandsetOptions,
  body: (running: Handset, happens: (kind: string) => Promise<HandsetEvent>) => Promise<void>,
): Promise<void> {
  const running = new Handset(BOARD, "realtime", NO_POWER, options);
  const events: HandsetEvent[] = [];
  running.on("event", (event) => events.push(event));
  const happens = async (kind: string): Promise<HandsetEvent> => {
    for (;;) {
      const found = events.findIndex((event) => event.kind === kind);
      if (found >= 0) return events.splice(found, 1)[0]!;
      await once(running, "event", { signal: AbortSignal.timeout(30_000) });
    }
  };
  try {
    const id = await running.add(plan);
    await running.orders.act("start", id);
    if (key !== "") await running.orders.input(id, Buffer.from(key));
    await body(running, happens);
  } finally {
    await running.close();
  }
}

const NOT_REFUSED = "it was not refused";

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => NOT_REFUSED,
    (error: Error) => error.message,
  );
}

/** The shell's thread, to be killed. */
function shellOf(running: Handset): Worker {
  return (running["shell"] as ShellKeeper)["worker"]!;
}

for (const [how, times, kill] of [
  ["is terminated", 3, (running: Handset) => void shellOf(running).terminate()],
  // Two million objects, beside a request that nothing reads: more than its heap may have (ERR_WORKER_OUT_OF_MEMORY).
  [
    "has no memory left",
    1,
    (running: Handset) =>
      shellOf(running).postMessage({
        id: 0,
        request: { op: "drained", junk: Array.from({ length: 2e6 }, (_, n) => ({ n })) },
      }),
  ],
  // No order at all: the worker ends by an error that nothing catches.
  ["throws", 2, (running: Handset) => shellOf(running).postMessage(null)],
] as const) {
  handset(`the shell worker ${how}: partitions run on, who waits is refused, and there is another shell`, async () => {
    await withWorkers(planOf("keys"), "s", {}, async (running, happens) => {
      for (let n = 1; n <= times; n++) {
        const before = (await running.orders.snapshot()).partitions[0]!.instructions;
        const gone = new Promise((resolve) => shellOf(running).once("exit", resolve));
        kill(running);
        const refused = rejection(running.orders.act("pause", 0));
        await gone;
        assert.match(await refused, /pause work: the shell worker ended.* it may have been carried out or not/);
        assert.match(
          await rejection(running.orders.act("pause", 0)),
          /ask again in a moment/,
          "nobody waits for nobody",
        );
        const { reason, value } = await happens("shell-restarted");
        assert.equal([reason, value], [LOSS_SHELL, n]);
        await running.orders.act("pause", 0);
        await running.orders.act("resume", 0);
        const partition = (await running.orders.snapshot()).partitions[0]!;
        assert.is(partition.state, "running");
        assert.ok(partition.instructions > before, "it ran without a shell");
      }
    });
  });
}

handset("an I/O worker that is gone is an I/O error for its guest, told, and nothing else", async () => {
  const disk = temporaryFile(Buffer.alloc(64 << 10));
  await withWorkers(planOf("disk", disk), "r", {}, async (running, happens) => {
    await running["member"](0).disk!["worker"].terminate();
    assert.is((await happens("disk-error")).reason, LOSS_IO_WORKER);
    while (!consoleOf(running).includes("error")) await once(running, "console");
    assert.is((await running.orders.snapshot()).partitions[0]!.state, "running");
  });
  rmSync(disk);
});

handset("a request that does not come back fails its partition; the next start has a disk again", async () => {
  const disk = temporaryFile(Buffer.alloc(64 << 10));
  await withWorkers(planOf("disk", disk), "r", {}, async (running, happens) => {
    const worker = running["member"](0).disk!;
    // What the watch does when it has seen one request for half a minute.
    worker["lose"](true);
    await worker["worker"].terminate();
    const { reason } = await happens("failed");
    assert.is(reason, FAIL_DISK);
    assert.is((await running.orders.snapshot()).partitions[0]!.state, "failed");
    running.consoleLog(0).erase();
    await running.orders.act("start", 0);
    await happens("running");
    await running.orders.input(0, Buffer.from("r"));
    let operations = 0;
    for (let looks = 0; operations < 8 && looks < 400; looks++) {
      operations = (await running.orders.snapshot()).partitions[0]!.io[0]!.used;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(operations >= 8, "requests come back");
    assert.is(running["member"](0).disk!.isGone, false);
    assert.not.match(consoleOf(running), /error/);
  });
  rmSync(disk);
});

handset("in real time the worker sleeps until a request that a limit holds back may pass", async () => {
  const disk = temporaryFile(Buffer.alloc(64 << 10));
  const plan = planOf("disk", disk);
  plan.io.blockOperations = { rate: 40, burst: 4 };
  await withWorkers(plan, "r", {}, async (running) => {
    const operations = async (): Promise<number> => (await running.orders.snapshot()).partitions[0]!.io[0]!.used;
    const beats = (): number => Atomics.load(running["words"], 1);
    const [firstBeat, firstOperation] = [beats(), await operations()];
    let done = 0;
    while ((done = (await operations()) - firstOperation) < 30) await new Promise((resolve) => setTimeout(resolve, 50));
    // Four beats are a round and a sleep; a loop that polled would have gone round thousands of times.
    const each = (beats() - firstBeat) / done;
    assert.ok(each < 60, `${each} beats for each operation`);
  });
  rmSync(disk);
});

function consoleOf(running: Handset): string {
  return running.consoleLog(0).readFrom(0).bytes.toString("latin1");
}

handset(
  "a machine that does not come back ends the handset, with words for all who ask, and the thread is gone",
  async () => {
    const running = new Handset(BOARD, "realtime", NO_POWER, { machineWasm: hangingMachine(), hangMs: 2000 });
    try {
      const ended = once(running, "end") as Promise<[HandsetEnd]>;
      const id = await running.add(planOf("keys"));
      await running.orders.act("start", id);
      // Whoever asks just now may still be answered.
      const asked = (async () => {
        let answer: string;
        do answer = await rejection(running.orders.snapshot());
        while (answer === NOT_REFUSED);
        return answer;
      })();
      const [end] = await ended;
      assert.equal(end, { hung: true, text: "the handset's worker hangs: it has not come round for 2 s" });
      assert.match(await asked, /the handset's worker hangs/);
      assert.match(await rejection(running.orders.act("stop", id)), /the handset's worker hangs/);
    } finally {
      await running.close();
    }
  },
);

handset("a worker that sleeps is not taken for one that hangs", async () => {
  await withWorkers(planOf("keys"), "i", {}, async (running) => {
    const words = running["words"];
    const watch = new HeartbeatWatch(words);
    let last = 0;
    // Until it has lain still for ten times as many looks as a hang would take.
    for (let still = 0; still < 50;) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      const beat = Atomics.load(words, 1);
      const hung = watch.look();
      still = beat === last && beat % 2 === 0 ? still + 1 : 0;
      if (still > 0) assert.is(hung, false);
      last = beat;
    }
    assert.is((await running.orders.snapshot()).partitions[0]!.sleeping, true);
  });
});

handset.run();
