// Unpacks a zImage's XZ payload with the `xz` program: decoders from npm refuse the ARM branch filter that kernels use.

import { spawn } from "node:child_process";
import { ImageError } from "../failure.ts";
import { programPath } from "../paths.ts";
import { zimageXzStream, type ZimagePayload } from "../host/index.ts";

/** The raw Image, or null when the payload is not XZ or there is no `xz` here: the zImage is then entered as it is.
 *  Throws ImageError when the payload is damaged. */
export async function unpackZimage(file: Buffer, payload: ZimagePayload): Promise<Buffer | null> {
  const stream = zimageXzStream(file, payload);
  if (stream === null || programPath("xz") === null) return null;
  const image = Buffer.alloc(payload.imageBytes);
  let length = 0;
  const child = spawn("xz", ["--decompress", "--stdout", "--format=xz", "--single-stream", "--threads=1"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const status = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
    child.stdout.on("data", (chunk: Buffer) => {
      // More than the index promised: a bomb, or a damaged file. The rest is not wanted.
      if (length + chunk.length > image.length) child.kill();
      length += chunk.copy(image, length);
    });
    child.stdin.on("error", () => {});
    child.stdin.end(stream);
  });
  if (status !== 0 || length !== image.length) {
    throw new ImageError("IMAGE_DAMAGED", `the zImage's payload does not unpack to its ${image.length} bytes`);
  }
  return image;
}
