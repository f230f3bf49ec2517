// Random sequences as translated code against the same sequences interpreted.

import { stateOf } from "./compare-sequences.js";
import { machineRun, type MachineRunOptions } from "./machine-runner.js";
import { STATE_BYTES } from "./program.js";
import { sequenceBatch, type SequenceKind } from "./sequences.js";

export interface TranslatedComparison {
  /** Numbers of the sequences whose final states differ. */
  different: number[];
  /** Whether both executed the same number of instructions. */
  countsEqual: boolean;
  /** Instructions of the translated run, and those that translated code executed. */
  instructions: number;
  translated: number;
}

/** Runs the first `count` sequences of `seed` both ways. Throws MachineRunError when either does not come to its end. */
export function compareTranslated(
  seed: number,
  count: number,
  options: MachineRunOptions,
  kind: SequenceKind = "core",
): TranslatedComparison {
  const { program } = sequenceBatch(seed, 0, count, kind);
  const interpreted = machineRun(program, { fuel: 50_000_000, mmu: options.mmu });
  const run = machineRun(program, { ...options, translate: true });
  const different: number[] = [];
  for (let index = 0; index * STATE_BYTES < run.results.length; index++) {
    if (Buffer.compare(stateOf(run.results, index), stateOf(interpreted.results, index)) !== 0) different.push(index);
  }
  return {
    different,
    countsEqual: run.instructions === interpreted.instructions,
    instructions: Number(run.instructions),
    translated: Number(run.translated),
  };
}
