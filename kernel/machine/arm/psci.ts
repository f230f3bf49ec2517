// Power State Coordination Interface over HVC. Arm DEN 0022D; calling convention: Arm DEN 0028 (SMCCC).
// One CPU: CPU_ON of another one is refused, CPU_OFF of the last one powers the machine off. CPU_SUSPEND knows one state, standby.

import { IRQ_LINE } from "../../abi/layout";
import { RUN_POWER_OFF, RUN_RESET } from "../../abi/reasons";
import { exitRequest } from "../devices/exit";
import { hypercall } from "./hypercall";
import { register, setRegister } from "./state";

const PSCI_VERSION: u32 = 0x8400_0000;
const PSCI_CPU_SUSPEND: u32 = 0x8400_0001;
const PSCI_CPU_OFF: u32 = 0x8400_0002;
const PSCI_CPU_ON: u32 = 0x8400_0003;
const PSCI_AFFINITY_INFO: u32 = 0x8400_0004;
const PSCI_MIGRATE_INFO_TYPE: u32 = 0x8400_0006;
const PSCI_SYSTEM_OFF: u32 = 0x8400_0008;
const PSCI_SYSTEM_RESET: u32 = 0x8400_0009;
const PSCI_FEATURES: u32 = 0x8400_000a;
const SMCCC_VERSION: u32 = 0x8000_0000;

// Return codes, DEN 0022D §5.2.2. An unknown function is NOT_SUPPORTED (-1) in PSCI and SMCCC alike.
const SUCCESS: u32 = 0;
const NOT_SUPPORTED: u32 = <u32>-1;
const INVALID_PARAMETERS: u32 = <u32>-2;
const ALREADY_ON: u32 = <u32>-4;

/** §5.4.2 power_state: StateID, bits 15:0, and StateType, bit 16. The affinity level must be 0, and the rest is reserved. */
const POWER_STATE_BITS: u32 = 0x1_ffff;

/** The hypervisor call: function in r0, arguments in r1 …, answer in r0. True when the CPU is to wait for an interrupt before it goes on. */
export function psciCall(): bool {
  const call = register(0);
  const argument = register(1);
  setRegister(0, answer(call));
  // §5.4.5: a powerdown request may end as standby does, with SUCCESS and all state kept; so every state is standby.
  return call == PSCI_CPU_SUSPEND && !(argument & ~POWER_STATE_BITS) && !load<u32>(IRQ_LINE);
}

function answer(call: u32): u32 {
  switch (call) {
    case PSCI_VERSION:
      return 0x0001_0000; // 1.0
    case PSCI_FEATURES:
      return features(register(1));
    case PSCI_CPU_SUSPEND:
      return register(1) & ~POWER_STATE_BITS ? INVALID_PARAMETERS : SUCCESS;
    case PSCI_CPU_OFF:
      exitRequest(RUN_POWER_OFF);
      return SUCCESS;
    case PSCI_CPU_ON:
      return register(1) == 0 ? ALREADY_ON : INVALID_PARAMETERS;
    case PSCI_AFFINITY_INFO:
      // 0: on. What is above the one CPU is on with it, whatever it is called.
      return register(1) == 0 || register(2) != 0 ? SUCCESS : INVALID_PARAMETERS;
    case PSCI_MIGRATE_INFO_TYPE:
      return 2; // no trusted OS to migrate
    case PSCI_SYSTEM_OFF:
      exitRequest(RUN_POWER_OFF);
      return SUCCESS;
    case PSCI_SYSTEM_RESET:
      exitRequest(RUN_RESET);
      return SUCCESS;
    case SMCCC_VERSION:
      return 0x0001_0001; // 1.1
    default:
      return hypercall(call);
  }
}

function features(call: u32): u32 {
  switch (call) {
    case PSCI_VERSION:
    case PSCI_FEATURES:
    case PSCI_CPU_SUSPEND:
    case PSCI_CPU_OFF:
    case PSCI_CPU_ON:
    case PSCI_AFFINITY_INFO:
    case PSCI_MIGRATE_INFO_TYPE:
    case PSCI_SYSTEM_OFF:
    case PSCI_SYSTEM_RESET:
    case SMCCC_VERSION:
      return SUCCESS;
    default:
      return NOT_SUPPORTED;
  }
}
