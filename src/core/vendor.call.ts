import { get } from 'node:http';
import { Problem } from './problem.error.js';
import { serviceAddress } from './service.address.js';

/** Milliseconds that a call to a provider's API may take. */
export const vendorTimeout = 2000;

/** Milliseconds after which a library gives up by itself. A call has its deadline before, which a late event loop doesn't shorten. */
export const libraryTimeout = 10_000;

/** Options for the axios calls of @ory/client: bounded, no redirect followed, no proxy taken from the environment. */
export const vendorRequestDefaults = {
  timeout: libraryTimeout,
  maxRedirects: 0,
  maxContentLength: 1_048_576,
  proxy: false,
} as const;

/** Options of axios that say where an API is. @param address with a Unix socket, or of http(s). */
export function vendorTarget(address: string): {
  readonly basePath: string;
  readonly socketPath: string | null;
} {
  const { url, socketPath } = serviceAddress(address);
  return { basePath: socketPath === undefined ? address : url.origin, socketPath: socketPath ?? null };
}

/** HTTP status of a failed vendor call; undefined when there was no answer at all. */
export function statusOf(error: unknown): number | undefined {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  const status: unknown =
    typeof response === 'object' && response !== null ? Reflect.get(response, 'status') : undefined;
  return typeof status === 'number' ? status : undefined;
}

/** The body of a failed vendor call's answer, to be parsed; undefined when there was none. */
export function bodyOf(error: unknown): unknown {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  return typeof response === 'object' && response !== null ? Reflect.get(response, 'data') : undefined;
}

/** Whether a status says that nobody is behind a gateway. */
export function isGatewayFailure(status: number): boolean {
  return status >= 502 && status <= 504;
}

/**
 * Whether a failed call, or an answer, means that the vendor is away. No other answer does: a caller may have caused it.
 * @param outcome what was thrown, or a fetch's answer.
 */
export function isVendorAway(outcome: unknown): boolean {
  if (outcome instanceof Response) {
    return isGatewayFailure(outcome.status);
  }
  if (outcome instanceof Problem) {
    return outcome.code === 'provider_unavailable';
  }
  const status = statusOf(outcome);
  return outcome instanceof Error && (status === undefined || isGatewayFailure(status));
}

/** A vendor that can't be reached, is too slow, or answers what it never should. */
export function unavailable(reason: string, cause?: unknown): Problem {
  return new Problem('provider_unavailable', { reason, cause: withoutRequest(cause) });
}

/**
 * Asks a health endpoint.
 * @param timeout in milliseconds.
 * @throws {Problem} `provider_unavailable` unless it answers 200 in time.
 */
export async function requireHealthy(url: string, reason: string, timeout = vendorTimeout): Promise<void> {
  const status = await askStatus(url, timeout).catch((error: unknown) => {
    throw unavailable(reason, error);
  });
  if (status < 200 || status > 299) {
    throw unavailable(reason);
  }
}

async function askStatus(address: string, timeout: number): Promise<number> {
  const signal = AbortSignal.timeout(timeout);
  const { url, socketPath } = serviceAddress(address);
  if (socketPath === undefined) {
    const answer = await fetch(url, { signal, redirect: 'error' });
    await answer.body?.cancel();
    return answer.status;
  }
  return new Promise((resolve, reject) => {
    const request = get(url, { socketPath, agent: false, signal }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    request.on('error', reject);
  });
}

/** HTTP clients hang request and response, with their secrets, on the error: only name, text and code go on. */
function withoutRequest(cause: unknown): Error | undefined {
  if (!(cause instanceof Error)) {
    return undefined;
  }
  const body = bodyOf(cause);
  const described: unknown =
    typeof body === 'object' && body !== null ? Reflect.get(body, 'error_description') : undefined;
  const slim = new Error([cause.message, described].filter((part) => typeof part === 'string').join(': '));
  slim.name = cause.name;
  return slim;
}
