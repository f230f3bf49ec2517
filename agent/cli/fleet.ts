// pocketvisor fleet: the operator's side. It is a bundle of its own, with the broker and its libraries, which no other command has to load.

import { pathToFileURL } from "node:url";
import { buildProduct } from "../paths.ts";

/** Runs a fleet command; returns the exit status. */
export async function fleetCommand(args: string[]): Promise<number> {
  const bundle = (await import(pathToFileURL(buildProduct("fleet.mjs")).href)) as {
    fleetCommand: (args: string[]) => Promise<number>;
  };
  return bundle.fleetCommand(args);
}
