// Whether a worker comes round. It shares its words with who watches it: word 0 is its doorbell, word 1 its heartbeat, word 2 what the bell read
// when it last lay down,
// word 3 is for the I/O workers: when one of them gave discarded blocks back (disk/give-back).
//
// The idea. The beat rises whenever something changes: by two for each round, by one for lying down and by one for getting up. So it is odd while
// the worker is awake and even while it sleeps. A worker that is awake and whose beat stands still hangs. One that sleeps has nothing due,
// unless its bell has rung since it lay down. 0 is a worker that has not begun. The watch counts looks, not time: a computer that slept, or a
// process that was stopped, finds both where they were, and one late look is one look.

const BELL = 0;
const BEAT = 1;
const SLEPT_ON = 2;
/** Word of the second in which discarded blocks were last given back. */
export const GAVE_BACK = 3;
export const HEARTBEAT_WORDS = 4;
/** Looks at the same beat after which a worker is given up. */
const LOOKS = 5;

/** The worker's side. */
export class Heartbeat {
  private readonly words: Int32Array;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** A round of the loop begins; the first one ends the time before the start. */
  round(): void {
    Atomics.add(this.words, BEAT, Atomics.load(this.words, BEAT) === 0 ? 1 : 2);
  }

  /** Sleeps until the bell differs from `heard`, at most `milliseconds`. */
  sleep(heard: number, milliseconds: number): void {
    Atomics.store(this.words, SLEPT_ON, heard);
    Atomics.add(this.words, BEAT, 1);
    Atomics.wait(this.words, BELL, heard, milliseconds);
    Atomics.add(this.words, BEAT, 1);
  }
}

/** The other side: look() is to be called at even intervals. */
export class HeartbeatWatch {
  private readonly words: Int32Array;
  private seen = 0;
  private looks = 0;

  constructor(words: Int32Array) {
    this.words = words;
  }

  /** Whether the worker has something to do and has not come round for LOOKS looks. */
  look(): boolean {
    const beat = Atomics.load(this.words, BEAT);
    const due = (beat & 1) === 1 || Atomics.load(this.words, BELL) !== Atomics.load(this.words, SLEPT_ON);
    this.looks = due && beat !== 0 && beat === this.seen ? this.looks + 1 : 0;
    this.seen = beat;
    return this.looks >= LOOKS;
  }

  /** Looks again and again, and calls `hung` once after `milliseconds` without a round. Returns how to stop. */
  start(milliseconds: number, hung: () => void): () => void {
    const timer = setInterval(() => {
      if (!this.look()) return;
      clearInterval(timer);
      hung();
    }, milliseconds / LOOKS);
    timer.unref();
    return () => clearInterval(timer);
  }
}
