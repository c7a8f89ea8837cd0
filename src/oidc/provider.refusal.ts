import { Problem } from '../core/problem.error.js';

/** Error codes by which a provider refuses the deployment and not the person (RFC 6749 sections 4.1.2.1 and 5.2). */
const ofDeployment = new Set([
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'unsupported_response_type',
  'invalid_scope',
  'invalid_redirect_uri',
]);

/** Whether an OAuth error is about how the deployment is registered at the provider. */
export function isOfDeployment(error: string): boolean {
  return ofDeployment.has(error);
}

/** An OAuth error of the provider's → who is at fault: the deployment's settings there, or this login. */
export function refusalOf(error: string, cause?: Error): Problem {
  const reason = `provider_${error.replaceAll(/[^a-z_]/g, '').slice(0, 40)}`;
  return new Problem(isOfDeployment(error) ? 'provider_misconfigured' : 'login_refused', { reason, cause });
}
