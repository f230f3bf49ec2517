// How a device makes the CPU leave run(): it stores a reason, and the CPU looks at it after the instruction.

import { EXIT_REQUEST } from "../../abi/layout";

/** Asks for an exit with a RUN_* reason. The reasons are ordered by weight: a reset is not hidden by a full console ring,
 *  while a host that sees any reason finds the lesser work in the rings and tables themselves. */
export function exitRequest(reason: u32): void {
  if (load<u32>(EXIT_REQUEST) < reason) store<u32>(EXIT_REQUEST, reason);
}
