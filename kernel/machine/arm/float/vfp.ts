// The VFP as the CPU sees it. Its rooms: vfp-state (registers, FPSCR), vfp-data (data processing), vfp-transfer (moves to and
// from core and system registers), float32 and float64 (arithmetic with a fast path), float-convert, and under them
// float-arithmetic and float-parts (the software arithmetic). Loads and stores are the CPU's own: they need the MMU.
// Compiled alone, this file is also the module that the VFP's tests run.

export { vfpDataProcessing } from "./vfp-data";
export { vfpReset } from "./vfp-state";
export { vfpNeedsEnable, vfpRegisterTransfer } from "./vfp-transfer";
