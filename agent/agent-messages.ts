// What passes between the monitor and the agent, which is a process of its own (node:child_process, IPC channel, "advanced"
// serialization). The agent carries what the fleet sends down to the monitor, unopened as far as the monitor is concerned, and what the
// monitor says up to the fleet. Nothing that the agent sends is believed but what a signature in it says.

import type { Via } from "./wire/accept.ts";
import type { Ack } from "./wire/commands.ts";
import type { EventMessage, Info, Reported, Sample } from "./wire/reports.ts";
import type { LogChunk } from "./wire/streams.ts";

/** What the agent may show of a partition: nothing of a personal one but that it is there, unless its owner consents. */
export type SampleBody = Omit<Sample, "sequence" | "gap">;

/** How often, and how much: the strictest telemetry section of the policies in force, or the standard. */
export interface TelemetrySettings {
  sampleSeconds: number;
  sendSeconds: number;
  bytesPerDay: number;
}

export const TELEMETRY_STANDARD: TelemetrySettings = { sampleSeconds: 60, sendSeconds: 900, bytesPerDay: 1 << 20 };

/** What a partition may use; null: as much as there is. */
export interface PartitionLimits {
  id: number;
  /** Of one processor. */
  cpuPermille: number | null;
  /** What is charged to it, all of it from its start on. */
  memoryKib: number;
  energyMicrowatts: number | null;
}

/** Audit records as the hypervisor made them; the agent signs the batch with the device's key. */
export interface AuditRecords {
  first: number;
  /** The chain's value before the first record. */
  chain: Uint8Array;
  records: Uint8Array[];
  lostCount: number;
}

/** The exit status of an agent whose enrolment or key cannot be used: starting it again does not help. */
export const AGENT_UNUSABLE = 2;

/** What the agent's Node is started with: it holds little, and a phone has better use for the memory. Measured: scripts/bench/agent.ts. */
export const AGENT_NODE_OPTIONS = [
  "--max-old-space-size=32",
  "--max-semi-space-size=1",
  "--optimize-for-size",
  "--single-threaded",
];

export type MonitorMessage =
  /** First of all, and again when a fact changes. `trust` is what the monitor trusts (wire/trust), so that the agent refuses what the
   *  monitor would refuse; the monitor does not depend on it. */
  | { kind: "hello"; facts: Info; trust: Uint8Array; groups: string[]; settings: TelemetrySettings }
  | { kind: "trust"; trust: Uint8Array; groups: string[]; settings: TelemetrySettings }
  | { kind: "sample"; sample: SampleBody }
  /** What the partitions of the next samples may use, for the metrics page. */
  | { kind: "limits"; limits: PartitionLimits[] }
  | { kind: "event"; event: Omit<EventMessage, "sequence"> }
  /** What is applied of one partition's policy: published retained, newest first after a reconnect. */
  | { kind: "reported"; partition: string; reported: Reported }
  | { kind: "ack"; ack: Ack }
  | { kind: "audit"; audit: AuditRecords }
  | { kind: "log"; stream: string; chunk: LogChunk }
  | { kind: "console"; partition: string; chunk: LogChunk }
  /** Session time now, in seconds since 1970; null: nobody has said. */
  | { kind: "time"; session: number | null }
  /** The question that the next birth asks; null: it asks none any more. */
  | { kind: "nonce"; nonce: Uint8Array | null }
  /** A command asked for it: publish the birth again. */
  | { kind: "rebirth" }
  /** The device leaves the fleet: publish what waits, then end; nothing is started again. */
  | { kind: "retire" }
  | { kind: "quit" };

export type AgentMessage =
  /** The agent has its key (raw, public) and its queue, and wants hello. */
  | { kind: "ready"; device: Uint8Array }
  /** An envelope that came down, which the agent has checked and found good; the monitor checks it again. */
  | { kind: "document"; via: Via; bytes: Uint8Array }
  /** Audit records before this number lie in the queue: they need not be said again. */
  | { kind: "audited"; next: number }
  /** A broker has let the device in: the birth wants a nonce. */
  | { kind: "opened" }
  /** The link, for people: up() says to which broker. */
  | { kind: "link"; up: boolean; broker: string; why: string }
  /** What waits and what was lost, for people; once a second at most. */
  | { kind: "queue"; waiting: number; sent: number; lost: number; trouble: string };
