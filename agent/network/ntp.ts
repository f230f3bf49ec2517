// NTP (RFC 5905 §7.3, §14 of RFC 4330): the gateway answers clients from the host's clock.

import { write32 } from "./bytes.ts";

const NTP_BYTES = 48;
const CLIENT = 3;
const SERVER = 4;
/** Seconds from 1900 to 1970. */
const ERA_OFFSET = 2_208_988_800;

/** The answer to a client's packet that came at `wall` milliseconds since 1970; null: it asks for nothing that we answer. */
export function answerNtp(request: Uint8Array, wall: number): Uint8Array | null {
  if (request.length < NTP_BYTES) return null;
  const version = (request[0]! >>> 3) & 7;
  if ((request[0]! & 7) !== CLIENT || version < 1 || version > 4) return null;
  const answer = new Uint8Array(NTP_BYTES);
  answer[0] = (version << 3) | SERVER;
  answer[1] = 2; // a secondary server: the host has its time from somewhere
  answer[2] = request[2]!;
  answer[3] = 0xf6; // 2^-10 s: a millisecond
  write32(answer, 4, 0);
  write32(answer, 8, 0x0000_0100);
  answer.set([127, 0, 0, 1], 12);
  writeTime(answer, 16, wall);
  answer.set(request.subarray(40, 48), 24);
  writeTime(answer, 32, wall);
  writeTime(answer, 40, wall);
  return answer;
}

function writeTime(bytes: Uint8Array, at: number, wall: number): void {
  const seconds = Math.floor(wall / 1000);
  write32(bytes, at, (seconds + ERA_OFFSET) % 2 ** 32);
  write32(bytes, at + 4, Math.floor(((wall - seconds * 1000) / 1000) * 2 ** 32));
}
