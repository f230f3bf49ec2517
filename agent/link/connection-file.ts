// What the link remembers over restarts: how often it connected and was started, and which brokers speak MQTT 3.1.1 only.
//
// The connection counter tells a birth from the late will of an earlier connection, so it must never come twice. It is on the disk before a
// connection begins; and it is never below the real-time clock's seconds, so that a lost file or a disk that refuses does not
// bring old numbers back.

import { readDurable, writeDurably } from "../durable-file.ts";

const FILE_BYTES_MAX = 8192;
/** No clock is believed beyond this: about 36,000 years, and far below 2^53. */
const COUNT_FROM_CLOCK_MAX = 2 ** 40;
const BROKERS_MAX = 16;

interface Contents {
  format: 1;
  connection: number;
  boot: number;
  /** Brokers that take 3.1.1 only, by address. */
  plain: string[];
}

export class ConnectionFile {
  private readonly path: string;
  private readonly wall: () => number;
  private contents: Contents;
  /** Why the disk refused last; empty when it takes what it is given. */
  trouble = "";

  /** Opens the file at `path`, and counts a start. `wall` is seconds since 1970. A file that is damaged counts as none. */
  constructor(path: string, wall: () => number) {
    this.path = path;
    this.wall = wall;
    this.contents = this.read() ?? { format: 1, connection: 0, boot: 0, plain: [] };
    this.contents.boot++;
    this.write();
  }

  get boot(): number {
    return this.contents.boot;
  }

  /** The number of the connection that is about to begin; on the disk when this returns, unless `trouble` says why not. */
  nextConnection(): number {
    const clock = Math.min(Math.max(0, Math.floor(this.wall())) || 0, COUNT_FROM_CLOCK_MAX);
    this.contents.connection = Math.max(this.contents.connection + 1, clock);
    this.write();
    return this.contents.connection;
  }

  /** The version to try with a broker. */
  version(broker: string): 4 | 5 {
    return this.contents.plain.includes(broker) ? 4 : 5;
  }

  /** Remembers what a broker took, or forgets it: 5. */
  remember(broker: string, version: 4 | 5): void {
    if (this.version(broker) === version) return;
    const others = this.contents.plain.filter((each) => each !== broker);
    this.contents.plain = version === 4 ? [...others, broker].slice(-BROKERS_MAX) : others;
    this.write();
  }

  private write(): void {
    try {
      writeDurably(this.path, Buffer.from(JSON.stringify(this.contents)));
      this.trouble = "";
    } catch (error) {
      this.trouble = (error as Error).message;
    }
  }

  private read(): Contents | null {
    try {
      const bytes = readDurable(this.path, FILE_BYTES_MAX);
      if (bytes === null) return null;
      const { format, connection, boot, plain } = JSON.parse(Buffer.from(bytes).toString("utf8")) as Contents;
      const whole = [connection, boot].every((each) => Number.isSafeInteger(each) && each >= 0);
      if (format !== 1 || !whole || !Array.isArray(plain)) return null;
      return { format, connection, boot, plain: plain.filter((each) => typeof each === "string").slice(-BROKERS_MAX) };
    } catch (error) {
      this.trouble = (error as Error).message;
      return null;
    }
  }
}
