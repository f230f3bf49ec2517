// What goes wrong with a device's own disk, image or start.

import { Failure } from "../failure.ts";

/** DEVICE_…: the device's disk or start. */
export class DeviceError extends Failure {}
