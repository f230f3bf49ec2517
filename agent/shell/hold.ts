// An order against the policies in force. Whoever orders, a person, a rule or the fleet, what goes beyond a policy's limits is refused. A policy
// governs a partition by its name: once any policy is in force, an order that one could speak of must name its partition.

import { beyond, excess, type Limits } from "../policy/limits.ts";
import type { JudgedOrder, JudgedRequest } from "./orders.ts";
import { Refused } from "./readers.ts";

/** By partition: what its policy allows. */
export type LimitsInForce = ReadonlyMap<string, Limits>;

/** Throws Refused for an order that goes beyond what a policy allows. */
export function hold(order: JudgedRequest, inForce: LimitsInForce): void {
  if (inForce.size === 0) return;
  switch (order.op) {
    case "define":
      return holdSpec(order.spec, inForce.get(order.spec.name));
    case "start":
    case "restart":
      return holdImage(order.image, governing(order.name, inForce));
    case "budget":
      return holdContracts(order, governing(order.name, inForce));
    case "translation":
      return holdTranslated(order.codeBytes, governing(order.name, inForce));
    case "debug":
    case "profile":
      return order.on ? holdDebug(governing(order.name, inForce)) : undefined;
    case "channel":
      for (const { name } of [order.from, order.to]) {
        if (name === undefined) throw new Refused("a policy is in force: the order must name both partitions");
        holdChannel(order, inForce.get(name));
      }
      return;
    // These take rights away, or give back what a start or a contract has been allowed before.
    case "admit":
    case "pause":
    case "press":
    case "resume":
    case "stop":
    case "remove":
    case "lock":
    case "unlock":
    case "revoke":
    case "fill":
      return;
    default:
      throw new Refused(`no policy knows the operation of ${JSON.stringify(order satisfies never)}`);
  }
}

/** The limits of the partition that an order names; undefined when no policy governs it. */
function governing(name: string | undefined, inForce: LimitsInForce): Limits | undefined {
  if (name === undefined) throw new Refused("a policy is in force: the order must name its partition");
  return inForce.get(name);
}

function holdSpec(spec: JudgedOrder<"define">["spec"], limits: Limits | undefined): void {
  if (limits === undefined) return;
  const { memoryBytesMax } = limits;
  if (memoryBytesMax !== null && spec.memoryBytes > memoryBytesMax)
    refuse(limits, `${memoryBytesMax} bytes of memory at most, not ${spec.memoryBytes}`);
  holdImage(spec.image, limits);
  holdTranslated(spec.translateCodeBytes, limits);
  holdContracts(spec, limits);
}

function holdImage(image: string | undefined, limits: Limits | undefined): void {
  if (limits === undefined || limits.images === null) return;
  if (image === undefined || !limits.images.includes(image)) refuse(limits, "other images than this one");
}

function holdTranslated(bytes: number, limits: Limits | undefined): void {
  if (limits === undefined || limits.translatedBytesMax === null || bytes <= limits.translatedBytesMax) return;
  refuse(limits, `${limits.translatedBytesMax} bytes of translated code at most, not ${bytes}`);
}

function holdContracts(asked: Parameters<typeof excess>[0], limits: Limits | undefined): void {
  const more = limits === undefined ? null : excess(asked, limits);
  if (more !== null) throw new Refused(more);
}

function holdDebug(limits: Limits | undefined): void {
  if (limits !== undefined && !limits.debug) refuse(limits, "no debugger and no profile");
}

function holdChannel({ from, to, contract }: JudgedOrder<"channel">, limits: Limits | undefined): void {
  if (limits === undefined || limits.channels === null) return;
  const allowed = limits.channels.find((each) => each.from === from.name && each.to === to.name);
  if (allowed === undefined) return refuse(limits, `no channel from ${from.name} to ${to.name}`);
  if (contract.bytes === null || contract.bytes.rate > allowed.bytesPerSecond)
    refuse(limits, `${allowed.bytesPerSecond} bytes a second from ${from.name} to ${to.name} at most`);
}

function refuse(limits: Limits, what: string): never {
  throw new Refused(beyond(limits, what));
}
