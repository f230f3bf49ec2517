// The command line of qemu-system-arm's `virt` machine, once for all who compare with it.

export const QEMU = "qemu-system-arm";

/** Arguments of a `virt` machine without display and monitor. No network card: QEMU would put one in by itself, and ends when
 *  the card's option ROM is not installed (Debian has it in a package that qemu-system-arm only recommends). */
export function virtArguments(cpu: string, ramMib: number, serial: "stdio" | "null" | "none"): string[] {
  const machine = ["-M", "virt", "-cpu", cpu, "-m", `${ramMib}`, "-nic", "none"];
  return [...machine, "-display", "none", "-monitor", "none", "-serial", serial];
}
