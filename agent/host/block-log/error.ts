// What can be wrong with a block log.

import { Failure } from "../../failure.ts";

/** LOG_DAMAGED: what the keys vouch for is not there, or is not what was written. LOG_UNIT: one block cannot be read, the others can. LOG_KEY: the
 *  key is another one, or this is no block log. LOG_SNAPSHOT: a snapshot's name. */
export class LogError extends Failure {}
