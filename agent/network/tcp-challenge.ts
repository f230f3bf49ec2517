// Challenges: an acknowledgement that says where we stand, for a segment that could be a stranger's (RFC 5961). A flood of such segments must not
// become a flood of answers (§7).

import type { Clock } from "./contracts.ts";

/** In one second. */
const CHALLENGES_MOST = 10;

export class ChallengeLimit {
  private second = 0;
  private count = 0;

  /** Whether one more may be sent now. */
  allows(clock: Clock): boolean {
    const second = Math.floor(clock.now() / 1000);
    if (second !== this.second) [this.second, this.count] = [second, 0];
    return ++this.count <= CHALLENGES_MOST;
  }
}
