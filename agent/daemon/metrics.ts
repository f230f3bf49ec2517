// The metrics page: the newest sample in Prometheus's text format, for this computer alone, and off unless it is asked for.

import type { Server } from "node:http";
import type { PartitionLimits, SampleBody } from "../agent-messages.ts";

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

export interface Metrics {
  sample: SampleBody | null;
  /** Names of partitions by id. */
  names: Map<number, string>;
  limits: Map<number, PartitionLimits>;
  linkUp: boolean;
  /** Whether the fleet's application says that it is there; null: it has said nothing on this link. */
  fleetAlive: boolean | null;
  /** Records that the queue has taken since the device was enrolled. */
  recordCount: number;
  waitingCount: number;
  sentCount: number;
  acknowledgedCount: number;
  lostCount: number;
}

type Part = NonNullable<SampleBody["partitions"]>[number];

/** One metric of a partition: its name behind "partition_", kind, meaning, and value; null: this partition has none. */
type PartitionMetric = readonly [
  name: string,
  type: "gauge" | "counter",
  help: string,
  value: (part: Part, limits: PartitionLimits | undefined) => number | null,
];

const scaled = (value: number | null | undefined, unit: number): number | null =>
  value === null || value === undefined ? null : value / unit;

/** To add a metric of a partition, add a line. */
const PARTITION_METRICS: readonly PartitionMetric[] = [
  ["running", "gauge", "Whether the partition runs.", ({ state }) => (state === "running" ? 1 : 0)],
  ["cpu_used_ratio", "gauge", "Processor time used, of one processor.", (part) => part.cpuPermille / 1000],
  [
    "cpu_limit_ratio",
    "gauge",
    "Processor time that it may use, of one processor.",
    (_, limits) => scaled(limits?.cpuPermille, 1000),
  ],
  ["memory_limit_bytes", "gauge", "Memory that it may use.", (_, limits) => scaled(limits?.memoryKib, 1 / 1024)],
  [
    "energy_limit_watts",
    "gauge",
    "Constant power that its reserve is filled with.",
    (_, limits) => scaled(limits?.energyMicrowatts, 1e6),
  ],
  ["memory_used_bytes", "gauge", "Memory used.", (part) => part.memoryKib * 1024],
  ["energy_joules_total", "counter", "Energy used.", (part) => part.energyMillijoules / 1000],
  ["throttled_seconds_total", "counter", "Time held back by a budget.", (part) => part.throttledMs / 1000],
  ["io_bytes_total", "counter", "Bytes of its disks and networks.", (part) => part.ioKib * 1024],
  ["faults_total", "counter", "Faults.", (part) => part.faultCount],
  [
    "device_seconds_total",
    "counter",
    "Time of its devices' work, which its budget pays for.",
    (part) => (part.deviceMs ?? 0) / 1000,
  ],
];

/** One family of the format; nothing where no value is known. */
function family(name: string, type: string, help: string, values: readonly (readonly [string, number])[]): string[] {
  if (values.length === 0) return [];
  return [
    `# HELP pocketvisor_${name} ${help}`,
    `# TYPE pocketvisor_${name} ${type}`,
    ...values.map(([labels, value]) => `pocketvisor_${name}${labels} ${value}`),
  ];
}

const single = (name: string, type: string, help: string, value: number): string[] =>
  family(name, type, help, [["", value]]);

/** What the agent knows without a sample. */
function agentFamilies(metrics: Metrics): string[] {
  const alive = metrics.fleetAlive;
  return [
    ...single("link_up", "gauge", "Whether the broker is connected.", metrics.linkUp ? 1 : 0),
    ...(alive === null
      ? []
      : single("fleet_alive", "gauge", "Whether the fleet says that it is there.", alive ? 1 : 0)),
    ...single("queue_records_total", "counter", "Records that the queue has taken.", metrics.recordCount),
    ...single("queue_waiting", "gauge", "Messages that wait to be sent.", metrics.waitingCount),
    ...single("messages_sent_total", "counter", "Messages that the broker has.", metrics.sentCount),
    ...single(
      "messages_acknowledged_total",
      "counter",
      "Messages that the broker has acknowledged.",
      metrics.acknowledgedCount,
    ),
    ...single("messages_lost_total", "counter", "Messages that could not be sent.", metrics.lostCount),
  ];
}

function handsetFamilies({ uptime, battery }: SampleBody): string[] {
  const lines = single("uptime_seconds", "gauge", "Since the handset was started.", uptime);
  if (battery === undefined) return lines;
  return [
    ...lines,
    ...single("battery_percent", "gauge", "Charge of the battery.", battery.percent),
    ...single("battery_volts", "gauge", "Voltage of the battery.", battery.millivolts / 1000),
    ...single("battery_amperes", "gauge", "Current of the battery.", battery.milliamperes / 1000),
    ...single("battery_celsius", "gauge", "Temperature of the battery.", battery.deciCelsius / 10),
  ];
}

/** The page. */
export function metricsText(metrics: Metrics): string {
  const lines = agentFamilies(metrics);
  const { sample, names, limits } = metrics;
  if (sample === null) return `${lines.join("\n")}\n`;
  lines.push(...handsetFamilies(sample));
  for (const [name, type, help, value] of PARTITION_METRICS) {
    const values = (sample.partitions ?? []).flatMap((part): [string, number][] => {
      const known = value(part, limits.get(part.id));
      return known === null ? [] : [[`{partition="${names.get(part.id) ?? part.id}"}`, known]];
    });
    lines.push(...family(`partition_${name}`, type, help, values));
  }
  return `${lines.join("\n")}\n`;
}

/** Serves the page on 127.0.0.1. Throws what listening throws. */
export async function serveMetrics(port: number, metrics: () => Metrics): Promise<Server> {
  const { createServer } = await import("node:http");
  const server = createServer({ maxHeaderSize: 4096, requestTimeout: 5_000 }, (request, response) => {
    // A page elsewhere that a name makes look like this computer is not answered.
    const host = (request.headers.host ?? "").replace(/:\d+$/, "");
    const known = host === "127.0.0.1" || host === "localhost";
    const found = known && request.method === "GET" && request.url === "/metrics";
    response.writeHead(found ? 200 : 404, { "content-type": TEXT, connection: "close" });
    response.end(found ? metricsText(metrics()) : "");
  });
  server.maxConnections = 4;
  await new Promise<void>((done, failed) => server.once("error", failed).listen(port, "127.0.0.1", done));
  return server;
}
