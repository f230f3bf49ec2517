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

/** The page. */
export function metricsText(metrics: Metrics): string {
  const lines: string[] = [];
  const add = (
    name: string,
    type: "gauge" | "counter",
    help: string,
    values: [labels: string, value: number][],
  ): void => {
    if (values.length === 0) return;
    lines.push(`# HELP pocketvisor_${name} ${help}`, `# TYPE pocketvisor_${name} ${type}`);
    for (const [labels, value] of values) lines.push(`pocketvisor_${name}${labels} ${value}`);
  };
  const { sample, names, limits } = metrics;
  add("link_up", "gauge", "Whether the broker is connected.", [["", metrics.linkUp ? 1 : 0]]);
  if (metrics.fleetAlive !== null) {
    add("fleet_alive", "gauge", "Whether the fleet says that it is there.", [["", metrics.fleetAlive ? 1 : 0]]);
  }
  add("queue_records_total", "counter", "Records that the queue has taken.", [["", metrics.recordCount]]);
  add("queue_waiting", "gauge", "Messages that wait to be sent.", [["", metrics.waitingCount]]);
  add("messages_sent_total", "counter", "Messages that the broker has.", [["", metrics.sentCount]]);
  add("messages_acknowledged_total", "counter", "Messages that the broker has acknowledged.", [
    ["", metrics.acknowledgedCount],
  ]);
  add("messages_lost_total", "counter", "Messages that could not be sent.", [["", metrics.lostCount]]);
  if (sample === null) return `${lines.join("\n")}\n`;
  add("uptime_seconds", "gauge", "Since the handset was started.", [["", sample.uptime]]);
  if (sample.battery !== undefined) {
    const { percent, millivolts, milliamperes, deciCelsius } = sample.battery;
    add("battery_percent", "gauge", "Charge of the battery.", [["", percent]]);
    add("battery_volts", "gauge", "Voltage of the battery.", [["", millivolts / 1000]]);
    add("battery_amperes", "gauge", "Current of the battery.", [["", milliamperes / 1000]]);
    add("battery_celsius", "gauge", "Temperature of the battery.", [["", deciCelsius / 10]]);
  }
  const partitions = sample.partitions ?? [];
  type Part = (typeof partitions)[number];
  const each = (value: (partition: Part) => number): [string, number][] =>
    partitions.map((part) => [`{partition="${names.get(part.id) ?? part.id}"}`, value(part)]);
  /** Of the partitions that have such a limit. */
  const limited = (value: (limit: PartitionLimits) => number | null): [string, number][] =>
    partitions.flatMap((part): [string, number][] => {
      const limit = limits.get(part.id);
      const most = limit === undefined ? null : value(limit);
      return most === null ? [] : [[`{partition="${names.get(part.id) ?? part.id}"}`, most]];
    });
  add(
    "partition_running",
    "gauge",
    "Whether the partition runs.",
    each(({ state }) => (state === "running" ? 1 : 0)),
  );
  add(
    "partition_cpu_used_ratio",
    "gauge",
    "Processor time used, of one processor.",
    each((p) => p.cpuPermille / 1000),
  );
  add(
    "partition_cpu_limit_ratio",
    "gauge",
    "Processor time that it may use, of one processor.",
    limited(({ cpuPermille }) => (cpuPermille === null ? null : cpuPermille / 1000)),
  );
  add(
    "partition_memory_limit_bytes",
    "gauge",
    "Memory that it may use.",
    limited(({ memoryKib }) => memoryKib * 1024),
  );
  add(
    "partition_energy_limit_watts",
    "gauge",
    "Constant power that its reserve is filled with.",
    limited(({ energyMicrowatts }) => (energyMicrowatts === null ? null : energyMicrowatts / 1e6)),
  );
  add(
    "partition_memory_used_bytes",
    "gauge",
    "Memory used.",
    each((p) => p.memoryKib * 1024),
  );
  add(
    "partition_energy_joules_total",
    "counter",
    "Energy used.",
    each((p) => p.energyMillijoules / 1000),
  );
  add(
    "partition_throttled_seconds_total",
    "counter",
    "Time held back by a budget.",
    each((p) => p.throttledMs / 1000),
  );
  add(
    "partition_io_bytes_total",
    "counter",
    "Bytes of its disks and networks.",
    each((p) => p.ioKib * 1024),
  );
  add(
    "partition_faults_total",
    "counter",
    "Faults.",
    each((p) => p.faultCount),
  );
  add(
    "partition_device_seconds_total",
    "counter",
    "Time of its devices' work, which its budget pays for.",
    each((p) => (p.deviceMs ?? 0) / 1000),
  );
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
