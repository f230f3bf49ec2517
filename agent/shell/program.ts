// The reference monitor's program: what QuickJS evaluates in the shell worker before the first order. `order` gets one
// state-changing request as JSON, checks every field of it, and hands the request on by `issue`, field by field: what is not named
// here does not pass. It returns null, or why it refuses. Between two orders it keeps the limits of the policies in force, and nothing else:
// whoever orders, a person, a rule or the fleet, an order that goes beyond a policy's limits is refused.

export const SHELL_PROGRAM = `"use strict";
const NAME = /^[a-z0-9-]{1,32}$/;
const CLASSES = ["guaranteed", "best-effort"];
const ACTIONS = ["ignore", "log", "restart", "pause", "stop"];
const MICROSECONDS_MAX = 86400e6;
const ON_PARTITION = ["admit", "start", "pause", "resume", "press", "stop", "restart", "remove", "lock", "unlock"];

class Refused extends Error {}

function fail(what, wanted, value) {
  const text = String(JSON.stringify(value));
  throw new Refused(what + " must be " + wanted + ", not " + (text.length > 60 ? text.slice(0, 60) + "…" : text));
}

function whole(what, value, most) {
  if (!Number.isInteger(value) || value < 0 || value > most) fail(what, "a whole number from 0 to " + most, value);
  return value;
}

function choice(what, value, choices) {
  if (!choices.includes(value)) fail(what, "one of " + choices.join(", "), value);
  return value;
}

/** An object with exactly these fields, each read by its own function. */
function record(what, value, fields) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) fail(what, "an object", value);
  for (const key of Object.keys(value)) if (!Object.hasOwn(fields, key)) throw new Refused(what + " has no field " + JSON.stringify(key.slice(0, 60)));
  const result = {};
  for (const key of Object.keys(fields)) result[key] = fields[key](what + "." + key, value[key]);
  return result;
}

const upTo = (most) => (what, value) => whole(what, value, most);
const oneOf = (choices) => (what, value) => choice(what, value, choices);
const orNull = (read) => (what, value) => (value === null ? null : read(what, value));
const recordOf = (fields) => (what, value) => record(what, value, fields);

function name(what, value) {
  if (typeof value !== "string" || !NAME.test(value)) fail(what, "1 to 32 of the characters a-z, 0-9 and -", value);
  return value;
}

function path(what, value) {
  if (typeof value !== "string" || value.length === 0 || value.length > 4096 || value.includes("\\0")) fail(what, "a path", value);
  return value;
}

function flag(what, value) {
  if (typeof value !== "boolean") fail(what, "true or false", value);
  return value;
}

/** 64-bit numbers come as decimal text. */
function picojoules(what, value) {
  if (typeof value !== "string" || !/^[0-9]{1,20}$/.test(value) || BigInt(value) >= 1n << 64n) fail(what, "picojoules", value);
  return value;
}

const partition = upTo(0xffff);
const cpu = recordOf({
  class: oneOf(CLASSES),
  budget: upTo(MICROSECONDS_MAX),
  period: upTo(MICROSECONDS_MAX),
  ceiling: orNull(upTo(MICROSECONDS_MAX)),
  weight: upTo(10000),
});
const energy = orNull(recordOf({ capacity: picojoules, rate: upTo(1e9), share: upTo(1e6) }));
const rateLimit = orNull(recordOf({ rate: upTo(1e12), burst: upTo(1e12) }));
const io = recordOf({ blockOperations: rateLimit, blockBytes: rateLimit, consoleBytes: rateLimit });
const restart = recordOf({
  onFailure: oneOf(ACTIONS),
  max: upTo(1000),
  backoffFirstMs: upTo(86400e3),
  backoffMaxMs: upTo(86400e3),
  noProgressMs: upTo(86400e3),
});
const layer = recordOf({ path, key: path });
const image = (what, value) => (/^([0-9a-f]{64})?$/.test(value) ? value : fail(what, "SHA-256 in hexadecimal", value));
const spec = recordOf({
  name,
  image,
  memoryBytes: upTo(2 ** 40),
  translateCodeBytes: upTo(2 ** 32),
  cpu,
  energy,
  io,
  restart,
  disk: orNull(recordOf({ path, readOnly: flag, shared: (what, value) => (value === undefined ? undefined : flag(what, value)), layer: (what, value) => (value === undefined ? undefined : layer(what, value)) })),
});

/** A partition's name beside its number: the handset worker refuses an order whose two do not belong together. */
const called = (what, value) => (value === undefined ? undefined : name(what, value));

const end = recordOf({ partition, name: called, port: upTo(0xffff) });
const channel = recordOf({ capacity: upTo(2 ** 32), bytes: rateLimit, messages: rateLimit });

const ORDERS = {
  define: { op: oneOf(["define"]), spec },
  budget: { op: oneOf(["budget"]), partition, name: called, cpu, energy, io },
  channel: { op: oneOf(["channel"]), from: end, to: end, contract: channel },
  translation: { op: oneOf(["translation"]), partition, name: called, codeBytes: upTo(2 ** 32) },
  debug: { op: oneOf(["debug"]), partition, name: called, on: flag },
  profile: { op: oneOf(["profile"]), partition, name: called, on: flag },
  fill: { op: oneOf(["fill"]), partition, picojoules },
  revoke: { op: oneOf(["revoke"]), channel: upTo(0xffffffff) },
};
for (const op of ON_PARTITION) ORDERS[op] = { op: oneOf([op]), partition, name: called };
/** What is loaded again is said again. */
const loaded = (what, value) => (value === undefined ? undefined : image(what, value));
for (const op of ["start", "restart"]) ORDERS[op].image = loaded;

/** By partition: what its policy allows; see agent/policy/limits. */
const LIMITS = new Map();

globalThis.limit = function (text) {
  const { partition, limits } = JSON.parse(text);
  LIMITS.set(partition, limits);
};

/** Throws Refused for an order that goes beyond what a policy allows. */
function hold(order) {
  if (LIMITS.size === 0) return;
  switch (order.op) {
    case "define": {
      const limits = LIMITS.get(order.spec.name);
      if (limits === undefined) return;
      const { memoryBytesMax } = limits;
      if (memoryBytesMax !== null && order.spec.memoryBytes > memoryBytesMax)
        beyond(limits, memoryBytesMax + " bytes of memory at most, not " + order.spec.memoryBytes);
      holdImage(order.spec.image, limits);
      holdTranslated(order.spec.translateCodeBytes, limits);
      return holdContracts(order.spec, limits);
    }
    case "start":
    case "restart": {
      if (order.name === undefined) throw new Refused("a policy is in force: the order must name its partition");
      const limits = LIMITS.get(order.name);
      return limits === undefined ? undefined : holdImage(order.image, limits);
    }
    case "budget": {
      if (order.name === undefined) throw new Refused("a policy is in force: the order must name its partition");
      const limits = LIMITS.get(order.name);
      return limits === undefined ? undefined : holdContracts(order, limits);
    }
    case "translation": {
      if (order.name === undefined) throw new Refused("a policy is in force: the order must name its partition");
      const limits = LIMITS.get(order.name);
      return limits === undefined ? undefined : holdTranslated(order.codeBytes, limits);
    }
    case "debug":
    case "profile": {
      if (!order.on) return;
      if (order.name === undefined) throw new Refused("a policy is in force: the order must name its partition");
      const limits = LIMITS.get(order.name);
      if (limits !== undefined && limits.debug !== true) beyond(limits, "no debugger and no profile");
      return;
    }
    case "channel":
      for (const { name } of [order.from, order.to]) {
        if (name === undefined) throw new Refused("a policy is in force: the order must name both partitions");
        const limits = LIMITS.get(name);
        if (limits !== undefined && limits.channels !== null) holdChannel(order, limits);
      }
  }
}

function holdImage(image, limits) {
  const { images } = limits;
  if (images !== null && !images.includes(image)) beyond(limits, "other images than this one");
}

function holdTranslated(bytes, limits) {
  const { translatedBytesMax } = limits;
  if (translatedBytesMax !== null && bytes > translatedBytesMax)
    beyond(limits, translatedBytesMax + " bytes of translated code at most, not " + bytes);
}

function holdContracts({ cpu, energy }, limits) {
  const { cpuPermille, weight, energyMicrowatts } = limits;
  if (cpuPermille !== null) {
    const most = Math.floor((cpu.period * cpuPermille) / 1000);
    if (cpu.ceiling === null || cpu.ceiling > most || cpu.budget > most)
      beyond(limits, cpuPermille / 10 + " % of a processor at most");
  }
  if (weight !== null && cpu.weight > weight) beyond(limits, "a weight of " + weight + " at most");
  if (energyMicrowatts === null) return;
  if (energy === null || energy.share > 0 || energy.rate > energyMicrowatts)
    beyond(limits, energyMicrowatts / 1000 + " mW at most");
  if (BigInt(energy.capacity) > BigInt(energyMicrowatts) * 60000000n) beyond(limits, "a reserve of a minute at most");
}

function holdChannel({ from, to, contract }, limits) {
  const allowed = limits.channels.find((each) => each.from === from.name && each.to === to.name);
  if (allowed === undefined) beyond(limits, "no channel from " + from.name + " to " + to.name);
  if (contract.bytes === null || contract.bytes.rate > allowed.bytesPerSecond)
    beyond(limits, allowed.bytesPerSecond + " bytes a second from " + from.name + " to " + to.name + " at most");
}

function beyond({ epoch, version }, what) {
  throw new Refused("policy " + epoch + "." + version + " allows " + what);
}

globalThis.order = function (text) {
  try {
    const asked = JSON.parse(text);
    const op = choice("op", asked === null ? null : asked.op, Object.keys(ORDERS));
    const checked = record(op, asked, ORDERS[op]);
    hold(checked);
    issue(JSON.stringify(checked));
    return null;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
};
`;
