// Telemetry by cbor-x: its bytes are those of the strict codec, and few.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toHex } from "../../../../agent/wire/bytes.js";
import { encode } from "../../../../agent/wire/cbor.js";
import { TELEMETRY } from "../../../../agent/wire/limits.js";
import { telemetryMsg, type Sample } from "../../../../agent/wire/reports.js";
import { decodeMessage } from "../../../../agent/wire/schema.js";
import { decodeTelemetry, encodeTelemetry } from "../../../../agent/wire/telemetry.js";
import { assertFails } from "../../../support/failure.js";
import { Random } from "../../../support/random.js";

const telemetry = suite("telemetry");

/** A phone with two partitions after a year without a boot: 8 GiB of memory in use, 2 W, throttled all the time, 1 TiB of I/O. */
function busySample(index: number): Sample {
  const part = (id: number): NonNullable<Sample["partitions"]>[number] => ({
    id,
    state: "running",
    cpuPermille: 437,
    memoryKib: 8 << 20,
    energyMillijoules: 63_072_000_000 + index,
    throttledMs: 31_536_000_000,
    ioKib: 2 ** 30 + index,
    faultCount: 70_000,
  });
  return {
    time: 1_800_000_000 + 60 * index,
    sequence: 525_600 + index,
    uptime: 31_536_000 + 60 * index,
    battery: { percent: 73, millivolts: 3870, milliamperes: -412, deciCelsius: 318 },
    partitions: [part(1), part(2)],
    radioDbm: -97,
  };
}

telemetry("15 samples of two partitions take 120 bytes each at most, after a year without a boot", () => {
  const bytes = encodeTelemetry(Array.from({ length: 15 }, (_, index) => busySample(index)));
  assert.ok(bytes.length / 15 <= 120, `${bytes.length / 15} bytes a sample`);
  assert.is(bytes.length, 1726);
});

function randomMessage(random: Random): Sample[] {
  const large = (): number => random.wild() * (random.oneIn(3) ? 2 ** random.below(21) : 1);
  const signed = (): number => (random.oneIn(2) ? large() : -large() - 1);
  return Array.from({ length: 1 + random.below(20) }, () => ({
    time: large(),
    sequence: large(),
    uptime: large(),
    ...(random.oneIn(2)
      ? { battery: { percent: random.below(101), millivolts: large(), milliamperes: signed(), deciCelsius: signed() } }
      : {}),
    ...(random.oneIn(2)
      ? {
          partitions: Array.from({ length: random.below(4) }, () => ({
            id: random.below(65_536),
            state: random.pick(["defined", "running", "paused", "locked"] as const),
            cpuPermille: large(),
            memoryKib: large(),
            energyMillijoules: large(),
            throttledMs: large(),
            ioKib: large(),
            faultCount: large(),
          })),
        }
      : {}),
    ...(random.oneIn(2) ? { radioDbm: signed() } : {}),
    ...(random.oneIn(2) ? { gap: { lostCount: large(), from: large(), to: large() } } : {}),
  }));
}

telemetry("500 random messages: cbor-x writes what the strict codec would, and both read them alike", () => {
  const random = new Random(120);
  for (let count = 0; count < 500; count++) {
    const message = randomMessage(random);
    const bytes = encodeTelemetry(message);
    assert.is(toHex(bytes), toHex(encode(telemetryMsg.write(message))));
    assert.equal(decodeTelemetry(bytes), message);
    assert.equal(decodeMessage(telemetryMsg, bytes, TELEMETRY), message);
  }
});

const hostile = (hex: string) => (): unknown =>
  decodeTelemetry(new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex")));
const REFUSED: [what: string, hex: string, code: string][] = [
  ["no sample", "80", "WIRE_SCHEMA"],
  ["a bignum of tag 2", "81 a3 01 c24101 02 00 03 00", "WIRE_SHAPE"],
  ["a float for a time", "81 a3 01 f90000 02 00 03 00", "WIRE_SHAPE"],
  ["a record of cbor-x's own (tag 105)", "d869 83 00 8101 00", "WIRE_SHAPE"],
  ["2^63", "81 a3 01 1b8000000000000000 02 00 03 00", "WIRE_CBOR"],
  ["a missing field", "81 a2 01 00 02 00", "WIRE_SCHEMA"],
  ["an unknown field", "81 a4 01 00 02 00 03 00 18 63 00", "WIRE_SCHEMA"],
  ["text as a key", "81 a3 6131 00 02 00 03 00", "WIRE_SCHEMA"],
  ["a state that is none", "81 a4 01 00 02 00 03 00 05 81 88 00 07 00 00 00 00 00 00", "WIRE_SCHEMA"],
];
for (const [what, hex, code] of REFUSED) {
  telemetry(`${what} is refused`, () => void assertFails(code, hostile(hex)));
}

telemetry("random bytes are read or refused, never more than that", () => {
  const random = new Random(7);
  const good = encodeTelemetry([busySample(0), busySample(1)]);
  for (let count = 0; count < 5000; count++) {
    const bytes = good.slice();
    for (let change = random.below(4); change >= 0; change--) bytes[random.below(bytes.length)] = random.below(256);
    try {
      telemetryMsg.write(decodeTelemetry(bytes));
    } catch (error) {
      assert.match((error as { code: string }).code, /^WIRE_/);
    }
  }
});

telemetry("what the schema would not read is not written", () => {
  const { battery, ...rest } = busySample(0);
  assertFails("WIRE_SCHEMA", () => encodeTelemetry([{ ...rest, battery: { ...battery!, percent: 101 } }]));
  assertFails("WIRE_SCHEMA", () => encodeTelemetry([{ ...rest, sequence: 2 ** 53 }]));
  assertFails("WIRE_SCHEMA", () => encodeTelemetry([{ ...rest, sequence: 0.5 }]));
});

telemetry.run();
