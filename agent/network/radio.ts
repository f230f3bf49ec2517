// The phone's radio: what it costs, and who pays.
//
// A radio is off, being switched on (promotion), or on. It stays on for a tail behind the last frame, whether anything follows or not: on LTE that tail
// costs more than most transfers (Huang et al., MobiSys 2012). So whoever switches it on must be able to pay promotion and tail: both are laid aside
// before, in the partition's pot, and spent as the time passes. A frame in the tail begins the tail anew and lays aside only what has passed of
// it. Time is split by the bytes that each partition has moved since the promotion; bytes cost whoever moves them.
//
// Who cannot lay aside so much alone pays in, as its reserve fills, and so do the others that wait: when their pots together hold enough, the
// radio goes on (Cinder's netd, EuroSys 2011). What is left when it goes off goes back to whose it was. Nothing is made or lost: the pots are the
// hypervisor's. A milliwatt for a nanosecond is a picojoule.

import type { LinkKind, RadioProfile } from "../handset/contracts.ts";
import type { RadioState, RadioView } from "../view.ts";

/** The partitions' energy, in picojoules. */
export interface RadioPurse {
  /** What the reserve holds; Infinity: it draws from the battery. */
  level(id: number): number;
  capacity(id: number): number;
  /** Of its constant tap, each second. */
  rate(id: number): number;
  /** What it has laid aside. */
  pot(id: number): number;
  layAside(id: number, picojoules: number): void;
  /** Pays from the pot as far as it goes; with `owe`, the rest from the reserve or as debt. */
  pay(id: number, picojoules: number, owe: boolean): void;
  /** Everything that it has laid aside goes back. */
  takeBack(id: number): void;
}

export type RadioDirection = "up" | "down";

/** Behind a frame, before it counts as tail. */
const ACTIVE_NS = 100e6;
/** How often those who wait pay in. */
const COLLECT_NS = 20e6;
/** A reserve keeps so much of its capacity for the processor while it pays in. One that has less pays so much of what its tap brings: who computes
 *  all day has a network, too, if a late one. */
const KEPT = 1 / 2;
/** 1 mW for 1 Mbit/s is 1 nJ a bit. */
const PICOJOULES_PER_BYTE = 8000;

interface User {
  /** Since the promotion. */
  bytes: number;
  waits: boolean;
  /** Ever, for the radio. */
  spent: number;
}

export class Radio {
  private readonly purse: RadioPurse;
  private readonly users = new Map<number, User>();
  private link: LinkKind;
  private profile: RadioProfile | null;
  private state: RadioState;
  private now = 0;
  private promotedAt = 0;
  private lastFrameAt = 0;
  private collectAt = Infinity;
  private collectedAt = 0;
  /** Who switched it on: it pays while nobody has moved a byte. */
  private opener = -1;

  /** `profile` null: the link costs nothing. */
  constructor(purse: RadioPurse, link: LinkKind, profile: RadioProfile | null) {
    this.purse = purse;
    this.link = link;
    this.profile = profile;
    this.state = profile === null ? "none" : "off";
  }

  /** Another link: the radio of the one before goes off. */
  setLink(link: LinkKind, profile: RadioProfile | null, now: number): void {
    this.advance(now);
    this.switchOff();
    this.link = link;
    this.profile = profile;
    this.state = profile === null ? "none" : "off";
  }

  /** Whether partition `id` may move a frame of so many IP bytes now. If not, it is named by ready() when it may ask again. */
  mayMove(id: number, bytes: number, direction: RadioDirection, now: number): boolean {
    this.advance(now);
    const { profile } = this;
    if (profile === null) return true;
    if (this.state === "on") {
      // Who has paid in may owe for its first frame: else a reserve that paid all that it had could watch the tail pass.
      const paidIn = this.user(id).bytes === 0 && this.purse.pot(id) > 0;
      if (paidIn || this.purse.level(id) >= this.extension(profile) + byteCost(profile, bytes, direction)) return true;
    }
    this.user(id).waits = true;
    if (this.state !== "off") {
      this.collectAt = Math.min(this.collectAt, this.now + COLLECT_NS);
      return false;
    }
    this.collectedAt = this.now;
    this.collect(profile);
    return this.isOn && this.mayMove(id, bytes, direction, now);
  }

