// An emulated handset: qemu-system-aarch64 around a board's image.

import { spawn, type ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { existsSync } from "node:fs";
import { ImageBuildError } from "../image/failure.ts";

/** UEFI for the machine (package qemu-efi-aarch64). */
const FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd";
/** How long an orderly end may take: an emulated handset on a busy computer is slow. */
const GRACE_MS = 120_000;
/** This computer, as the handset sees it through QEMU's user network. */
export const HOST_ADDRESS = "10.0.2.2";

export interface MachineOptions {
  disk: string;
  memory: string;
  battery: string;
  /** A path for QEMU's monitor protocol. */
  socket: string;
}

/** What an emulated handset needs and this computer lacks; null: nothing. */
export function missingFirmware(): string | null {
  return existsSync(FIRMWARE) ? null : "UEFI for aarch64 is missing: apt-get install qemu-efi-aarch64";
}

/** QEMU's arguments. The host sees the serial console as standard output. */
export function machineArguments({ disk, memory, battery, socket }: MachineOptions): string[] {
  return [
    ...["-M", "virt", "-cpu", "cortex-a53", "-smp", "1", "-m", memory, "-nodefaults", "-display", "none"],
    ...["-bios", FIRMWARE, "-serial", "stdio", "-qmp", `unix:${socket},server=on,wait=off`],
    ...["-drive", `if=none,id=disk,format=raw,cache=writeback,discard=unmap,file=${disk}`],
    ...["-device", "virtio-blk-pci,drive=disk,romfile="],
    ...["-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-device", "virtio-rng-pci"],
    ...["-object", `memory-backend-file,id=battery,share=on,mem-path=${battery},size=1M`],
    ...["-device", "ivshmem-plain,memdev=battery,addr=0x10"],
  ];
}

export class EmulatedHandset {
  /** QEMU's exit status; 0 after the handset has switched itself off. */
  readonly ended: Promise<number>;
  private readonly child: ChildProcess;
  private readonly socket: string;
  private over = false;

  /** Starts it. `line` hears each line of its serial console. */
  constructor(options: MachineOptions, line: (text: string) => void) {
    const missing = missingFirmware();
    if (missing !== null) throw new ImageBuildError("IMAGE_PROGRAM", missing);
    this.socket = options.socket;
    this.child = spawn("qemu-system-aarch64", machineArguments(options), {
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let rest = "";
    this.child.stdout!.setEncoding("latin1").on("data", (text: string) => {
      const lines = (rest + text).slice(-65_536).split(/\r*\n/);
      rest = lines.pop()!;
      lines.forEach(line);
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text: string) => line(`qemu: ${text.trim()}`));
    this.ended = new Promise((resolve) => {
      this.child.once("error", () => resolve(127));
      this.child.once("exit", (status) => resolve(status ?? 1));
    });
    void this.ended.then(() => (this.over = true));
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Presses the power key, waits for the orderly end, and cuts the power of what takes too long. Returns QEMU's status. */
  async powerOff(graceMs = GRACE_MS): Promise<number> {
    if (!this.over) await this.command("system_powerdown").catch(() => undefined);
    const late = setTimeout(() => this.cut(), graceMs);
    const status = await this.ended;
    clearTimeout(late);
    return status;
  }

  /** The power is gone. */
  cut(): void {
    this.child.kill("SIGKILL");
  }

  /** One command of QEMU's monitor protocol (QMP). */
  private command(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.socket);
      socket.once("error", reject);
      socket.write(`{"execute":"qmp_capabilities"}\n{"execute":"${name}","id":"asked"}\n`);
      let text = "";
      socket.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        if (!text.includes('"asked"')) return;
        socket.end();
        resolve();
      });
      socket.once("close", () => reject(new Error("QEMU's monitor went away")));
    });
  }
}
