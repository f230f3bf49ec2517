// A reader of the part of CDDL (RFC 8610) that the wire's schemas use. It knows nothing of how they are printed: two texts mean the same
// when what it makes of them is equal. Names are replaced by what they stand for; member names of arrays, comments and the order of
// map entries and of alternatives mean nothing.

/** Rules by name, each in a canonical form. */
export type Rules = Map<string, string>;

type Node =
  | { type: "name"; name: string }
  | { type: "value"; text: string }
  | { type: "range"; from: Node; to: Node }
  | { type: "control"; of: Node; control: string; argument: Node }
  | { type: "choice"; choices: Node[] }
  | { type: "tag"; tag: string; content: Node }
  | { type: "map" | "array" | "group" | "enumeration"; entries: Entry[] };
interface Entry {
  least: number;
  most: number;
  key: Node | null;
  label: string | null;
  value: Node;
}

const TOKEN = /\s+|;[^\n]*|(?<token>"[^"]*"|#6\.\d+|=>|\.\.|\.[a-z]+|[A-Za-z][\w-]*|-?\d+|[=?*+:,/&(){}[\]])/gy;

/** Reads CDDL. Throws for what it does not know, and for a name without a rule. */
export function readCddl(text: string): Rules {
  const rules = new Parser(text).rules();
  return new Map([...rules.keys()].map((name) => [name, canonical({ type: "name", name }, rules)]));
}

class Parser {
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(text: string) {
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const from = TOKEN.lastIndex;
      const match = TOKEN.exec(text);
      if (match === null) throw new Error(`no CDDL: ${text.slice(from, from + 40)}`);
      const token = match.groups!["token"];
      if (token !== undefined) this.tokens.push(token);
    }
  }

  rules(): Map<string, Node> {
    const rules = new Map<string, Node>();
    while (this.at < this.tokens.length) {
      const name = this.take();
      if (rules.has(name)) throw new Error(`${name} is defined twice`);
      this.take("=");
      rules.set(name, this.type());
    }
    return rules;
  }

  private type(): Node {
    const choices = [this.simple()];
    while (this.skipIf("/")) choices.push(this.simple());
    return choices.length === 1 ? choices[0]! : { type: "choice", choices };
  }

  private simple(): Node {
    const of = this.primary();
    if (this.skipIf("..")) return { type: "range", from: of, to: this.primary() };
    const control = this.peek();
    if (control === undefined || !/^\.[a-z]+$/.test(control)) return of;
    this.take();
    return { type: "control", of, control, argument: this.primary() };
  }

  private primary(): Node {
    const token = this.take();
    if (token.startsWith("#6.")) {
      this.take("(");
      const content = this.type();
      this.take(")");
      return { type: "tag", tag: token, content };
    }
    if (token === "{") return { type: "map", entries: this.entries("}") };
    if (token === "[") return { type: "array", entries: this.entries("]") };
    if (token === "&") {
      this.take("(");
      return { type: "enumeration", entries: this.entries(")") };
    }
    if (token === "(") {
      // A group, or a type in parentheses: what stands alone and has no key is the latter.
      const entries = this.entries(")");
      const [only] = entries;
      const alone = entries.length === 1 && only!.key === null && only!.label === null && only!.most === 1;
      return alone ? only!.value : { type: "group", entries };
    }
    if (/^[A-Za-z]/.test(token)) return { type: "name", name: token };
    if (/^("|-?\d)/.test(token)) return { type: "value", text: token };
    throw new Error(`${token} where a type should be`);
  }

  private entries(end: string): Entry[] {
    const entries: Entry[] = [];
    while (!this.skipIf(end)) {
      const [least, most] = this.occurrence();
      const label = this.tokens[this.at + 1] === ":" ? this.take() : null;
      if (label !== null) this.take(":");
      const first = this.type();
      const keyed = this.skipIf("=>");
      entries.push({ least, most, label, key: keyed ? first : null, value: keyed ? this.type() : first });
      if (this.peek() !== end) this.take(",");
    }
    return entries;
  }

  private occurrence(): [least: number, most: number] {
    if (this.skipIf("?")) return [0, 1];
    if (this.skipIf("+")) return [1, Infinity];
    if (this.skipIf("*")) return [0, this.count() ?? Infinity];
    if (!/^\d+$/.test(this.peek() ?? "") || this.tokens[this.at + 1] !== "*") return [1, 1];
    const least = this.count() ?? 0;
    this.take("*");
    return [least, this.count() ?? Infinity];
  }

  private count(): number | null {
    return /^\d+$/.test(this.peek() ?? "") && this.tokens[this.at + 1] !== "=>" ? Number(this.take()) : null;
  }

  private peek(): string | undefined {
    return this.tokens[this.at];
  }

  private skipIf(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at++;
    return true;
  }

  private take(expected?: string): string {
    const token = this.tokens[this.at++];
    if (token === undefined || (expected !== undefined && token !== expected)) {
      throw new Error(
        `${token ?? "the end"} where ${expected ?? "more"} should be, near ${this.tokens.slice(this.at - 8, this.at).join(" ")}`,
      );
    }
    return token;
  }
}

const BUILT_IN = ["uint", "int", "bstr", "tstr", "bool"];

function canonical(node: Node, rules: Map<string, Node>): string {
  const inner = (each: Node): string => canonical(each, rules);
  switch (node.type) {
    case "name": {
      if (BUILT_IN.includes(node.name)) return node.name;
      const meaning = rules.get(node.name);
      if (meaning === undefined) throw new Error(`no rule ${node.name}`);
      return inner(meaning);
    }
    case "value":
      return node.text;
    case "range":
      return `${inner(node.from)}..${inner(node.to)}`;
    case "control":
      return `${inner(node.of)} ${node.control} ${inner(node.argument)}`;
    case "choice":
      return `(${node.choices.map(inner).sort().join(" / ")})`;
    case "tag":
      return `${node.tag}(${inner(node.content)})`;
    case "enumeration":
      return `&(${node.entries.map(({ label, value }) => `${label}: ${inner(value)}`).join(", ")})`;
    case "array":
    case "group":
    case "map": {
      const entries = flatten(node.entries, rules).map(
        ({ least, most, key, value }) => `${least}*${most} ${key === null ? "" : `${inner(key)} => `}${inner(value)}`,
      );
      return `${node.type}[${(node.type === "map" ? entries.sort() : entries).join(", ")}]`;
    }
  }
}

/** A group that stands in a map or an array is its entries. */
function flatten(entries: Entry[], rules: Map<string, Node>): Entry[] {
  return entries.flatMap((entry) => {
    const group = entry.key === null && entry.value.type === "name" ? rules.get(entry.value.name) : undefined;
    return group?.type === "group" ? flatten(group.entries, rules) : [entry];
  });
}
