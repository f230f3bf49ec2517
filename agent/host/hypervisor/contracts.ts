// What the host writes before it asks: the board block, the definition block of a partition's contracts and of a channel's.

import * as abi from "../../../kernel/abi/hypervisor.ts";
import * as reasons from "../../../kernel/abi/reasons.ts";
import type {
  BoardSpec,
  ChannelContract,
  Contracts,
  HealthAction,
  RateLimit,
  RestartPolicy,
} from "../../handset/contracts.ts";
import type { AuditChain } from "../between/messages.ts";
import type { HypervisorMemory } from "./memory.ts";

const ACTIONS: Record<HealthAction, number> = {
  ignore: reasons.ACTION_IGNORE,
  log: reasons.ACTION_LOG,
  restart: reasons.ACTION_RESTART,
  pause: reasons.ACTION_PAUSE,
  stop: reasons.ACTION_STOP,
};

/** The board block. `originMs`: milliseconds since 1970 when the clock was 0. */
export function writeBoard(
  memory: HypervisorMemory,
  board: BoardSpec,
  mode: "realtime" | "deterministic",
  chain: AuditChain | null,
  originMs: number,
): void {
  memory.set(abi.BOARD_ABI_VERSION, abi.HYPERVISOR_ABI_VERSION);
  memory.set(abi.BOARD_MODE, mode === "realtime" ? abi.CLOCK_REALTIME : abi.CLOCK_VIRTUAL);
  memory.setWide(abi.BOARD_RAM, BigInt(board.ramBytes));
  memory.setWide(abi.BOARD_RESERVE, BigInt(board.reserveBytes));
  memory.set(abi.BOARD_CPU_LIMIT, 0);
  memory.set(abi.BOARD_ENERGY_RATE, board.envelopeMicrowatts);
  const { costs } = board;
  const byKind: [number, number][] = [
    [abi.CHARGE_INSTRUCTION, costs.instruction],
    [abi.CHARGE_BLOCK_OPERATION, costs.blockOperation],
    [abi.CHARGE_BLOCK_BYTE, costs.blockByte],
    [abi.CHARGE_CONSOLE_BYTE, costs.consoleByte],
    [abi.CHARGE_NETWORK_BYTE, costs.networkByte],
  ];
  for (const [kind, cost] of byKind) memory.set(abi.BOARD_COSTS + kind * 4, cost);
  if (chain !== null) {
    memory.bytes.set(chain.hash, abi.BOARD_AUDIT_HASH);
    memory.setWide(abi.BOARD_AUDIT_SEQUENCE, chain.sequence);
    memory.set(abi.BOARD_AUDIT_CHAIN, chain.from);
  }
  memory.setWide(abi.BOARD_AUDIT_ORIGIN, BigInt(Math.round(originMs)));
}

/** The definition block of a partition. */
export function writeDefinition(
  memory: HypervisorMemory,
  memoryBytes: number,
  contracts: Contracts,
  restart: RestartPolicy,
): void {
  memory.bytes.fill(0, abi.DEFINITION, abi.DEFINITION + abi.DEFINITION_BYTES);
  memory.setWide(abi.DEFINITION_MEMORY, BigInt(memoryBytes));
  writeContracts(memory, contracts);
  writeRestart(memory, restart);
}

/** The definition block of a channel. */
export function writeChannel(memory: HypervisorMemory, { capacity, bytes, messages }: ChannelContract): void {
  memory.set(abi.DEFINITION_CHANNEL_CAPACITY, capacity);
  memory.set(abi.DEFINITION_CHANNEL_BYTES, bytes?.rate ?? 0);
  memory.set(abi.DEFINITION_CHANNEL_BYTES + 4, bytes?.burst ?? 0);
  memory.set(abi.DEFINITION_CHANNEL_MESSAGES, messages?.rate ?? 0);
  memory.set(abi.DEFINITION_CHANNEL_MESSAGES + 4, messages?.burst ?? 0);
}

function writeContracts(memory: HypervisorMemory, { cpu, energy, io }: Contracts): void {
  memory.set(abi.DEFINITION_CLASS, cpu.class === "guaranteed" ? abi.CLASS_GUARANTEED : abi.CLASS_BEST_EFFORT);
  memory.set(abi.DEFINITION_BUDGET, cpu.budget);
  memory.set(abi.DEFINITION_PERIOD, cpu.period);
  memory.set(abi.DEFINITION_CEILING, cpu.ceiling ?? abi.CEILING_NONE);
  memory.set(abi.DEFINITION_WEIGHT, cpu.weight);
  memory.set(abi.DEFINITION_ENERGY, energy === null ? 0 : 1);
  if (energy !== null) {
    memory.setWide(abi.DEFINITION_ENERGY_CAPACITY, energy.capacity);
    memory.set(abi.DEFINITION_ENERGY_RATE, energy.rate);
    memory.set(abi.DEFINITION_ENERGY_SHARE, energy.share);
  }
  const limits: [number, RateLimit | null][] = [
    [abi.CHARGE_BLOCK_OPERATION, io.blockOperations],
    [abi.CHARGE_BLOCK_BYTE, io.blockBytes],
    [abi.CHARGE_CONSOLE_BYTE, io.consoleBytes],
  ];
  for (const [kind, limit] of limits) {
    memory.set(abi.DEFINITION_BUCKETS + kind * 8, limit?.rate ?? 0);
    memory.set(abi.DEFINITION_BUCKETS + kind * 8 + 4, limit?.burst ?? 0);
  }
}

function writeRestart(memory: HypervisorMemory, policy: RestartPolicy): void {
  memory.set(abi.DEFINITION_NO_PROGRESS, policy.noProgressMs);
  memory.set(abi.DEFINITION_RESTART_MAX, policy.max);
  memory.set(abi.DEFINITION_BACKOFF_FIRST, policy.backoffFirstMs);
  memory.set(abi.DEFINITION_BACKOFF_MAX, policy.backoffMaxMs);
  const own = abi.DEFINITION_ACTIONS + reasons.LEVEL_PARTITION * reasons.FAIL_COUNT;
  const handset = abi.DEFINITION_ACTIONS + reasons.LEVEL_HANDSET * reasons.FAIL_COUNT;
  for (let failure = 0; failure < reasons.FAIL_COUNT; failure++) {
    memory.bytes[own + failure] = ACTIONS[policy.onFailure];
    memory.bytes[handset + failure] = reasons.ACTION_STOP;
  }
}
