import { AppError } from "../../domain/errors.ts";
import { orAbort } from "../../domain/or-abort.ts";

/**
 * The whole body, counted after decompression; the rest is cancelled, not read, when it is longer than `maxBytes`.
 *
 * @throws `provider_unavailable` when it is longer; whatever `signal` was aborted with when it fires first.
 */
export async function readAtMost(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (body === null) return new Uint8Array();
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await orAbort(reader.read(), signal);
      if (done) return concatenate(chunks, length);
      length += value.byteLength;
      if (length > maxBytes) throw new AppError("provider_unavailable", "The provider's answer was too large.");
      chunks.push(value);
    }
  } catch (error) {
    // The connection is given up; how its end is answered changes nothing for the caller.
    reader.cancel().catch(() => {});
    throw error;
  }
}

function concatenate(chunks: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    whole.set(chunk, offset);
    offset += chunk.byteLength;
  }
  return whole;
}
