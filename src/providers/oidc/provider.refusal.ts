import { ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { Problem } from '../../platform/errors/problem.error.js';
import { unavailable } from '../../platform/upstream/vendor.call.js';

/** Error codes by which a provider refuses the deployment and not the user (RFC 6749 sections 4.1.2.1 and 5.2). */
const ofDeployment = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_redirect_uri',
]);

/** Error codes by which a provider reports a failure of its own (RFC 6749 section 4.1.2.1). */
const ofProvider = new Set(['server_error', 'temporarily_unavailable']);

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
  return error instanceof ResponseBodyError && isOfDeployment(error.error)
    ? refusalOf(error.error, new Error(error.name))
    : undefined;
}

/** The status of the answer for which openid-client threw an error, if there was one. */
export function answerStatusOf(error: unknown): number | undefined {
  if (error instanceof WWWAuthenticateChallengeError) {
    return error.status;
  }
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  return cause instanceof Response ? cause.status : undefined;
}
