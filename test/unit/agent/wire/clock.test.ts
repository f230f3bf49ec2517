// What time a device believes, whatever its real-time clock says.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { presentTime, RTC_AHEAD_MAX_SECONDS } from "../../../../agent/wire/clock.js";

const clock = suite("clock");
const FLOOR = 1_800_000_000;
const at = (text: string): number => Date.parse(text) / 1000;

const READINGS: [what: string, rtc: number, present: number][] = [
  ["right", FLOOR + 3600, FLOOR + 3600],
  ["at the floor", FLOOR, FLOOR],
  ["1970", 0, FLOOR],
  ["before 1970", -1, FLOOR],
  ["one year back", FLOOR - 365 * 86_400, FLOOR],
  ["30 days ahead", FLOOR + RTC_AHEAD_MAX_SECONDS, FLOOR + RTC_AHEAD_MAX_SECONDS],
  ["30 days and a second ahead", FLOOR + RTC_AHEAD_MAX_SECONDS + 1, FLOOR + RTC_AHEAD_MAX_SECONDS],
  ["2038", at("2038-01-19T03:14:08Z"), FLOOR + RTC_AHEAD_MAX_SECONDS],
  ["2106", at("2106-02-07T06:28:16Z"), FLOOR + RTC_AHEAD_MAX_SECONDS],
  ["2^53", 2 ** 53, FLOOR],
  ["a fraction", FLOOR + 1.9, FLOOR + 1],
  ["NaN", NaN, FLOOR],
  ["infinity", Infinity, FLOOR],
  ["minus infinity", -Infinity, FLOOR],
];
for (const [what, rtc, present] of READINGS) {
  clock(`${what}`, () => assert.is(presentTime(FLOOR, rtc), present));
}

clock("a floor past 2038 and 2106 is a floor like any other", () => {
  for (const floor of [at("2038-01-19T03:14:08Z"), at("2106-02-07T06:28:16Z")]) {
    assert.is(presentTime(floor, FLOOR), floor);
    assert.is(presentTime(floor, floor + 5), floor + 5);
  }
});

clock.run();
