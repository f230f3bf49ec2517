// Samples of a guest's pc: which slices count, where they are counted, and that a guest cannot make them many.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GuestProfile } from "../../../../../agent/host/machine/profile.js";
import { CLOCK_STATE, CPU_CONTROL, CPU_PC } from "../../../../../kernel/abi/layout.js";
import { RUN_FUEL, RUN_IO, RUN_WAIT } from "../../../../../kernel/abi/reasons.js";
import { scriptedMachine } from "../../../../support/scripted-machine.js";

const profiles = suite("guest-profile");
const [USER, SYSTEM] = [0x10, 0x13];

profiles("a slice that ran out of fuel is a sample with its length; one that ended for another reason is none", () => {
  const machine = scriptedMachine({ run: () => RUN_FUEL });
  const profile = new GuestProfile(2);
  const slices: [length: number, pc: number, mode: number, reason: number][] = [
    [100, 0xc000_0010, SYSTEM, RUN_FUEL],
    [50, 0xc000_0010, SYSTEM, RUN_WAIT],
    [30, 0xc000_0010, SYSTEM, RUN_FUEL],
    [7, 0x0001_0000, SYSTEM, RUN_IO],
    [20, 0xc000_0010, USER, RUN_FUEL],
    [10, 0x0002_0000, USER, RUN_FUEL],
  ];
  let instructions = 0;
  for (const [length, pc, mode, reason] of slices) {
    instructions += length;
    machine.setWord(CLOCK_STATE, instructions);
    machine.setWord(CPU_PC, pc);
    machine.setWord(CPU_CONTROL, mode | 0x80);
    profile.sliceEnded(machine, reason);
  }
  assert.equal(profile.result(), {
    places: [
      { address: 0xc000_0010, user: false, samples: 2, instructions: 130, translated: 0 },
      { address: 0xc000_0010, user: true, samples: 1, instructions: 20, translated: 0 },
    ],
    lost: 1,
  });
});

profiles.run();
