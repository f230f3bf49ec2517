// Packets of GDB's remote serial protocol ("Overview" there): $DATA#SS, acknowledged by + or -, and Ctrl-C between them. What
// comes from a socket is hostile: a packet has a longest length, and nothing is kept beyond it.

/** What PacketSize promises: bytes between $ and #. */
export const PACKET_BYTES_MAX = 0x1000;
const ESCAPE = 0x7d; // }
const INTERRUPT = 0x03;

export type Received =
  | { kind: "packet"; data: string }
  /** The checksum is wrong. */
  | { kind: "damaged" }
  | { kind: "acknowledged" }
  /** The peer wants the last packet again. */
  | { kind: "again" }
  | { kind: "interrupt" }
  /** The peer broke the protocol; nothing more can be made of what it sends. */
  | { kind: "broken"; why: string };

/** `data` as a packet, in Latin-1. The four characters that have a meaning of their own are escaped. */
export function packetText(data: string): string {
  const escaped = data.replace(/[#$}*]/g, (character) => `}${String.fromCharCode(character.charCodeAt(0) ^ 0x20)}`);
  return `$${escaped}#${checksum(escaped).toString(16).padStart(2, "0")}`;
}

function checksum(text: string): number {
  let sum = 0;
  for (let n = 0; n < text.length; n++) sum += text.charCodeAt(n);
  return sum & 0xff;
}

export class PacketReader {
  /** What came since the last $; null between packets. */
  private open: string | null = null;
  /** Digits of the checksum that came, once # was seen. */
  private digits: string | null = null;
  private broken = false;

  /** What these bytes complete, in order. */
  read(bytes: Uint8Array): Received[] {
    const received: Received[] = [];
    for (const byte of bytes) {
      if (this.broken) break;
      const one = this.take(byte);
      if (one === null) continue;
      received.push(one);
      this.broken = one.kind === "broken";
    }
    return received;
  }

  private take(byte: number): Received | null {
    if (this.digits !== null) return this.takeDigit(byte);
    const character = String.fromCharCode(byte);
    if (character === "$") {
      this.open = ""; // a packet that was cut off is forgotten
      return null;
    }
    if (this.open !== null) {
      if (character === "#") {
        this.digits = "";
        return null;
      }
      if (this.open.length === PACKET_BYTES_MAX) {
        return { kind: "broken", why: `a packet is longer than ${PACKET_BYTES_MAX} bytes` };
      }
      this.open += character;
      return null;
    }
    if (byte === INTERRUPT) return { kind: "interrupt" };
    if (character === "+") return { kind: "acknowledged" };
    if (character === "-") return { kind: "again" };
    return { kind: "broken", why: `byte 0x${byte.toString(16).padStart(2, "0")} between packets` };
  }

  private takeDigit(byte: number): Received | null {
    this.digits += String.fromCharCode(byte);
    if (this.digits!.length < 2) return null;
    const [data, digits] = [this.open!, this.digits!];
    this.open = this.digits = null;
    const right = /^[0-9a-f]{2}$/i.test(digits) && Number.parseInt(digits, 16) === checksum(data);
    return right ? { kind: "packet", data: unescaped(data) } : { kind: "damaged" };
  }
}

function unescaped(data: string): string {
  let text = "";
  for (let n = 0; n < data.length; n++) {
    text += data.charCodeAt(n) === ESCAPE ? String.fromCharCode((data.charCodeAt(++n) ^ 0x20) & 0xff) : data[n];
  }
  return text;
}
