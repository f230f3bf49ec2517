// A device of the test fleet: enrolled, and connected to the fleet's own broker by the client library, without an agent behind it.

import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { toHex } from "../../agent/wire/bytes.js";
import { stateMsg, type StateMessage } from "../../agent/wire/reports.js";
import { encodeMessage } from "../../agent/wire/schema.js";
import { brokerUrl, FleetBroker } from "../../fleet/broker.js";
import { saveDevice } from "../../fleet/devices.js";
import { deviceIdOf } from "../../agent/identity/device-key.js";
import type { FleetStore } from "../../fleet/store.js";
import { FACTS } from "./agent-process.js";
import { KEYS, NOW, type TestKey } from "./signed.js";

/** Enrols a key; returns the device's name. */
export function enrolKey(store: FleetStore, key: TestKey = KEYS.device, label = "demo"): string {
  const name = toHex(deviceIdOf(key.publicKey));
  const rest = { label, board: "qemu-virt", enrolledAt: NOW, retiredAt: null };
  saveDevice(store, { name, key: toHex(key.publicKey), ...rest });
  return name;
}

export function connectDevice(broker: FleetBroker, name: string, more: IClientOptions = {}): Promise<MqttClient> {
  const options = { clientId: name, protocolVersion: 4 as const, reconnectPeriod: 0, clean: true, ...more };
  return connectAsync(brokerUrl(broker.address), options, false);
}

export const birth = (connection: number, more: Partial<StateMessage> = {}): Buffer =>
  Buffer.from(encodeMessage(stateMsg, { online: true, connection, facts: FACTS, bootCount: 3, ...more }));

export const death = (connection: number): Buffer =>
  Buffer.from(encodeMessage(stateMsg, { online: false, connection }));

/** A broker on a free port, closed when `body` is done. */
export async function withBroker<T>(store: FleetStore, body: (broker: FleetBroker) => Promise<T>): Promise<T> {
  const broker = await FleetBroker.listen(store, 0, () => NOW);
  try {
    return await body(broker);
  } finally {
    await broker.close();
  }
}
