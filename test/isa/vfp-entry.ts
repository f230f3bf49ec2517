// AssemblyScript entry of the VFP's own tests: arithmetic, transfers and state without the rest of the machine.

export { vfpDataProcessing } from "../../kernel/machine/arm/vfp-data";
export { vfpNeedsEnable, vfpRegisterTransfer } from "../../kernel/machine/arm/vfp-transfer";
export { vfpReset } from "../../kernel/machine/arm/vfp-state";
