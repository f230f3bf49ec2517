// The answer block: what the hypervisor says of a request that it refused.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import { DONE } from "../../../kernel/abi/reasons.ts";
import type { Refusal } from "../../shell/orders.ts";
import { refusalText } from "../between/reason-text.ts";
import type { HypervisorMemory } from "./memory.ts";

/** What a request came to: null when it is done, otherwise why not. To be asked before the next request. */
export function outcomeOf(memory: HypervisorMemory, reason: number): Refusal | null {
  return reason === DONE ? null : refusalOf(memory, reason);
}

/** The refusal for `reason`, with the numbers of the answer block. */
export function refusalOf(memory: HypervisorMemory, reason: number): Refusal {
  const numbers = {
    reason,
    wanted: memory.exact(abi.ANSWER_WANTED),
    committed: memory.exact(abi.ANSWER_COMMITTED),
    limit: memory.exact(abi.ANSWER_LIMIT),
  };
  return { ...numbers, text: refusalText(numbers) };
}
