// The reference monitor's program: what QuickJS evaluates in the shell worker before the first order. Bundled into one text,
// build/gate-program.js. It gets one state-changing request as JSON, checks every field of it, and hands on what it has read, so what it does
// not know does not pass. Between two orders it keeps the limits of the policies in force, and nothing else.

import type { Limits } from "../policy/limits.ts";
import { hold } from "./hold.ts";
import { readOrder } from "./order-readers.ts";
import { orderText } from "./order-text.ts";
import { Refused } from "./readers.ts";

/** One partition's limits, as the governor sets them. */
export interface LimitMessage {
  partition: string;
  limits: Limits;
}

/** What the program finds in QuickJS and leaves there; all of it takes JSON text. */
interface World {
  /** The host's: takes an order that has passed. */
  issue: (order: string) => string;
  /** Issues an order; null, or why not. */
  order: (text: string) => string | null;
  /** Holds orders to a LimitMessage from now on. */
  limit: (text: string) => void;
}
const world = globalThis as unknown as World;
const { issue } = world;

const inForce = new Map<string, Limits>();

world.limit = (text) => {
  const { partition, limits } = JSON.parse(text) as LimitMessage;
  inForce.set(partition, limits);
};

world.order = (text) => {
  try {
    const order = readOrder(JSON.parse(text));
    hold(order, inForce);
    issue(orderText(order));
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
};
