// Who pays for a round: everything that the thread had the processor for is in somebody's books, once.

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NO_PARTITION } from "../../../../../kernel/abi/hypervisor.js";
import { RoundBill } from "../../../../../agent/host/worker/round-bill.js";
import { Generator } from "../../../../support/generator.js";

const bills = suite("round-bill");

class Books {
  bookedNs = 0;
  readonly by = new Map<number, number>();
  cpu = 5000;

  mark(): void {}

  bill(id: number, ns: number): void {
    this.bookedNs += ns;
    this.by.set(id, (this.by.get(id) ?? 0) + ns);
  }

  of(id: number): number {
    return this.by.get(id) ?? 0;
  }
}

bills("the rest of a round is shared by its causes, or is the handset's; other threads' work is apart", () => {
  const books = new Books();
  const round = new RoundBill(books, () => books.cpu);
  round.begin();
  books.bookedNs += 700; // a slice
  books.cpu += 1000;
  round.causedBy(1);
  round.causedBy(2);
  round.causedBy(1);
  round.end();
  assert.equal([books.of(1), books.of(2), books.of(NO_PARTITION)], [150, 150, 0]);
  round.begin();
  books.cpu += 40;
  round.ranIn(2);
  round.end();
  assert.equal([books.of(2), books.of(NO_PARTITION)], [190, 0], "who ran pays when nobody wanted anything");
  round.begin();
  round.elsewhere(1, 5000);
  books.cpu += 80;
  round.end();
  assert.equal([books.of(1), books.of(NO_PARTITION)], [5150, 80]);
});

bills("over many rounds the books hold the thread's time exactly, also when slices were booked too long", () => {
  const books = new Books();
  const round = new RoundBill(books, () => books.cpu);
  const generator = new Generator(5);
  const begun = books.cpu;
  for (let n = 0; n < 5000; n++) {
    round.begin();
    const slices = generator.below(100_000);
    books.bookedNs += slices;
    // Now and then the host takes time away in the middle of a slice, which was booked whole.
    books.cpu += slices - (generator.below(10) === 0 ? generator.below(slices + 1) : 0) + generator.below(20_000);
    if (generator.below(2) === 0) round.causedBy(generator.below(3));
    round.end();
  }
  const off = Math.abs(books.bookedNs - (books.cpu - begun));
  assert.ok(off <= 1_000_000, `${off} ns are in no books, or twice`);
});

bills.run();