  /** The frame that mayMove() allowed at this moment has moved. */
  moved(id: number, bytes: number, direction: RadioDirection): void {
    const { profile, purse } = this;
    if (profile === null) return;
    const user = this.user(id);
    const cost = byteCost(profile, bytes, direction);
    purse.layAside(id, cost + this.extension(profile));
    this.book(id, cost, true);
    user.bytes += bytes;
    this.lastFrameAt = this.now;
  }

  /** When look() is to be called next; Infinity: nothing is due. */
  get dueNs(): number {
    const { profile } = this;
    if (profile === null) return Infinity;
    if (this.state === "promoting") return this.promotedAt;
    const end = this.state === "on" ? this.lastFrameAt + profile.tailNs : Infinity;
    return Math.min(end, this.collectAt);
  }

  /** Books the time that has passed, and returns who may ask again. */
  ready(now: number): number[] {
    this.advance(now);
    const { profile } = this;
    if (profile !== null && this.state === "off" && now >= this.collectAt) this.collect(profile);
    if (this.state !== "on" && profile !== null) return [];
    this.collectAt = Infinity;
    const ready = [...this.users].filter(([, { waits }]) => waits).map(([id]) => id);
    for (const id of ready) this.user(id).waits = false;
    return ready;
  }

  /** A partition has ended: it waits for nothing, and what it had laid aside is the hypervisor's affair. */
  drop(id: number, now: number): void {
    this.advance(now);
    this.users.delete(id);
    if (this.opener === id) this.opener = -1;
  }

  view(): RadioView {
    const { link, state, profile, purse } = this;
    return {
      ...{ link, state, needPicojoules: profile === null ? 0 : commitment(profile) },
      users: [...this.users].map(([partition, { waits, spent }]) => ({
        ...{ partition, laidAside: purse.pot(partition), spent, waits },
      })),
    };
  }

  private get isOn(): boolean {
    return this.state === "on";
  }

  private user(id: number): User {
    let user = this.users.get(id);
    if (user === undefined) this.users.set(id, (user = { bytes: 0, waits: false, spent: 0 }));
    return user;
  }

  /** Who waits pays in; when there is enough, the radio is switched on. */
  private collect(profile: RadioProfile): void {
    const need = commitment(profile);
    this.collectAt = Infinity;
    let held = this.held();
    const seconds = Math.min(this.now - this.collectedAt, 1e9) / 1e9;
    this.collectedAt = this.now;
    for (const [id, { waits }] of this.users) {
      if (!waits) continue;
      const level = this.purse.level(id);
      if (level === Infinity) return this.promote(id);
      const brought = Math.min(level, this.purse.rate(id) * seconds * KEPT);
      const offered = Math.max(level - this.purse.capacity(id) * KEPT, brought);
      // Who can pay for all of it alone does: it need not wait for what half of its reserve brings.
      const alone = level + this.purse.pot(id) >= need;
      const before = this.purse.pot(id);
      this.purse.layAside(id, Math.floor(Math.min(need - held, alone ? level : offered)));
      held += this.purse.pot(id) - before;
      if (held >= need) return this.promote(id);
    }
    if ([...this.users.values()].some(({ waits }) => waits)) this.collectAt = this.now + COLLECT_NS;
  }

  private held(): number {
    let held = 0;
    for (const id of this.users.keys()) held += this.purse.pot(id);
    return held;
  }

  private promote(opener: number): void {
    this.opener = opener;
    this.state = "promoting";
    this.promotedAt = this.lastFrameAt = this.now + this.profile!.promoteNs;
    if (this.profile!.promoteNs === 0) this.state = "on";
  }

  /** What the tail has used up since the last frame, and would be committed anew by one now. */
  private extension(profile: RadioProfile): number {
    return tailCost(profile, Math.max(0, this.now - this.lastFrameAt));
  }

