// pocketvisor fleet: the operator's side. It is a bundle of its own, with the broker and its libraries, which no other command has to load.

import { pathToFileURL } from "node:url";
import { buildProduct } from "../paths.ts";
import type { VerbFacts } from "./verb.ts";

interface FleetBundle {
  fleetCommand: (args: string[]) => Promise<number>;
  VERBS: readonly VerbFacts[];
}

async function load(): Promise<FleetBundle> {
  return (await import(pathToFileURL(buildProduct("fleet.mjs")).href)) as FleetBundle;
}

/** Runs a fleet command; returns the exit status. */
export async function fleetCommand(args: string[]): Promise<number> {
  return (await load()).fleetCommand(args);
}

/** The fleet's verbs, for completion. */
export async function fleetVerbs(): Promise<readonly VerbFacts[]> {
  return (await load()).VERBS;
}
