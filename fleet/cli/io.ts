// What a fleet command has of its surroundings. Tests bring their own.

export interface Io {
  /** A line of the answer, on standard output. */
  out(line: string): void;
  /** A line for the person, on standard error. */
  say(line: string): void;
  /** A line for the person that takes the place of the one before; there is none when nobody looks at a terminal. */
  progress?(line: string): void;
  endProgress?(): void;
  /** A picture in lines, for the person; there is none when nobody looks at a terminal. */
  show?(lines: string[]): void;
  /** Asks; null when there is nobody to ask. */
  ask(question: string): Promise<string | null>;
  environment: NodeJS.ProcessEnv;
  /** Seconds since 1970. */
  now(): number;
  /** Aborted when the person has had enough. */
  signal: AbortSignal;
  /** Resolves after so many seconds, or when the signal is aborted. Real time if not said. */
  sleep?: (seconds: number, signal: AbortSignal) => Promise<void>;
}
