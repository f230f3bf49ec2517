// Which names an address was given out for, and until when: rules that name hosts let flows go to those addresses alone.

/** RFC 1035 leaves a cache free to forget; a flow that is open when its name's time is up may be opened again for so long. */
const GRACE_MS = 3_600_000;
const ADDRESSES_MOST = 4096;
const NAMES_MOST = 16;

export class Names {
  private readonly byAddress = new Map<string, Map<string, number>>();
  private readonly now: () => number;

  /** `now` is monotonic milliseconds. */
  constructor(now: () => number) {
    this.now = now;
  }

  /** `address` was given out for `name`, for `seconds`. */
  learn(name: string, address: string, seconds: number): void {
    const names = this.byAddress.get(address) ?? new Map<string, number>();
    // Both are in the order in which they were learnt last: the first one goes.
    this.byAddress.delete(address);
    this.byAddress.set(address, names);
    names.delete(name);
    names.set(name, this.now() + seconds * 1000);
    if (names.size > NAMES_MOST) names.delete(names.keys().next().value!);
    if (this.byAddress.size > ADDRESSES_MOST) this.byAddress.delete(this.byAddress.keys().next().value!);
  }

  /** Names that the address stands for now; `open`: for a flow that is open already. */
  of(address: string, open = false): string[] {
    const least = this.now() - (open ? GRACE_MS : 0);
    return [...(this.byAddress.get(address) ?? [])].filter(([, until]) => until > least).map(([name]) => name);
  }

  /** Every name that is known now, with its addresses: for who looks. */
  all(): { name: string; address: string }[] {
    return [...this.byAddress.keys()].flatMap((address) => this.of(address).map((name) => ({ name, address })));
  }

  forget(): void {
    this.byAddress.clear();
  }
}
