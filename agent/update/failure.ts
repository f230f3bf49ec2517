// What keeps an update from being taken up.

import { Failure } from "../failure.ts";

/** UPDATE_…: an update is refused or has failed; nothing of what runs has changed. */
export class UpdateError extends Failure {}
