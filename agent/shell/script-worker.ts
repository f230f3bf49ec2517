// The script worker: runs what strangers wrote (lines of a prompt, rules of a handset file), each in a QuickJS runtime of its own. It holds
// nothing: a script asks for commands, and the main thread decides. It may be terminated at any time.

import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from "node:worker_threads";
import { Sandbox } from "./sandbox.ts";
import type { ScriptAnswer, ScriptMessage, ScriptOrder, ScriptWorkerData } from "./script-messages.ts";

const PRELUDE_MS = 5000;

const { limits, words: shared, answers } = workerData as ScriptWorkerData & { answers: MessagePort };
const words = new Int32Array(shared);
const runtimes = new Map<string, Sandbox>();
const post = (message: ScriptMessage): void => parentPort!.postMessage(message);

/** Asks the main thread, and waits: a script calls commands as functions that return. */
function call(text: string): string {
  const heard = Atomics.load(words, 0);
  post({ kind: "call", call: JSON.parse(text) as never });
  Atomics.wait(words, 0, heard);
  const answer = receiveMessageOnPort(answers)!.message as ScriptAnswer;
  if ("json" in answer) return answer.json;
  throw Object.assign(new Error(answer.error.message), { name: answer.error.code });
}

/** Makes a function of each command: budget("work", { ceiling: "20ms" }). */
function prelude(commands: string[]): string {
  return `(() => {
  const { parse, stringify } = JSON;
  const ask = globalThis.call;
  delete globalThis.call;
  for (const name of ${JSON.stringify(commands)}) {
    globalThis[name] = (...positionals) => {
      const last = positionals.at(-1);
      const options = typeof last === "object" && last !== null ? positionals.pop() : {};
      return parse(ask(stringify({ name, positionals, options })));
    };
  }
  globalThis.help = () => ${JSON.stringify(commands)}.join(" ");
})()`;
}

async function runtimeOf({ runtime, commands }: ScriptOrder): Promise<Sandbox> {
  const known = runtimes.get(runtime);
  if (known !== undefined) return known;
  const sandbox = await Sandbox.create(limits);
  sandbox.expose("call", call);
  const outcome = sandbox.evaluate(prelude(commands), PRELUDE_MS);
  if (outcome.ended !== "value") throw new Error(`the prelude of scripts is defective: ${JSON.stringify(outcome)}`);
  runtimes.set(runtime, sandbox);
  return sandbox;
}

parentPort!.on("message", async (order: ScriptOrder) => {
  const sandbox = await runtimeOf(order);
  post({ kind: "begun" });
  const outcome = sandbox.evaluate(order.code);
  if (outcome.ended === "stopped" && outcome.by !== "size") {
    // Stopped in the middle of anything: the next script gets a new runtime, and this one's memory returns.
    sandbox.dispose();
    runtimes.delete(order.runtime);
  }
  post({ kind: "ended", outcome });
});
