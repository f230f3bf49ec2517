// The hypervisor's reasons in words that a person can act on.

import * as reasons from "../../../kernel/abi/reasons.ts";

const TEXTS: Record<number, string> = {
  [reasons.DONE]: "",
  [reasons.REFUSE_ABI_MISMATCH]: "hypervisor and agent were built from different versions: run npm run build",
  [reasons.REFUSE_BAD_BOARD]: "the board's numbers make no sense",
  [reasons.REFUSE_UNKNOWN]: "there is no such partition",
  [reasons.REFUSE_STATE]: "the partition's state does not allow it",
  [reasons.ADMIT_TOO_MANY]: "there are too many partitions",
  [reasons.ADMIT_BAD_CLASS]: "unknown scheduling class",
  [reasons.ADMIT_BAD_PERIOD]: "the CPU period must be 1 ms to 10 s",
  [reasons.ADMIT_BAD_BUDGET]: "the CPU budget must be at least 100 µs and no longer than its period",
  [reasons.ADMIT_BAD_CEILING]: "the CPU ceiling must be 0, or between the budget and the period",
  [reasons.ADMIT_BAD_WEIGHT]: "the CPU weight is out of range",
  [reasons.ADMIT_BAD_ENERGY]: "the energy contract is out of range, or has no capacity",
  [reasons.ADMIT_BAD_ACTIONS]: "unknown health action",
  [reasons.ADMIT_MEMORY]: "the board has not that much memory left",
  [reasons.ADMIT_CPU]: "guaranteed CPU shares would exceed the limit",
  [reasons.ADMIT_ENERGY_RATE]: "energy rates would exceed the board's envelope",
  [reasons.ADMIT_ENERGY_SHARE]: "shares of the battery would exceed the whole",
  [reasons.ADMIT_MEMORY_LIVE]:
    "guest memory changes at the next start only: stop the partition, change it, start it again",
  [reasons.LIMIT_RATE]: "the rate limit is reached",
  [reasons.LIMIT_ENERGY]: "the energy reserve is empty",
  [reasons.LIMIT_CAPACITY]: "it costs more than the energy reserve can hold",
  [reasons.CHANNEL_NONE]: "no channel leads there, or it was revoked",
  [reasons.CHANNEL_BAD_PORT]: "a port is 0 to 31, of a partition that there is",
  [reasons.CHANNEL_PORT_TAKEN]: "the port has a channel in this direction already",
  [reasons.CHANNEL_TOO_MANY]: "there are too many channels",
  [reasons.STOP_COMMAND]: "stopped by command",
  [reasons.STOP_POWER_OFF]: "powered itself off",
  [reasons.STOP_POLICY]: "stopped by policy",
  [reasons.LOSS_DISK]: "its disk's file could not be read or written: it was told of an I/O error",
  [reasons.LOSS_AUDIT]: "audit records were lost",
  [reasons.LOSS_SHELL]: "the shell worker ended and was replaced",
  [reasons.LOSS_IO_WORKER]: "the worker of its disk ended: every request is an I/O error from now on",
  [reasons.LOSS_NETWORK]: "the worker of the guests' network ended: links are down from now on",
  [reasons.FAIL_TRAP]: "the machine trapped",
  [reasons.FAIL_WATCHDOG]: "its watchdog ran out",
  [reasons.FAIL_NO_PROGRESS]: "it made no progress",
  [reasons.FAIL_PANIC]: "its kernel panicked",
  [reasons.FAIL_RESET_LOOP]: "it reset itself again and again",
  [reasons.FAIL_START]: "it could not be started",
  [reasons.FAIL_HANG]: "the machine did not come back",
  [reasons.FAIL_HOST]: "the host failed it",
  [reasons.FAIL_DISK]: "a request to its disk did not come back",
  [reasons.ACCESS_CONSOLE]: "somebody attached to its console",
  [reasons.ACCESS_LOG]: "somebody read its log",
  [reasons.ACCESS_DEBUG]: "somebody attached a debugger",
  [reasons.ACCESS_PROFILE]: "somebody took a profile",
  [reasons.ACCESS_REGISTERS]: "somebody read the registers of its failure",
};

/** A reason in words. */
export function reasonText(reason: number): string {
  return TEXTS[reason] ?? `reason ${reason}`;
}

const STATES: Record<number, string> = {
  [reasons.STATE_DEFINED]: "defined",
  [reasons.STATE_ADMITTED]: "admitted",
  [reasons.STATE_RUNNING]: "running",
  [reasons.STATE_PAUSED]: "paused",
  [reasons.STATE_STOPPED]: "stopped",
  [reasons.STATE_FAILED]: "failed",
  [reasons.STATE_LOCKED]: "locked",
  [reasons.STATE_NONE]: "removed",
};

/** A partition's state in a word. */
export function stateName(state: number): string {
  return STATES[state] ?? "unknown";
}

const ACTIONS: Record<number, string> = {
  [reasons.ACTION_IGNORE]: "ignored",
  [reasons.ACTION_LOG]: "noted",
  [reasons.ACTION_RESTART]: "it is restarted",
  [reasons.ACTION_PAUSE]: "it is paused",
  [reasons.ACTION_STOP]: "it is stopped",
};

/** What is done about a failure, in words. */
export function actionText(action: number): string {
  return ACTIONS[action] ?? `action ${action}`;
}

const MEBIBYTE = 1024 * 1024;

/** What a refusal's numbers count, by its reason. */
const UNITS: Record<number, (value: number) => string> = {
  [reasons.ADMIT_MEMORY]: (bytes) => `${bytes} bytes (${(bytes / MEBIBYTE).toFixed(1)} MiB)`,
  [reasons.ADMIT_CPU]: (ppb) => `${(ppb / 1e7).toFixed(2)} %`,
  [reasons.ADMIT_ENERGY_RATE]: (microwatts) => `${(microwatts / 1e3).toFixed(3)} mW`,
  [reasons.ADMIT_ENERGY_SHARE]: (ppm) => `${(ppm / 1e4).toFixed(2)} %`,
};

/** A refusal in words, with the numbers that led to it. */
export function refusalText(refusal: { reason: number; wanted: bigint; committed: bigint; limit: bigint }): string {
  const { reason } = refusal;
  const unit = UNITS[reason];
  if (unit === undefined) return reasonText(reason);
  const [wanted, committed, limit] = [Number(refusal.wanted), Number(refusal.committed), Number(refusal.limit)];
  return `${reasonText(reason)}: asked ${unit(wanted)}, held by others ${unit(committed)}, limit ${unit(limit)}`;
}

/** The same of a record that kept what was asked alone. */
export function askedText(reason: number, wanted: bigint): string {
  const unit = UNITS[reason];
  return unit === undefined ? reasonText(reason) : `${reasonText(reason)}: asked ${unit(Number(wanted))}`;
}
