/** Milliseconds within which the gateway answers. */
const timeoutMs = 3000;
const maximumBytes = 65_536;

/** There, what one request fetches can't be awaited by another, and ends with it. */
export const endsWithRequest = globalThis.navigator?.userAgent === 'Cloudflare-Workers';

/** An answer of the gateway. */
export interface GatewayAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Asks the gateway. @throws when it doesn't answer in time, or answers with more than it ever would. */
export async function askGateway(
  fetch: typeof globalThis.fetch,
  uri: string,
  init: Pick<RequestInit, 'method' | 'body' | 'headers'> = {},
): Promise<GatewayAnswer> {
  const answer = await fetch(uri, { ...init, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  return { status: answer.status, headers: answer.headers, text: await readText(answer.body) };
}

/** @throws {RangeError} for more than an answer can be, as soon as that is known. */
async function readText(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  const reader = body?.getReader();
  let text = '';
  for (;;) {
    const part = await reader?.read();
    if (part === undefined || part.done) {
      return text + decoder.decode();
    }
    text += decoder.decode(part.value, { stream: true });
    if (text.length > maximumBytes) {
      await reader?.cancel();
      throw new RangeError('the answer is too large');
    }
  }
}
