// The functions that translated code imports, exported under the letters that its modules know them by (imports.ts, in its order).

export {
  assistRead as translatedA,
  assistWrite as translatedB,
  assistLeave as translatedC,
  assistCarry as translatedD,
  assistBlockLoad as translatedF,
  assistBlockStore as translatedG,
  assistDualLoad as translatedH,
  assistDualStore as translatedI,
  assistExclusiveLoad as translatedJ,
  assistExclusiveStore as translatedK,
  assistVfpLoad as translatedL,
  assistVfpStore as translatedM,
  assistReadUnprivileged as translatedN,
  assistWriteUnprivileged as translatedO,
  assistVfpMove as translatedQ,
  assistSystemRead as translatedR,
  assistShiftCarry as translatedS,
  assistMediaLong as translatedV,
  assistJump as translatedf,
} from "./assist";
export { media as translatedU, reverseBits as translatedT, saturate as translatedW } from "../arm/media";
export { vfpUsable as translatedE } from "../arm/system";
export { vfpDataProcessing as translatedP } from "../arm/vfp";
export {
  float64Add as translatedX,
  float64Subtract as translatedY,
  float64Multiply as translatedZ,
  float64Divide as translateda,
} from "../arm/float64";
export {
  float32Add as translatedb,
  float32Subtract as translatedc,
  float32Multiply as translatedd,
  float32Divide as translatede,
} from "../arm/float32";
