// Errors that a person can act on: what went wrong, why, and what to do next.

/** The base of every expected error. Anything else that reaches the top is a defect of pocketvisor. */
export abstract class Failure extends Error {
  /** A stable word for programs, such as IMAGE_TRUNCATED. */
  readonly code: string;
  /** What to do next, as one sentence; may be empty. */
  readonly hint: string;

  constructor(code: string, message: string, hint = "") {
    super(message);
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

/** The command line or a value in it is wrong. */
export class UsageError extends Failure {}

/** A kernel, initramfs, device tree, firmware or disk file cannot be used. */
export class ImageError extends Failure {}

/** A guest could not be fetched, or its cached copy is damaged. */
export class GuestError extends Failure {}

/** The host side of a partition failed: a worker ended, or the machine refused its configuration. */
export class HostError extends Failure {}
