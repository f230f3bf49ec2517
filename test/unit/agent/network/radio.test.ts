// The radio: promotion, bytes and tail are paid once and by whom they are for (network.md, "Radio energy"; Huang et al., MobiSys 2012, table 3 and 4).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { RadioProfile } from "../../../../agent/handset/contracts.js";
import { commitment, Radio, type RadioPurse } from "../../../../agent/network/radio.js";
import * as abi from "../../../../kernel/abi/hypervisor.js";
import { burner } from "../../../support/fake-guest.js";
import { Hypervisor } from "../../../support/hypervisor.js";
import { Random } from "../../../support/random.js";

const MS = 1e6;
const SECOND = 1e9;
const JOULE = 1e12;
const LTE: RadioProfile = {
  promoteNs: 260 * MS,
  promoteMw: 1210,
  activeMw: 1288,
  perMbpsUpMw: 438,
  perMbpsDownMw: 52,
  tailNs: 11_576 * MS,
  tailMw: 1060,
};
const PROMOTION = 1210 * 260 * MS;
const TAIL = 1288 * 100 * MS + 1060 * 11_476 * MS;
const UP_BYTE = 438 * 8000;

/** Reserves of a test, without a hypervisor. */
class FakePurse implements RadioPurse {
  readonly levels = new Map<number, number>();
  readonly pots = new Map<number, number>();
  readonly spent = new Map<number, number>();
  readonly owed = new Map<number, number>();
  level = (id: number): number => this.levels.get(id) ?? Infinity;
  capacity = (): number => 6 * JOULE;
  rate = (): number => JOULE / 10;
  pot = (id: number): number => this.pots.get(id) ?? 0;
  layAside(id: number, amount: number): void {
    if (!this.levels.has(id)) return;
    const part = Math.min(amount, this.level(id));
    this.levels.set(id, this.level(id) - part);
    this.pots.set(id, this.pot(id) + part);
  }
  pay(id: number, amount: number, owe: boolean): void {
    assert.ok(Number.isSafeInteger(amount), `whole picojoules, not ${amount}`);
    const fromPot = Math.min(amount, this.pot(id));
    this.pots.set(id, this.pot(id) - fromPot);
    let paid = fromPot;
    if (owe) {
      const fromReserve = this.levels.has(id) ? Math.min(amount - paid, this.level(id)) : amount - paid;
      if (this.levels.has(id)) this.levels.set(id, this.level(id) - fromReserve);
      paid += fromReserve;
      this.owed.set(id, (this.owed.get(id) ?? 0) + amount - paid);
    }
    this.spent.set(id, (this.spent.get(id) ?? 0) + paid);
  }
  takeBack(id: number): void {
    if (this.levels.has(id)) this.levels.set(id, this.level(id) + this.pot(id));
    this.pots.set(id, 0);
  }
}

/** Moves a frame if it may be moved. */
function move(radio: Radio, id: number, bytes: number, now: number): boolean {
  const may = radio.mayMove(id, bytes, "up", now);
  if (may) radio.moved(id, bytes, "up");
  return may;
}

/** Looks whenever something is due, up to `until`; who may ask again moves a frame of `bytes`. Returns when the first did. */
function run(radio: Radio, until: number, bytes = 1000): number | null {
  let moved: number | null = null;
  while (radio.dueNs <= until) {
    const now = radio.dueNs;
    for (const id of radio.ready(now)) if (move(radio, id, bytes, now)) moved ??= now;
  }
  radio.ready(until);
  return moved;
}

const radios = suite("network/radio");

radios("one frame costs promotion, bytes and tail, and no more; it waits for the promotion", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 20 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  assert.not(move(radio, 1, 1000, SECOND));
  assert.is(radio.dueNs, SECOND + 260 * MS);
  assert.is(run(radio, 60 * SECOND), SECOND + 260 * MS);
  assert.is(purse.spent.get(1), PROMOTION + 1000 * UP_BYTE + TAIL);
  assert.is(purse.levels.get(1), 20 * JOULE - purse.spent.get(1)!);
  assert.equal([radio.view().state, radio.dueNs], ["off", Infinity]);
  assert.is(commitment(LTE), PROMOTION + TAIL);
});

