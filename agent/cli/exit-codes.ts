// What the `pocketvisor` command's exit status means. Scripts rely on these numbers: they only ever grow.

/** The guest powered itself off; or the command did what was asked. */
export const EXIT_OK = 0;
/** A defect of pocketvisor itself. */
export const EXIT_INTERNAL = 1;
/** Unknown command, option or value. */
export const EXIT_USAGE = 2;
/** A guest image, device tree or disk that cannot be used, or a guest that could not be fetched. */
export const EXIT_IMAGE = 3;
/** The guest's kernel panicked, or it reset itself again and again. */
export const EXIT_GUEST_PANIC = 4;
/** The guest's watchdog ran out. */
export const EXIT_WATCHDOG = 5;
/** `--timeout` elapsed. */
export const EXIT_TIMEOUT = 6;
/** The machine trapped: a defect that the guest could reach. The guest is gone, nothing else is. */
export const EXIT_MACHINE_TRAP = 7;
/** A handset's worker hung: its partitions are gone. */
export const EXIT_HUNG = 8;
/** `--translate=verify` found a difference: a defect of the translator. */
export const EXIT_DIVERGED = 9;
/** Refused: by the handset, a budget or a policy; or this computer lacks something, such as a free port or a running handset. */
export const EXIT_REFUSED = 10;
/** Left from the terminal with Ctrl-], or ended by SIGINT. */
export const EXIT_LEFT = 130;

/** For `--help`. */
export const EXIT_CODE_TEXT = `exit status:
  0    the guest powered itself off
  1    internal error
  2    bad arguments
  3    bad image, device tree or disk; or a guest that could not be fetched
  4    the guest panicked, or reset itself again and again
  5    the guest's watchdog ran out
  6    --timeout elapsed
  7    the machine trapped
  8    the worker of a handset hung
  9    --translate=verify found a difference
  10   refused by the handset, a budget, a policy or this computer
  130  left with Ctrl-]`;
