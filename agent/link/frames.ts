// What a broker sends, before the MQTT library sees it. The library collects a packet of any length up to 256 MiB before it looks at it, and
// keeps messages of QoS 2 for as long as the broker likes; so the fixed headers (MQTT 5 §2.1) are counted through here first, and a packet that
// is larger than agreed, or that nobody may send to a device, ends the connection.

import { Failure } from "../failure.ts";

/** A broker breaks the rules: FRAME_TOO_LARGE, FRAME_LENGTH, FRAME_QOS, FRAME_TYPE. */
export class FrameError extends Failure {}

/** The largest packet that a device takes: a document of 64 KiB, its topic and properties. */
export const PACKET_BYTES_MAX = 72 << 10;

const PUBLISH = 3;
/** CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP, DISCONNECT: all that a device is answered with that sends no QoS 2. */
const FROM_BROKER = new Set([2, PUBLISH, 4, 9, 11, 13, 14]);

/** All that a connection takes that asks for the time alone. */
export const TIME_BYTES_MAX = 8 << 10;

export class FrameGuard {
  private readonly totalMax: number;
  private total = 0;
  /** Bytes of the present packet that are still to come; its header when negative. */
  private rest = -1;
  private first = -1;
  private length = 0;
  private lengthBytes = 0;

  /** `totalMax` is how many bytes may come in all. */
  constructor(totalMax = Infinity) {
    this.totalMax = totalMax;
  }

  /** Looks at the next bytes of the stream. Throws a FrameError at the first packet that breaks the rules. */
  push(bytes: Uint8Array): void {
    this.total += bytes.length;
    if (this.total > this.totalMax) {
      throw new FrameError(
        "FRAME_TOO_LARGE",
        `the broker sends more than the ${this.totalMax} bytes that were asked for`,
      );
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.rest > 0) {
        const step = Math.min(this.rest, bytes.length - at);
        this.rest -= step;
        at += step;
        if (this.rest === 0) this.rest = -1;
        continue;
      }
      const byte = bytes[at++]!;
      if (this.first < 0) this.begin(byte);
      else this.addLength(byte);
    }
  }

  private begin(byte: number): void {
    if (!FROM_BROKER.has(byte >> 4)) {
      throw new FrameError("FRAME_TYPE", `the broker sends a packet of type ${byte >> 4}, which no device asks for`);
    }
    // Subscriptions ask for QoS 1 at most, and no message is delivered above what was granted (MQTT 5 §3.8.4).
    if (byte >> 4 === PUBLISH && (byte & 0b100) !== 0) {
      throw new FrameError("FRAME_QOS", "the broker sends a message with a QoS that was not asked for");
    }
    [this.first, this.length, this.lengthBytes] = [byte, 0, 0];
  }

  private addLength(byte: number): void {
    this.length += (byte & 0x7f) * 128 ** this.lengthBytes++;
    if (this.length > PACKET_BYTES_MAX) {
      throw new FrameError("FRAME_TOO_LARGE", `the broker sends a packet of more than ${PACKET_BYTES_MAX} bytes`);
    }
    if ((byte & 0x80) !== 0) {
      if (this.lengthBytes === 4) throw new FrameError("FRAME_LENGTH", "the broker sends a packet without a length");
      return;
    }
    this.first = -1;
    this.rest = this.length > 0 ? this.length : -1;
  }
}
