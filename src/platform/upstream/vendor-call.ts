import { get } from 'node:http';
import { Problem } from '../errors/problem.error.js';
import { serviceAddress } from '../core/service-address.js';

/** Milliseconds that a call to a provider's API may take. */
export const vendorTimeout = 2000;

/** The same while the provider answers other calls: a machine that is busy, say with password hashes, draws all of them out. */
export const busyVendorTimeout = 6000;

/** Milliseconds after which a library gives up. A call has an earlier deadline, which a late event loop doesn't shorten. */
export const libraryTimeout = 10_000;

/** Options for the axios calls of @ory/client: bounded, no redirect followed, no proxy taken from the environment. */
export const vendorRequestDefaults = {
  timeout: libraryTimeout,
  maxRedirects: 0,
  maxContentLength: 1_048_576,
  proxy: false,
} as const;

/** Axios options for the address of an API. @param address with a Unix socket, or of http(s). */
export function vendorTarget(address: string): {
  readonly basePath: string;
  readonly socketPath: string | null;
} {
  const { url, socketPath } = serviceAddress(address);
  return { basePath: socketPath === undefined ? address : url.origin, socketPath: socketPath ?? null };
}

/** Whether a call failed because its answer is larger than any that is read. The vendor did answer. */
export function isTooLarge(error: unknown): boolean {
  return (
    error instanceof Error &&
    Reflect.get(error, 'code') === 'ERR_BAD_RESPONSE' &&
    Reflect.get(error, 'response') === undefined
  );
}

/** HTTP status of a failed vendor call; undefined when there was no answer at all. */
export function statusOf(error: unknown): number | undefined {
  const status = responseMember(error, 'status');
  return typeof status === 'number' ? status : undefined;
}

/** The body of a failed vendor call's answer, to be parsed; undefined when there was none. */
export function bodyOf(error: unknown): unknown {
  return responseMember(error, 'data');
}

function responseMember(error: unknown, name: 'status' | 'data'): unknown {
  const response: unknown = error instanceof Error ? Reflect.get(error, 'response') : undefined;
  return Reflect.get(Object(response), name);
}

/** Whether a status means that a gateway has no upstream behind it. */
export function isGatewayFailure(status: number): boolean {
  return status >= 502 && status <= 504;
}

/**
 * Whether a failed call, or an answer, means that the vendor is unavailable. No other answer does: a caller may have caused it.
 * @param outcome the error that was thrown, or a fetch's answer.
 */
export function isVendorAway(outcome: unknown): boolean {
  if (outcome instanceof Response) {
    return isGatewayFailure(outcome.status);
  }
  if (outcome instanceof Problem) {
    return outcome.code === 'provider_unavailable';
  }
  const status = statusOf(outcome);
  return (
    outcome instanceof Error && !isTooLarge(outcome) && (status === undefined || isGatewayFailure(status))
  );
}

/** Whether a call failed because `fetch` calls no such port, say 6000 (Fetch Standard, "bad port"). Node.js has no code for that. */
export function isOfPort(error: unknown): boolean {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    if (cause.message === 'bad port') {
      return true;
    }
    cause = cause.cause;
  }
  return false;
}

/** The problem of a vendor that can't be reached, is too slow, or sends an answer that it never should. */
export function unavailable(reason: string, cause?: unknown): Problem {
  return new Problem('provider_unavailable', { reason, cause: withoutRequest(cause) });
}

/** Calls a health endpoint. @param timeout in ms. @throws {Problem} `provider_unavailable` unless it is 2xx in time. */
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

/** An error without its HTTP request and response, which hold secrets: only name, text and code remain. */
function withoutRequest(cause: unknown): Error | undefined {
  if (!(cause instanceof Error)) {
    return undefined;
  }
  const described: unknown = Reflect.get(Object(bodyOf(cause)), 'error_description');
  const slim = new Error([cause.message, described].filter((part) => typeof part === 'string').join(': '));
  slim.name = cause.name;
  return slim;
}
