// `radio` of a board, and what is wrong with it.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { readRadios } from "../../../../agent/handset/board-radios.js";
import { boardNames, boardSpec, readBoard } from "../../../../agent/handset/board.js";

const WIFI = {
  ...{ promoteMs: 79, promoteMw: 125, activeMw: 133, perMbpsUpMw: 283, perMbpsDownMw: 137 },
  ...{ tailMs: 238, tailMw: 119 },
};

function faultsOf(value: unknown): string[] {
  const faults: string[] = [];
  readRadios(value, (fault) => faults.push(fault));
  return faults;
}

const radios = suite("board radios");

radios("a profile is read in nanoseconds; roaming is the cellular radio unless it has its own", () => {
  const read = readRadios({ cellular: WIFI }, assert.unreachable);
  assert.is(read.cellular!.tailNs, 238e6);
  assert.is(read.roaming, read.cellular);
  const own = readRadios({ cellular: WIFI, roaming: { ...WIFI, tailMs: 1 } }, assert.unreachable);
  assert.is(own.roaming!.tailNs, 1e6);
  assert.equal(readRadios(undefined, assert.unreachable), {});
});

radios("what is wrong is said with its place", () => {
  assert.match(faultsOf([])[0]!, /radio must be an object/);
  assert.match(faultsOf({ ethernet: WIFI })[0]!, /radio knows wifi, cellular, roaming, tethering/);
  assert.match(faultsOf({ wifi: { ...WIFI, tailMw: 1.5 } })[0]!, /radio.wifi.tailMw must be a whole number from 0/);
  assert.match(faultsOf({ wifi: { ...WIFI, tailMs: -1 } })[0]!, /radio.wifi.tailMs/);
  assert.match(faultsOf({ wifi: { ...WIFI, speed: 1 } })[0]!, /radio.wifi knows no "speed"/);
  assert.is(faultsOf({ wifi: {} }).length, 7);
});

radios("a board that has radios charges no byte twice", () => {
  for (const name of boardNames()) {
    const board = readBoard(name);
    assert.is(boardSpec(board).costs.networkByte === 0, Object.keys(board.radios).length > 0, name);
  }
});

radios.run();
