// What an operator can act on.

import { Failure } from "../agent/failure.ts";

/** The fleet's keys, files, broker or a device are not as they have to be. */
export class FleetError extends Failure {}
