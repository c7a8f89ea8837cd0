import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Configuration } from '@ory/client';
import { z } from 'zod';
import { Problem } from '../../platform/errors/problem.error.js';
import {
  bodyOf,
  isTooLarge,
  statusOf,
  unavailable,
  vendorRequestDefaults,
  vendorTarget,
} from '../../platform/upstream/vendor-call.js';

/** The result of a call by @ory/client, not parsed yet. */
export interface OryAnswer {
  readonly status: number;
  readonly data: unknown;
}

/** A call by @ory/client, with the signal of its deadline. */
export type OryCall<T extends OryAnswer = OryAnswer> = (options: {
  readonly signal: AbortSignal;
}) => Promise<T>;

/**
 * The settings of an API of @ory/client. Calls are bounded and reuse connections.
 * @param address as of {@link vendorTarget}.
 * @param timeout milliseconds after which the library gives up.
 */
export function oryApi(address: string, timeout: number = vendorRequestDefaults.timeout): Configuration {
  const { basePath, socketPath } = vendorTarget(address);
  const httpAgent = new HttpAgent({ keepAlive: true });
  const httpsAgent = new HttpsAgent({ keepAlive: true });
  return new Configuration({
    basePath,
    baseOptions: { ...vendorRequestDefaults, timeout, socketPath, httpAgent, httpsAgent },
  });
}

/** The status that stands for an answer which is larger than any that is read. */
export const answerTooLarge = 413;

/** Statuses that a proxy on the way gives too, which has another opinion than Ory of what is there and who may see it. */
const refusals = new Set([401, 403, 404]);

/** The errors of Ory's APIs: those of Kratos, and those of Hydra. */
const oryErrorSchema = z.union([
  z.looseObject({ error: z.looseObject({ code: z.number() }) }),
  z.looseObject({ error: z.string(), error_description: z.string() }),
]);

/**
 * Makes an answer of a failure with an expected status. A refusal is expected only of Ory itself, in whose format it is.
 * @param reason of the problem that any other failure becomes.
 */
export function expectedFailure(
  error: unknown,
  reason: string,
  isExpected: (status: number) => boolean = () => false,
): OryAnswer {
  const status = isTooLarge(error) ? answerTooLarge : statusOf(error);
  if (status !== undefined && isExpected(status) && (!refusals.has(status) || isOfOry(error))) {
    return { status, data: bodyOf(error) };
  }
  throw error instanceof Problem ? error : unavailable(reason, error);
}

/** Whether the answer of a failed call is an error in Ory's format. */
export function isOfOry(error: unknown): boolean {
  return oryErrorSchema.safeParse(bodyOf(error)).success;
}

/**
 * The answer to a question that Ory also refuses while it can't read its database. A refusal is believed only if Ory repeats it once the
 * database has been read: the database may have come back in between.
 * @param readDatabase a call that fails while Ory can't read it.
 */
export async function confirmedAnswer<T>(
  ask: () => Promise<T>,
  isRefusal: (answer: T) => boolean,
  readDatabase: () => Promise<unknown>,
): Promise<T> {
  const answer = await ask();
  if (!isRefusal(answer)) {
    return answer;
  }
  await readDatabase();
  return ask();
}

/** For a call whose object may be gone. */
export function isMissing(status: number): boolean {
  return status === 404;
}

/** Parses an answer. @throws {Problem} `provider_unavailable` with this reason for one that Ory should never send. */
export function parseAnswer<T>(schema: z.ZodType<T>, { data }: OryAnswer, reason: string): T {
  const parsed = schema.safeParse(data);
  if (!parsed.success) {
    throw unavailable(reason);
  }
  return parsed.data;
}
