import { vendorRequestDefaults } from './vendor-call.js';

/** An answer of any implementation of `fetch`. */
interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Iterable<[string, string]>;
  readonly body: AsyncIterable<Uint8Array> | null;
}

/**
 * Reads an answer's body, so that one deadline covers both answer and body.
 * @throws {TypeError} if the body is longer than any that a provider has reason to send.
 */
export async function wholeAnswer(answer: Answer): Promise<Response> {
  const { status, statusText, headers } = answer;
  const parts: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the body.
  for await (const part of answer.body ?? []) {
    length += part.byteLength;
    if (length > vendorRequestDefaults.maxContentLength) {
      throw new TypeError('the answer is too long');
    }
    parts.push(part);
  }
  return new Response(length === 0 ? null : Buffer.concat(parts), {
    status,
    statusText,
    headers: [...headers],
  });
}
