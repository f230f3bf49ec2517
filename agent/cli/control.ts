// The verbs that speak to a running handset: each is a command of agent/command, carried over the control socket.

import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { commandNamed, type Command } from "../command.ts";
import { checkSocketOwner, controlSocketPath } from "../control-path.ts";
import { escapeText } from "../escape.ts";
import { HostError, UsageError } from "../failure.ts";
import { lines } from "../host/index.ts";
import { answerText } from "./answer-text.ts";
import { parseOptions, type OptionTable } from "./arguments.ts";
import { chosenHandset, runningHandsets } from "./chosen-handset.ts";
import { EXIT_LEFT, EXIT_OK } from "./exit-codes.ts";
import { canDraw, liveView, type AttachedConsole } from "./live-view.ts";
import { tableOf } from "./top.ts";
import type { HandsetView } from "../view.ts";

/** Commands whose answer may be watched: they change nothing and are short. */
const WATCHED = ["ls", "inspect", "why", "net"];
const WATCH_MS = 1000;
/** An end that takes longer is explained. */
const NOTICE_MS = 1000;
const WIDTH = 100;

/** A connection to a running handset. */
export class ControlClient {
  private readonly socket: Socket;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private readonly consoles = new Map<number, { output: (bytes: Buffer) => void; ended: (why: string) => void }>();
  private nextId = 1;

  private constructor(socket: Socket) {
    this.socket = socket;
    // Answers are larger than requests: a log is 64 KiB of text, escaped.
    lines(socket, (line) => this.receive(line), 4 << 20);
    socket.on("error", () => this.lost());
    socket.on("close", () => this.lost());
  }

  /** Connects to the handset of this name. Throws HostError when none runs. */
  static async connect(handset: string): Promise<ControlClient> {
    const path = controlSocketPath(handset);
    checkSocketOwner(path);
    const socket = connect(path);
    const connected = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    if (!connected) {
      const others = await runningHandsets();
      const hint = others.length === 0 ? "" : ` Running here: ${others.join(", ")} (--handset NAME).`;
      throw new HostError(
        "HANDSET_DOWN",
        `no handset "${handset}" runs here`,
        `Start one with: pocketvisor up.${hint}`,
      );
    }
    return new ControlClient(socket);
  }

  call(name: string, positionals: string[] = [], options: Record<string, string> = {}): Promise<unknown> {
    return this.send({ command: name, positionals, options }).answer;
  }

  /** Evaluates a line of JavaScript, or a command line, in this connection's shell. */
  evaluate(line: string): Promise<{ json: string | null }> {
    return this.send({ eval: line }).answer as Promise<{ json: string | null }>;
  }

  /** Attaches to a console; returns where to send input. */
  async attach(
    partition: string,
    output: (bytes: Buffer) => void,
    ended: (why: string) => void = () => undefined,
  ): Promise<(bytes: Buffer) => void> {
    const { id, answer } = this.send({ attach: partition });
    this.consoles.set(id, { output, ended });
    await answer;
    return (bytes) => void this.socket.write(`${JSON.stringify({ id, input: bytes.toString("base64") })}\n`);
  }

  /** Lets a debugger come to a partition until this connection ends; returns the path of its socket. */
  async debug(partition: string, ended: (why: string) => void): Promise<string> {
    const { id, answer } = this.send({ debug: partition });
    this.consoles.set(id, { output: () => undefined, ended });
    return ((await answer) as { path: string }).path;
  }

  close(): void {
    this.socket.end();
  }

  /** Resolves when the handset has gone. */
  closed(): Promise<void> {
    return new Promise((resolve) => this.socket.once("close", () => resolve()));
  }

  private send(request: object): { id: number; answer: Promise<unknown> } {
    const id = this.nextId++;
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
    this.socket.write(`${JSON.stringify({ id, ...request })}\n`);
    return { id, answer };
  }

  private receive(line: string): void {
    const message = JSON.parse(line) as {
      id: number;
      value?: unknown;
      console?: string;
      detached?: string;
      error?: { code: string; message: string; hint: string; usage: boolean };
    };
    if (message.console !== undefined) {
      this.consoles.get(message.id)?.output(Buffer.from(message.console, "base64"));
      return;
    }
    if (message.detached !== undefined) {
      this.consoles.get(message.id)?.ended(message.detached);
      return;
    }
    const waiter = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.error === undefined) waiter?.resolve(message.value);
    else {
      const { code, message: text, hint, usage } = message.error;
      waiter?.reject(usage ? new UsageError(code, text, hint) : new HostError(code, text, hint));
    }
  }

  private lost(): void {
    for (const { reject } of this.waiting.values()) reject(new HostError("HANDSET_GONE", "the handset has ended"));
    this.waiting.clear();
  }
}

/** The options of a command on the command line. */
export function controlOptions(command: Command): OptionTable {
  const own = Object.keys(command.options).map((option) => [option, { type: "string" as const }]);
  const flags = Object.keys(command.flags ?? {}).map((flag) => [flag, { type: "boolean" as const }]);
  return {
    ...{ handset: { type: "string" }, json: { type: "boolean" }, help: { type: "boolean" } },
    ...(command.changes ? { "dry-run": { type: "boolean" } } : {}),
    ...(WATCHED.includes(command.name) ? { watch: { type: "boolean" } } : {}),
    ...(Object.fromEntries([...own, ...flags]) as OptionTable),
  };
}

