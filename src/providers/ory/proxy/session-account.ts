import { Problem } from '../../../platform/errors/problem.error.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { SessionQuestions } from '../kratos/session-questions.js';
import { kratosFlowSchema, valuesOf } from '../kratos/kratos-flow.js';

const identityPrefix = 'identity:';

/**
 * Whom guesses of a second factor are counted for, whatever was typed to begin the session. Whoami doesn't name the identity before the
 * second factor. Kratos does if it asks the gateway about login challenges; if not, its form to confirm a login names the account, if that
 * has a password.
 * @param header the request's Cookie header. @returns undefined without a session, and if Kratos doesn't tell.
 * @throws {Problem} `provider_unavailable` if Kratos has told before, and doesn't now: no guess goes by another count.
 */
export async function holderOfSession(
  kratos: KratosClient,
  questions: SessionQuestions,
  header: string | undefined,
): Promise<string | undefined> {
  const challenge = questions.begin();
  const target = await kratos.challengeTarget(header, challenge);
  const identity = target === undefined ? undefined : questions.read(challenge, target);
  if (identity !== undefined) {
    return identityKey(identity);
  }
  if (questions.hasAnswer && !isFlow(target)) {
    throw new Problem('provider_unavailable', { reason: 'session_question' });
  }
  const flow = kratosFlowSchema.safeParse(await kratos.beginConfirmation(header)).data;
  const [name] = flow === undefined ? [] : valuesOf(flow, 'identifier');
  // Without a session, Kratos begins an ordinary login, whose field is empty.
  return name === undefined || name === '' ? undefined : accountKey(name);
}

/** The identity that a key is of; undefined for another key. */
export function identityOf(key: string | undefined): string | undefined {
  return key?.startsWith(identityPrefix) === true ? key.slice(identityPrefix.length) : undefined;
}

/** Whether Kratos sends the browser to the form of a login that it has begun, as it does without a session. */
function isFlow(target = ''): boolean {
  return URL.canParse(target) && new URL(target).searchParams.has('flow');
}

/** The keys by which guesses of an account's credentials are counted: of its password, and of its second factors. */
export function keysOfAccount(name: string): readonly string[] {
  const account = accountKey(name);
  return [account, factorKey(account)];
}

/** The key by which guesses of second factors are counted. @param holder key of the identity, the account, or a session of which neither is known. */
export function factorKey(holder: string): string {
  return `factor:${holder}`;
}

/** The key by which guesses of an account are counted. @param name its identifier, folded. */
export function accountKey(name: string): string {
  return `account:${name}`;
}

/** The key of an identity. @param id at Kratos. */
export function identityKey(id: string): string {
  return `${identityPrefix}${id}`;
}
