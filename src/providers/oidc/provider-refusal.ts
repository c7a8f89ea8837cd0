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
 * first (OpenID Connect Core section 3.1.2.6, Unmet Authentication Requirements 1.0), which nobody does at a renewal. Auth0 says
 * `mfa_required`, Salesforce `inactive_user`.
 */
const ofUser = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'account_selection_required',
  'consent_required',
  'unmet_authentication_requirements',
  'mfa_required',
  'inactive_user',
]);

/**
 * Error codes by which `/userinfo` refuses a token or its user (RFC 6750 section 3.1, RFC 9470 section 3). Google says `invalid_request`,
 * Hydra `request_unauthorized`, Zitadel `access_denied`, and Entra ID, in a form of its own, `InvalidAuthenticationToken`.
 */
const ofToken = new Set([
  ...ofUser,
  'invalid_token',
  'insufficient_scope',
  'insufficient_user_authentication',
  'invalid_request',
  'request_unauthorized',
  'InvalidAuthenticationToken',
]);

/** Error codes by which a provider reports a failure of its own (RFC 6749 section 4.1.2.1). */
const ofProvider = new Set(['server_error', 'temporarily_unavailable']);

/** The parameter `error` of a challenge. */
const errorInChallenge = /(?:^|[\s,])error="?(\w+)/;

/** A body with an OAuth error (RFC 6749 section 5.2), or with one in Microsoft's form. */
const errorBodySchema = z.looseObject({
  error: z.union([z.string(), z.looseObject({ code: z.string() }).transform(({ code }) => code)]),
});

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
  const problem = tokenRefusalOf(error, new Error(error.name));
  return problem.code === 'provider_misconfigured' ? problem : undefined;
}

/** An OAuth error of the token endpoint, and the status of its answer. */
type TokenError = Pick<ResponseBodyError, 'status' | 'error'>;

/** The problem of an OAuth error of the token endpoint. */
export function tokenRefusalOf(answer: TokenError, cause?: Error): Problem {
  return refusalOf(isWrongSecret(answer) ? 'invalid_client' : answer.error, cause);
}

/** Whether a provider refuses the client by an error that others have for users. Auth0 does when the secret is another one. */
function isWrongSecret({ status, error }: TokenError): boolean {
  return status === 401 && error === 'access_denied';
}

/** Whether the token endpoint refused a refresh for its user: the grant has ended, or the user must come back. */
export function isRefusalOfUser(error: unknown): boolean {
  return error instanceof ResponseBodyError && ofUser.has(error.error) && !isWrongSecret(error);
}

/**
 * Whether `/userinfo` refused a token. RFC 6750 section 3 lets a provider name the error in a challenge, which Keycloak, Auth0, Okta and
 * node-oidc-provider do (authentik without a scheme); others do in the body. An answer that names none, or one of another kind, can be a
 * firewall's, or of a provider that hasn't seen the token because a proxy took it away: it says nothing about the user. Little is lost by
 * that: where there is a refresh token, the token endpoint is asked first and names its errors, and without an answer a renewal is refused
 * after an hour.
 */
export async function isRefusalOfToken(error: unknown): Promise<boolean> {
  const answer = answerOf(error);
  if (answer?.status !== 401 && answer?.status !== 403) {
    return false;
  }
  const [, challenged] = errorInChallenge.exec(answer.headers.get('www-authenticate') ?? '') ?? [];
  const code = challenged ?? (await bodyErrorOf(answer));
  return code !== undefined && ofToken.has(code);
}

async function bodyErrorOf(answer: Response): Promise<string | undefined> {
  return answer.bodyUsed ? undefined : oauthErrorIn(await answer.clone().text());
}

/** The code of the error that a body states; undefined if it has none. */
export function oauthErrorIn(body: string): string | undefined {
  return errorBodySchema.safeParse(parseJson(body)).data?.error;
}

/** The status of the answer for which openid-client threw an error, if there was one. */
export function answerStatusOf(error: unknown): number | undefined {
  return answerOf(error)?.status;
}

function answerOf(error: unknown): Response | undefined {
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.response;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Response ? cause : undefined;
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