radios("a frame in the tail begins the tail anew and pays for the time that has passed alone", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 40 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  move(radio, 1, 1000, 0);
  const first = run(radio, 260 * MS)!;
  assert.ok(move(radio, 1, 500, first + 5 * SECOND));
  run(radio, 60 * SECOND);
  const between = 1288 * 100 * MS + 1060 * 4900 * MS;
  assert.is(purse.spent.get(1), PROMOTION + 1500 * UP_BYTE + between + TAIL);
});

radios("time is split by the bytes that were moved since the promotion", () => {
  const purse = new FakePurse();
  for (const id of [1, 2]) purse.levels.set(id, 40 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  move(radio, 1, 3000, 0);
  const on = run(radio, 260 * MS, 3000)!;
  assert.ok(move(radio, 2, 1000, on));
  run(radio, 60 * SECOND);
  assert.is(purse.spent.get(1), PROMOTION + 3000 * UP_BYTE + (TAIL * 3) / 4);
  assert.is(purse.spent.get(2), 1000 * UP_BYTE + TAIL / 4);
  assert.equal([purse.pot(1), purse.pot(2)], [0, 0]);
});

radios("received bytes have a price of their own, and a link without a radio has none", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 40 * JOULE);
  const radio = new Radio(purse, "ethernet", null);
  assert.ok(move(radio, 1, 1000, 0));
  assert.equal([purse.spent.size, radio.dueNs, radio.view().state], [0, Infinity, "none"]);
  radio.setLink("cellular", LTE, 0);
  assert.not(radio.mayMove(1, 1000, "down", 0));
  assert.equal(radio.ready(260 * MS), [1]);
  assert.ok(radio.mayMove(1, 1000, "down", 260 * MS));
  radio.moved(1, 1000, "down");
  run(radio, 60 * SECOND);
  assert.is(purse.spent.get(1), PROMOTION + 1000 * 52 * 8000 + TAIL);
});

radios("two that cannot pay alone pay in together, and get back what was left", () => {
  const purse = new FakePurse();
  for (const id of [1, 2]) purse.levels.set(id, 6 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  const refill = (): void => {
    for (const id of [1, 2]) purse.levels.set(id, Math.min(6 * JOULE, purse.level(id) + 100 * 100 * MS));
  };
  let now = 0;
  move(radio, 1, 1000, now);
  move(radio, 2, 1000, now);
  for (; radio.view().state === "off" && now < 300 * SECOND; now += 100 * MS) {
    refill();
    radio.ready(now);
  }
  // 12.6 J together, of which each has 3 J at once and 100 mW from then on.
  assert.ok(now > 30 * SECOND && now < 35 * SECOND, `${now / SECOND} s`);
  assert.ok(purse.pot(1) + purse.pot(2) >= commitment(LTE));
  run(radio, now + 60 * SECOND);
  assert.is(purse.owed.get(1) ?? 0, 0);
  assert.is(purse.spent.get(1)! + purse.spent.get(2)!, PROMOTION + 2000 * UP_BYTE + TAIL);
  assert.equal([purse.pot(1), purse.pot(2)], [0, 0]);
});

radios("a 6 J reserve at 100 mW that is alone waits about two minutes, not for ever", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 6 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  let now = 0;
  move(radio, 1, 1000, now);
  for (; radio.view().state === "off" && now < 600 * SECOND; now += 100 * MS) {
    purse.levels.set(1, Math.min(6 * JOULE, purse.level(1) + 100 * 100 * MS));
    radio.ready(now);
  }
  assert.ok(now < 130 * SECOND, `${now / SECOND} s`);
  assert.is.not(run(radio, now + 60 * SECOND), null, "its frame moved");
});

