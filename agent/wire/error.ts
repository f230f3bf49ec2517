// Bytes that are not what they have to be.

import { Failure } from "../failure.ts";

/** WIRE_SHAPE: refused before decoding. WIRE_CBOR: not the one right encoding. WIRE_SCHEMA: decoded, but not what the schema says;
 *  `path` names where. */
export type WireCode = "WIRE_SHAPE" | "WIRE_CBOR" | "WIRE_SCHEMA";

export class WireError extends Failure {
  declare readonly code: WireCode;
  /** Names and indices from the message to the value, such as `policy.network.rules[3].from`; empty outside schemas. */
  readonly path: string;

  constructor(code: WireCode, message: string, path = "") {
    super(code, path === "" ? message : `${path}: ${message}`);
    this.path = path;
  }
}
