// What an order may consist of: a reader for each operation that the gate judges, and for each field of it. The types are those of orders.ts, so
// an operation or a field that nobody reads here does not compile.

import type {
  ChannelContract,
  CpuContract,
  DiskFile,
  EnergyContract,
  IoContract,
  RateLimit,
  RestartPolicy,
} from "../handset/contracts.ts";
import type { ChannelEnd, JudgedOp, JudgedOrder, JudgedRequest, PartitionSpec } from "./orders.ts";
import { decimal64, fail, flag, oneOf, optional, orNull, record, textOf, upTo, type Reader } from "./readers.ts";

/** A day. */
const MICROSECONDS_MAX = 86_400e6;
const MILLISECONDS_MAX = 86_400e3;
const PATH_MAX = 4096;

const name = textOf(/^[a-z0-9-]{1,32}$/, "1 to 32 of the characters a-z, 0-9 and -");
/** Beside a partition's number: the handset worker refuses an order whose two do not belong together. */
const called = optional(name);
const partition = upTo(0xffff);
const image = textOf(/^([0-9a-f]{64})?$/, "SHA-256 in hexadecimal");
const picojoules = decimal64("picojoules");

const path: Reader<string> = (what, value) =>
  typeof value === "string" && value.length > 0 && value.length <= PATH_MAX && !value.includes("\0")
    ? value
    : fail(what, "a path", value);

const cpu = record<CpuContract>({
  class: oneOf(["guaranteed", "best-effort"]),
  budget: upTo(MICROSECONDS_MAX),
  period: upTo(MICROSECONDS_MAX),
  ceiling: orNull(upTo(MICROSECONDS_MAX)),
  weight: upTo(10_000),
});
const energy = orNull(record<EnergyContract>({ capacity: picojoules, rate: upTo(1e9), share: upTo(1e6) }));
const rateLimit = orNull(record<RateLimit>({ rate: upTo(1e12), burst: upTo(1e12) }));
const io = record<IoContract>({ blockOperations: rateLimit, blockBytes: rateLimit, consoleBytes: rateLimit });
const restart = record<RestartPolicy>({
  onFailure: oneOf(["ignore", "log", "restart", "pause", "stop"]),
  max: upTo(1000),
  backoffFirstMs: upTo(MILLISECONDS_MAX),
  backoffMaxMs: upTo(MILLISECONDS_MAX),
  noProgressMs: upTo(MILLISECONDS_MAX),
});
const layer = record<NonNullable<DiskFile["layer"]>>({ path, key: path });
const log = record<NonNullable<DiskFile["log"]>>({ key: path, unitCount: upTo(2 ** 30) });
const disk = orNull(
  record<DiskFile>({ path, readOnly: flag, shared: optional(flag), layer: optional(layer), log: optional(log) }),
);
const spec = record<PartitionSpec>({
  name,
  image,
  memoryBytes: upTo(2 ** 40),
  translateCodeBytes: upTo(2 ** 32),
  ...{ cpu, energy, io, restart, disk },
});
const end = record<ChannelEnd>({ partition, name: called, port: upTo(0xffff) });
const contract = record<ChannelContract>({ capacity: upTo(2 ** 32), bytes: rateLimit, messages: rateLimit });

/** What most orders say. */
const onPartition = { partition, name: called };
/** What is loaded again is said again. */
const onImage = { ...onPartition, image: optional(image) };

const READERS = {
  define: record<JudgedOrder<"define">>({ op: oneOf(["define"]), spec }),
  admit: record<JudgedOrder<"admit">>({ op: oneOf(["admit"]), ...onPartition }),
  start: record<JudgedOrder<"start">>({ op: oneOf(["start"]), ...onImage }),
  restart: record<JudgedOrder<"restart">>({ op: oneOf(["restart"]), ...onImage }),
  pause: record<JudgedOrder<"pause">>({ op: oneOf(["pause"]), ...onPartition }),
  resume: record<JudgedOrder<"resume">>({ op: oneOf(["resume"]), ...onPartition }),
  press: record<JudgedOrder<"press">>({ op: oneOf(["press"]), ...onPartition }),
  stop: record<JudgedOrder<"stop">>({ op: oneOf(["stop"]), ...onPartition }),
  remove: record<JudgedOrder<"remove">>({ op: oneOf(["remove"]), ...onPartition }),
  lock: record<JudgedOrder<"lock">>({ op: oneOf(["lock"]), ...onPartition }),
  unlock: record<JudgedOrder<"unlock">>({ op: oneOf(["unlock"]), ...onPartition }),
  budget: record<JudgedOrder<"budget">>({ op: oneOf(["budget"]), ...onPartition, cpu, energy, io }),
  translation: record<JudgedOrder<"translation">>({
    ...{ op: oneOf(["translation"]), ...onPartition },
    codeBytes: upTo(2 ** 32),
  }),
  debug: record<JudgedOrder<"debug">>({ op: oneOf(["debug"]), ...onPartition, on: flag }),
  profile: record<JudgedOrder<"profile">>({ op: oneOf(["profile"]), ...onPartition, on: flag }),
  channel: record<JudgedOrder<"channel">>({ op: oneOf(["channel"]), from: end, to: end, contract }),
  revoke: record<JudgedOrder<"revoke">>({ op: oneOf(["revoke"]), channel: upTo(0xffff_ffff) }),
  fill: record<JudgedOrder<"fill">>({ op: oneOf(["fill"]), partition, picojoules }),
} satisfies { [Op in JudgedOp]: Reader<JudgedOrder<Op>> };

const operation = oneOf(Object.keys(READERS) as JudgedOp[]);

/** An order, field by field; what is not named here does not pass. Throws Refused. */
export function readOrder(asked: unknown): JudgedRequest {
  const op = operation("op", typeof asked === "object" && asked !== null && "op" in asked ? asked.op : asked);
  return READERS[op](op, asked);
}
