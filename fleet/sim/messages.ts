// What passes between `fleet sim` and the processes that hold its devices.

/** A device's folder is an agent's folder: its key, its enrolment, its queue. */
export interface SimulatedDevice {
  folder: string;
  /** What people call it. */
  label: string;
}

export interface HerdSettings {
  /** Seconds between two samples of a device. */
  intervalSeconds: number;
  /** So many devices start in a second. */
  perSecond: number;
  /** What every device pins (agent/wire/trust). */
  pin: Uint8Array;
}

/** Of all devices of a process, now. */
export interface HerdCounts {
  connected: number;
  /** Links that were lost. */
  lostLinks: number;
  /** Tries that failed before there was a link. */
  failedTries: number;
  /** Records that the queues took; that the broker acknowledged; that wait. */
  records: number;
  acknowledged: number;
  waiting: number;
  /** Policies applied, commands carried out. */
  policies: number;
  commands: number;
}

/** What a device's queue has done. */
export interface DeviceFacts {
  name: string;
  records: number;
  acknowledged: number;
  waiting: number;
}

/** What a process cost. */
export interface ProcessCost {
  residentBytes: number;
  cpuSeconds: number;
}

export type ToHerd =
  | { kind: "start"; devices: SimulatedDevice[]; settings: HerdSettings }
  /** No more samples: what waits is sent. */
  | { kind: "settle" }
  /** The devices leave. */
  | { kind: "leave" };

export type FromHerd =
  /** Once a second. `returns`: milliseconds without link of those that came back since. */
  | { kind: "counts"; counts: HerdCounts; returns: number[]; cost: ProcessCost }
  /** The last message. */
  | { kind: "left"; facts: DeviceFacts[] }
  | { kind: "failed"; message: string };
