// The CPU stands behind an instruction whose device work is not done: see devices/work.

import { busContinue } from "../devices/bus";
import { workForgive, workOwed, workPay, workPending, workVisits } from "../devices/work";
import { accountNoteLeft, accountSync } from "./account";

/** Pays from `fuel` and lets devices go on until all is done and paid for. Returns the fuel that is left; with none left, work may be. */
export function stand(fuel: u32): u32 {
  while (fuel != 0) {
    fuel = workPay(fuel);
    if (workOwed() != 0 || workVisits() == 0 || fuel == 0) return fuel;
    // A device may ask for the time.
    accountNoteLeft(fuel);
    accountSync();
    busContinue();
  }
  return 0;
}

/** Does what is left to do at no cost to the guest: for debuggers and tests, which reach devices without the CPU. */
export function standSettle(): void {
  workForgive();
  while (workPending()) {
    busContinue();
    workForgive();
  }
}
