// How a device makes the CPU leave run(): it stores a reason, and the CPU looks at it after the instruction.

import { EXIT_REQUEST } from "../../abi/layout";
import { RUN_REPLAN } from "../../abi/reasons";
import { clockFollowsHost } from "./clock";
import { WORK_REPLAN, work } from "./work";

/** Asks for an exit with a RUN_* reason. The reasons are ordered by weight: a reset is not hidden by a full console ring,
 *  while a host that sees any reason finds the lesser work in the rings and tables themselves. */
export function exitRequest(reason: u32): void {
  const pending = load<u32>(EXIT_REQUEST);
  if (pending < reason || pending == RUN_REPLAN) store<u32>(EXIT_REQUEST, reason);
}

/** The guest wrote something that may move a deadline. Outside realtime mode the slice was cut for the old one, so it ends here, and another
 *  is planned. */
export function exitReplan(): void {
  if (clockFollowsHost()) return;
  work(WORK_REPLAN);
  if (load<u32>(EXIT_REQUEST) == 0) store<u32>(EXIT_REQUEST, RUN_REPLAN);
}
