// Which handset a command means: the one that is named, else the one that there is.

import { existsSync } from "node:fs";
import { connect } from "node:net";
import { controlSocketPath, handsetSockets } from "../control-path.ts";
import { UsageError } from "../failure.ts";
import { readHandsetFile } from "../handset/file.ts";

/** Of a folder with one handset: what `up` boots there, and whom the other commands mean. */
export const FOLDER_FILE = "handset.yaml";
export const DEFAULT_HANDSET = "demo";

/** `--handset`, POCKETVISOR_HANDSET, what ./handset.yaml calls its own, the only one that runs; else the demo. Throws UsageError when several
 *  run and nothing says which. */
export async function chosenHandset(
  said: string | null,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const named = said ?? (environment["POCKETVISOR_HANDSET"] || null);
  if (named !== null) return named;
  if (existsSync(FOLDER_FILE)) return readHandsetFile(FOLDER_FILE).name;
  const running = await runningHandsets(environment);
  if (running.length <= 1) return running[0] ?? DEFAULT_HANDSET;
  throw new UsageError(
    "USAGE",
    `${running.length} handsets run here: ${running.join(", ")}`,
    "Say which: --handset NAME, or set POCKETVISOR_HANDSET.",
  );
}

/** Names of the handsets of this user that answer. */
export async function runningHandsets(environment: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const names = handsetSockets(environment);
  const answers = await Promise.all(names.map((name) => answersAt(controlSocketPath(name, environment))));
  return names.filter((_, at) => answers[at]).sort();
}

function answersAt(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