  /** Books what was drawn up to `now`, and changes the state when its time is over. */
  private advance(now: number): void {
    const { profile } = this;
    const from = this.now;
    this.now = Math.max(now, from);
    if (profile === null) return;
    if (this.state === "promoting") {
      const to = Math.min(this.now, this.promotedAt);
      this.bookTime(profile.promoteMw * (to - from));
      if (this.now < this.promotedAt) return;
      this.state = "on";
      return this.advanceTail(profile, to);
    }
    if (this.state === "on") this.advanceTail(profile, from);
  }

  private advanceTail(profile: RadioProfile, from: number): void {
    const end = this.lastFrameAt + profile.tailNs;
    const passed = (moment: number): number => tailCost(profile, Math.min(moment, end) - this.lastFrameAt);
    this.bookTime(passed(this.now) - passed(Math.max(from, this.lastFrameAt)));
    if (this.now < end) return;
    this.switchOff();
    this.state = "off";
    // Who still waits could not pay for its frame: it pays in for the next time.
    if ([...this.users.values()].some(({ waits }) => waits)) this.collectAt = this.now;
  }

  private switchOff(): void {
    for (const [id, user] of this.users) {
      this.purse.takeBack(id);
      user.bytes = 0;
    }
    this.opener = -1;
  }

  /** Splits the cost of time by bytes. Each pays its share from its own pot and reserve; before anybody owes, the other pots pay. */
  private bookTime(cost: number): void {
    if (cost <= 0) return;
    const movers = [...this.users].filter(([, { bytes }]) => bytes > 0).map(([id, { bytes }]) => ({ id, bytes }));
    if (movers.length === 0) movers.push({ id: this.opener >= 0 ? this.opener : (this.firstPot() ?? -1), bytes: 1 });
    if (movers[0]!.id < 0) return;
    const total = movers.reduce((sum, { bytes }) => sum + bytes, 0);
    let left = cost;
    const missing: { id: number; picojoules: number }[] = [];
    movers.forEach(({ id, bytes }, at) => {
      const share = at === movers.length - 1 ? left : Math.min(left, Math.floor(cost * (bytes / total)));
      left -= share;
      const own = Math.min(share, this.purse.pot(id) + this.purse.level(id));
      this.book(id, own, true);
      if (own < share) missing.push({ id, picojoules: share - own });
    });
    for (const { id, picojoules } of missing) this.book(id, this.fromOthers(picojoules), true);
  }

  /** Takes what is missing from all pots, by what each holds; returns what they did not hold. */
  private fromOthers(picojoules: number): number {
    const held = this.held();
    const wanted = Math.min(picojoules, held);
    let taken = 0;
    for (const id of this.users.keys()) {
      const part = Math.min(Math.ceil(wanted * (this.purse.pot(id) / held)) || 0, wanted - taken, this.purse.pot(id));
      this.book(id, part, false);
      taken += part;
    }
    return picojoules - taken;
  }

  private firstPot(): number | undefined {
    return [...this.users.keys()].find((id) => this.purse.pot(id) > 0);
  }

  private book(id: number, picojoules: number, owe: boolean): void {
    if (picojoules <= 0) return;
    this.purse.pay(id, picojoules, owe);
    this.user(id).spent += picojoules;
  }
}

function byteCost(profile: RadioProfile, bytes: number, direction: RadioDirection): number {
  const milliwatts = direction === "up" ? profile.perMbpsUpMw : profile.perMbpsDownMw;
  return Math.round(milliwatts * bytes * PICOJOULES_PER_BYTE);
}

/** What the first `passed` nanoseconds behind a frame draw. */
function tailCost(profile: RadioProfile, passed: number): number {
  const time = Math.min(passed, profile.tailNs);
  const active = Math.min(time, ACTIVE_NS);
  return Math.round(profile.activeMw * active + profile.tailMw * (time - active));
}

/** What switching it on commits to: the promotion and a whole tail. */
export function commitment(profile: RadioProfile): number {
  return Math.round(profile.promoteMw * profile.promoteNs) + tailCost(profile, profile.tailNs);
}
