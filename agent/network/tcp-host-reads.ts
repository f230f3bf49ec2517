// How fast the host reads for a guest: as much as the flow's ring has room for. Without room it pauses, and goes on when there is as much room as it
// last had, so that a slow guest does not make it read a few bytes at a time.

const READ_MOST = 65_536;
/** No read is smaller than this while something waits to be sent. */
const READ_LEAST = 2048;

export class HostReads {
  private granted = READ_LEAST;
  private paused = false;

  /** How many bytes the host may read next, with `room` bytes free; 0: it pauses. */
  grant(room: number): number {
    const most = Math.min(room, READ_MOST);
    this.paused = most < Math.min(READ_LEAST, this.granted);
    if (this.paused) return 0;
    this.granted = most;
    return most;
  }

  /** Whether a paused host is to read again, now that `room` bytes are free. */
  resumes(room: number): boolean {
    if (!this.paused || room < this.granted) return false;
    this.paused = false;
    return true;
  }
}
