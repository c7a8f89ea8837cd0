import { connectionIdOf } from '../../../directory/users/connection-identity.js';
import { kratosIssuer } from '../kratos/kratos-session.js';

/** Whether identities of this issuer log in through Hydra: Kratos' ones, and those of connections, removed ones included. */
export function isOryIssuer(issuer: string): boolean {
  return issuer === kratosIssuer || connectionIdOf(issuer) !== undefined;
}
