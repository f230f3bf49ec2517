// The functions that translated code imports, exported under the letters that its modules know them by (imports.ts, in its order).

export {
  assistPlace as translatedA,
  assistLeave as translatedB,
  assistJump as translatedC,
  assistExclusiveLoad as translatedE,
  assistExclusiveStore as translatedF,
  assistVfpMove as translatedI,
  assistSystemRead as translatedJ,
  assistShiftCarry as translatedK,
  assistMediaLong as translatedN,
} from "./assist";
export { overflowOf as translatedD } from "../arm/question";
export { vfpUsable as translatedG } from "../arm/system";
export { vfpDataProcessing as translatedH } from "../arm/vfp";
export { media as translatedM, reverseBits as translatedL, saturate as translatedO } from "../arm/media";
export {
  float64Add as translatedP,
  float64Subtract as translatedQ,
  float64Multiply as translatedR,
  float64Divide as translatedS,
} from "../arm/float64";
export {
  float32Add as translatedT,
  float32Subtract as translatedU,
  float32Multiply as translatedV,
  float32Divide as translatedW,
} from "../arm/float32";
