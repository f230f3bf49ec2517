// What keeps an image from being built.

import { Failure } from "../../agent/failure.ts";

/** IMAGE_…: a board's image cannot be built. */
export class ImageBuildError extends Failure {}
