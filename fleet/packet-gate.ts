// Stands between a socket and the broker: an MQTT packet that says it is larger than the fleet's limit ends the connection before its bytes are
// gathered. The broker's own parser would wait for all 256 MiB that the protocol allows.

import { Transform, type TransformCallback } from "node:stream";

/** Documents are 64 KiB at most; topic and headers come on top. */
export const PACKET_BYTES_MAX = 72 << 10;

export class PacketGate extends Transform {
  private readonly bytesMax: number;
  /** Bytes of the packet's body that are still to come. */
  private remaining = 0;
  /** Reading the length (MQTT 3.1.1 §2.2.3): its digits so far; null: the packet's first byte comes next, or its body is passing. */
  private digits: { value: number; factor: number } | null = null;

  constructor(bytesMax = PACKET_BYTES_MAX) {
    super();
    this.bytesMax = bytesMax;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    for (let at = 0; at < chunk.length;) {
      if (this.remaining > 0) {
        const passing = Math.min(this.remaining, chunk.length - at);
        this.remaining -= passing;
        at += passing;
        continue;
      }
      const byte = chunk[at++]!;
      if (this.digits === null) {
        this.digits = { value: 0, factor: 1 };
        continue;
      }
      this.digits.value += (byte & 0x7f) * this.digits.factor;
      this.digits.factor *= 128;
      if (this.digits.value > this.bytesMax || this.digits.factor > 128 ** 4) {
        return done(new Error(`a packet of more than ${this.bytesMax} bytes`));
      }
      if (byte >= 0x80) continue;
      this.remaining = this.digits.value;
      this.digits = null;
    }
    done(null, chunk);
  }
}