radios("who draws from the battery waits for nobody's pot", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 1 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  move(radio, 1, 1000, 0);
  move(radio, 2, 1000, 0);
  assert.is(radio.view().state, "promoting");
  run(radio, 60 * SECOND);
  assert.is(purse.levels.get(1)! + purse.spent.get(1)!, 1 * JOULE, "nothing is lost");
});

radios("another link switches it off, and what was laid aside goes back", () => {
  const purse = new FakePurse();
  purse.levels.set(1, 40 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  move(radio, 1, 1000, 0);
  radio.ready(130 * MS);
  radio.setLink("wifi", null, 130 * MS);
  assert.is(purse.spent.get(1), PROMOTION / 2);
  assert.is(purse.levels.get(1), 40 * JOULE - PROMOTION / 2);
  assert.equal(radio.ready(131 * MS), [1], "the frame may go");
  assert.ok(move(radio, 1, 1000, 131 * MS));
});

radios("one that has ended costs the others nothing that it would have paid", () => {
  const purse = new FakePurse();
  for (const id of [1, 2]) purse.levels.set(id, 40 * JOULE);
  const radio = new Radio(purse, "cellular", LTE);
  move(radio, 1, 1000, 0);
  run(radio, 260 * MS);
  move(radio, 2, 1000, 260 * MS);
  radio.drop(1, 300 * MS);
  run(radio, 60 * SECOND);
  assert.equal(radio.view().users.map(({ partition }) => partition), [2]); // prettier-ignore
  assert.is(purse.owed.get(2) ?? 0, 0);
});

radios("with the hypervisor's reserves, a random hour conserves every picojoule", () => {
  const real = new Hypervisor({ energyRate: 100_000_000, costs: { [abi.CHARGE_INSTRUCTION]: 400 } });
  const random = new Random(3);
  for (let id = 0; id < 6; id++) {
    const energy = { capacity: BigInt(JOULE) * BigInt(1 + random.below(20)), rate: 20_000 + random.below(900_000) };
    real.start(burner(), { ceiling: 0, ...(id === 5 ? {} : { energy }) });
  }
  const whole = (id: number, offset: number): number => Number(real.u64(id, offset));
  const purse: RadioPurse = {
    level: (id) => (id === 5 ? Infinity : whole(id, abi.PARTITION_ENERGY_LEVEL)),
    capacity: (id) => whole(id, abi.PARTITION_ENERGY_CAPACITY),
    rate: (id) => real.u32(id, abi.PARTITION_ENERGY_RATE) * 1e6,
    pot: (id) => whole(id, abi.PARTITION_ENERGY_POT),
    layAside: (id, amount) => void real.layAside(id, BigInt(amount)),
    pay: (id, amount, owe) => void real.payEnergy(id, BigInt(amount), owe),
    takeBack: (id) => void real.exports.energyTakeBack(id),
  };
  const radio = new Radio(purse, "cellular", LTE);
  let [now, moved] = [0, 0];
  for (let n = 0; n < 4000; n++) {
    now += random.oneIn(10) ? random.below(20 * SECOND) : random.below(200 * MS);
    real.runTo(now);
    for (let id = 0; id < 6; id++) real.exports.partitionRefresh(id);
    for (const id of radio.ready(now)) if (move(radio, id, 1 + random.below(1500), now)) moved++;
    if (random.oneIn(3) && move(radio, random.below(6), 1 + random.below(60_000), now)) moved++;
    if (random.oneIn(500)) radio.setLink("wifi", random.oneIn(2) ? null : LTE, now);
    if (random.oneIn(400)) {
      const id = random.below(5);
      real.exports.partitionStop(id, 0);
      radio.drop(id, now);
    }
    assert.is(real.energyImbalance(), 0n, `after ${n}`);
  }
  assert.ok(moved > 300, `${moved} frames`);
});

radios.run();