/** Runs one of the control verbs; returns the exit status. */
export async function controlCommand(name: string, args: string[]): Promise<number> {
  const command = commandNamed(name);
  const parsed = parseOptions(args, controlOptions(command), command.positionals.length);
  if (parsed.flag("help")) {
    console.log(controlHelp(command));
    return EXIT_OK;
  }
  const options: Record<string, string> = {};
  for (const option of Object.keys(command.options)) {
    const value = parsed.text(option);
    if (value !== null) options[option] = value;
  }
  for (const flag of Object.keys(command.flags ?? {})) if (parsed.flag(flag)) options[flag] = "true";
  const client = await ControlClient.connect(await chosenHandset(parsed.text("handset")));
  const waits = command.flags?.["now"] !== undefined && options["now"] === undefined;
  const notice = waits ? setTimeout(() => console.error(waitText(name, parsed.positionals)), NOTICE_MS) : undefined;
  try {
    if (parsed.flag("dry-run") && command.changes) {
      if (command.positionals.length > 0) await client.call("inspect", parsed.positionals);
      console.log(`would ${name} ${escapeText(parsed.positionals.join(" "))}; nothing was changed`);
      return EXIT_OK;
    }
    const text = async (): Promise<string> => {
      const value = await client.call(name, parsed.positionals, options);
      return parsed.flag("json") ? JSON.stringify(value) : answerText(command, value, process.stdout.columns || WIDTH);
    };
    if (parsed.flag("watch")) return await watch(client, text, parsed.flag("json"));
    const gone = client.closed();
    const answer = await text();
    if (name === "down") await gone;
    console.log(answer);
    return EXIT_OK;
  } finally {
    clearTimeout(notice);
    client.close();
  }
}

function waitText(name: string, positionals: string[]): string {
  const what = ["pocketvisor", name, ...positionals, "--now"].map((word) => escapeText(word)).join(" ");
  return `pocketvisor: waiting for the power-off; from another terminal this cuts it: ${what}`;
}

/** Prints an answer once a second until it is interrupted or the handset ends: in place on a terminal, else one below the other. */
async function watch(client: ControlClient, text: () => Promise<string>, json: boolean): Promise<number> {
  const quit = new AbortController();
  const interrupt = (): void => quit.abort("interrupted");
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  void client.closed().then(() => quit.abort("down"));
  const inPlace = process.stdout.isTTY === true && !json;
  try {
    for (;;) {
      const answer = await text();
      if (inPlace) process.stdout.write(`\x1b[H${answer.replaceAll("\n", "\x1b[K\n")}\x1b[K\n\x1b[J`);
      else console.log(json ? answer : `${answer}\n`);
      await sleep(WATCH_MS, undefined, { signal: quit.signal });
    }
  } catch (error) {
    if (!quit.signal.aborted) throw error;
    return quit.signal.reason === "down" ? EXIT_OK : EXIT_LEFT;
  } finally {
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

export const TOP_HELP = `usage: pocketvisor top [--handset NAME] [--json]

A live view of the running handset; ? explains its keys. Without a terminal it prints one table.

  --handset NAME  which handset, when several run (or set POCKETVISOR_HANDSET)
  --json          prints one view as JSON`;

export const TOP_OPTIONS: OptionTable = {
  handset: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean" },
};

/** pocketvisor top: the live view of a running handset. */
export async function topCommand(args: string[]): Promise<number> {
  const parsed = parseOptions(args, TOP_OPTIONS, 0);
  if (parsed.flag("help")) {
    console.log(TOP_HELP);
    return EXIT_OK;
  }
  const handset = await chosenHandset(parsed.text("handset"));
  const client = await ControlClient.connect(handset);
  try {
    const view = (): Promise<HandsetView> => client.call("ls") as Promise<HandsetView>;
    if (parsed.flag("json")) console.log(JSON.stringify(await view()));
    else if (!canDraw()) console.log(tableOf(await view(), null, WIDTH).join("\n"));
    else {
      const quit = new AbortController();
      void client.closed().then(() => quit.abort("down"));
      const actions = {
        command: (name: string, positionals: string[]) => client.call(name, positionals),
        attach: (partition: string, output: (bytes: Buffer) => void) => attachAnew(handset, partition, output),
      };
      await liveView(view, actions, quit, "leave: the handset runs on");
    }
    return EXIT_OK;
  } finally {
    client.close();
  }
}

/** Attaches over a connection of its own, whose end detaches. */
async function attachAnew(
  handset: string,
  partition: string,
  output: (bytes: Buffer) => void,
): Promise<AttachedConsole> {
  const client = await ControlClient.connect(handset);
  try {
    return { input: await client.attach(partition, output), detach: () => client.close() };
  } catch (error) {
    client.close();
    throw error;
  }
}

/** Of every command that takes nothing but a partition. */
export const NAMED_OPTIONS: OptionTable = { handset: { type: "string" }, help: { type: "boolean" } };

/** What `--help` says of a command. */
export function controlHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, text]) => `  --${name} VALUE  ${text}`);
  const usageLine = [
    "usage: pocketvisor",
    command.name,
    ...command.positionals,
    options.length + Object.keys(command.flags ?? {}).length > 0 ? "[OPTIONS]" : "",
  ]
    .join(" ")
    .trim();
  for (const [name, text] of Object.entries(command.flags ?? {})) options.push(`  --${name}  ${text}`);
  const common = [
    "  --handset NAME  which handset, when several run (or set POCKETVISOR_HANDSET)",
    "  --json  the answer as JSON",
  ];
  if (WATCHED.includes(command.name)) common.push("  --watch  again each second, until Ctrl-C");
  if (command.changes) common.push("  --dry-run  changes nothing");
  return [
    usageLine,
    "",
    `${command.summary[0]!.toUpperCase()}${command.summary.slice(1)}.`,
    "",
    ...options,
    ...common,
  ].join("\n");
}
