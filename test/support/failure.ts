// Assertions about expected errors.

import * as assert from "uvu/assert";
import { Failure } from "../../agent/failure.js";

/** Asserts that `body` throws a Failure with this code, and returns it. */
export function assertFails(code: string, body: () => unknown): Failure {
  try {
    body();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert.is(error.code, code, `${error.code}: ${error.message}`);
    return error;
  }
  throw new Error(`nothing failed, ${code} was expected`);
}
