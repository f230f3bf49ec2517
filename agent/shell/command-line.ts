// A line of the prompt: either a command as on the command line (`pause work`, `budget work --ceiling 20ms`) or JavaScript.

import { commands } from "../command.ts";

const WORD = /^[A-Za-z0-9][A-Za-z0-9._%-]*$/;
const OPTION = /^--([a-z-]+)(?:=(.*))?$/;

/** The line as JavaScript. */
export function commandLine(line: string): string {
  const [name, ...words] = line.trim().split(/\s+/);
  if (name === "help" && words.length === 0) return "help()";
  const command = commands().find((each) => each.name === name);
  if (command === undefined) return line;
  const positionals: string[] = [];
  const options: Record<string, string> = {};
  for (let at = 0; at < words.length; at++) {
    const option = OPTION.exec(words[at]!);
    const flag = option !== null && Object.hasOwn(command.flags ?? {}, option[1]!);
    const value = option === null ? words[at] : (option[2] ?? (flag ? "true" : words[++at]));
    // `ls = 3` or `why ? 1 : 2` is JavaScript.
    if (value === undefined || !WORD.test(value)) return line;
    if (option === null) positionals.push(value);
    else options[option[1]!] = value;
  }
  const values = [...positionals, ...(Object.keys(options).length > 0 ? [options] : [])];
  return `${name}(${values.map((value) => JSON.stringify(value)).join(", ")})`;
}
