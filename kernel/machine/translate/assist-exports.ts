// The functions that translated code imports, exported under the letters that its modules know them by (imports.ts, in its order).

export {
  assistPlace as translatedA,
  assistLeave as translatedB,
  assistJump as translatedC,
  assistCoprocessorWrite as translatedE,
  assistVfpMove as translatedH,
  assistSystemRead as translatedI,
  assistShiftCarry as translatedJ,
  assistMediaLong as translatedM,
} from "./assist";
export { overflowOf as translatedD } from "../arm/question";
export { vfpRefused as translatedF } from "../arm/system";
export { vfpDataProcessing as translatedG } from "../arm/float/vfp";
export { media as translatedL, reverseBits as translatedK, saturate as translatedN } from "../arm/media";
export {
  float64Add as translatedO,
  float64Subtract as translatedP,
  float64Multiply as translatedQ,
  float64Divide as translatedR,
} from "../arm/float/float64";
export {
  float32Add as translatedS,
  float32Subtract as translatedT,
  float32Multiply as translatedU,
  float32Divide as translatedV,
} from "../arm/float/float32";
export { neonDataProcessing as translatedW } from "../arm/neon/neon";
export { structureTry as translatedX } from "../arm/memory/structure-transfer";
