import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { z } from 'zod';
import { parseJson } from '../../platform/config/json.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';

/** Error codes by which a provider refuses the deployment and not the user (RFC 6749 sections 4.1.2.1 and 5.2). */
const ofDeployment = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_redirect_uri',
]);

/**
 * Error codes by which a provider refuses a refresh for its user (RFC 6749 section 5.2). It may want the user to log in, agree or choose
 * first (OpenID Connect Core section 3.1.2.6), which nobody does at a renewal.
 */
const ofUser = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
]);

/** Error codes by which a provider reports a failure of its own (RFC 6749 section 4.1.2.1). */
const ofProvider = new Set(['server_error', 'temporarily_unavailable']);

const oauthErrorSchema = z.looseObject({ error: z.string() });

/** Whether an OAuth error is about the deployment's registration at the provider. */
export function isOfDeployment(error: string): boolean {
  return ofDeployment.has(error);
}

/** The problem of a provider's OAuth error: a fault in the deployment's settings there, of the provider itself, or in this login. */
export function refusalOf(error: string, cause?: Error): Problem {
  const reason = `provider_${error.replaceAll(/[^a-z_]/g, '').slice(0, 40)}`;
  if (ofProvider.has(error)) {
    return unavailable(reason, cause);
  }
  return new Problem(isOfDeployment(error) ? 'provider_misconfigured' : 'login_refused', { reason, cause });
}

/** The problem if the token endpoint refused this deployment, and not what it was sent; undefined otherwise. */
export function deploymentRefusalOf(error: unknown): Problem | undefined {
  if (error instanceof WWWAuthenticateChallengeError) {
    return refusalOf('invalid_client', new Error(error.name));
  }
  if (!(error instanceof ResponseBodyError)) {
    return undefined;
  }
  if (isOfDeployment(error.error)) {
    return refusalOf(error.error, new Error(error.name));
  }
  return isWrongSecret(error) ? refusalOf('invalid_client', new Error(error.name)) : undefined;
}

/** Whether a provider refuses the client by an error that others have for users. Auth0 does when the secret is another one. */
function isWrongSecret({ status, error }: ResponseBodyError): boolean {
  return status === 401 && error === 'access_denied';
}

/** Whether the token endpoint refused a refresh for its user: the grant has ended, or the user must come back. */
export function isRefusalOfUser(error: unknown): boolean {
  return error instanceof ResponseBodyError && ofUser.has(error.error) && !isWrongSecret(error);
}

/**
 * Whether `/userinfo` refused a token (RFC 6750 section 3.1). A 403 without an OAuth error, in the body or a challenge, is a firewall's,
 * which knows nothing of users.
 */
export async function isRefusalOfToken(error: unknown): Promise<boolean> {
  const status = answerStatusOf(error);
  if (status !== 403) {
    return status === 401;
  }
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.cause.some(({ parameters }) => parameters.error !== undefined);
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const body = cause instanceof Response && !cause.bodyUsed ? await cause.clone().text() : '';
  return oauthErrorSchema.safeParse(parseJson(body)).success;
}

/** The status of the answer for which openid-client threw an error, if there was one. */
export function answerStatusOf(error: unknown): number | undefined {
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.status;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Response ? cause.status : undefined;
}

/**
 * The problem if an answer is encrypted, or signed in a way that can't be verified (OpenID Connect Core sections 2 and 5.3.2); undefined
 * otherwise.
 * @param what was answered: part of the reason.
 */
export function formProblemOf(error: unknown, what: 'id_token' | 'userinfo'): Problem | undefined {
  const inner: unknown = error instanceof ClientError ? error.cause : undefined;
  const cause: unknown = inner instanceof Error ? inner.cause : undefined;
  const unusable = (form: string): Problem =>
    new Problem('provider_misconfigured', { reason: `${what}_${form}`, cause: new Error(String(error)) });
  // openid-client doesn't decrypt unless told to, and gives the token: five parts (RFC 7516 section 3.1).
  if (typeof cause === 'string' && cause.split('.').length === 5) {
    return unusable('encrypted');
  }
  // For a signed answer whose algorithm isn't in the metadata, it gives the sides where it looked for that.
  const isOfAlgorithm =
    typeof cause === 'object' && cause !== null && ('fallback' in cause || 'header' in cause);
  return what === 'userinfo' && isOfAlgorithm ? unusable('signed') : undefined;
}

/** Codes of answers that mean that a provider no longer vouches for a user, or does for another one. */
const endings: ReadonlySet<string> = new Set(['access_token_rejected', 'login_refused']);

/** Whether a provider's answer about a session ends it. Any other failure says nothing about its user. */
export function isEnd({ code }: Problem): boolean {
  return endings.has(code);
}
