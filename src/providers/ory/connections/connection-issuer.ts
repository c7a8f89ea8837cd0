import { connectionIssuerPrefix as prefix } from '../../../directory/users/connection-identity.js';
import { kratosIssuer } from '../kratos/kratos-session.js';

/** The issuer of a connection's identities. It depends on nothing but the connection's id. */
export function connectionIssuer(connectionId: string): string {
  return `${prefix}${connectionId}`;
}

/** The connection of an issuer; undefined for another source's. */
export function connectionIdOf(issuer: string): string | undefined {
  return issuer.startsWith(prefix) ? issuer.slice(prefix.length) : undefined;
}

/** Whether identities of this issuer log in through Hydra: Kratos' ones, and those of connections, removed ones included. */
export function isOryIssuer(issuer: string): boolean {
  return issuer === kratosIssuer || connectionIdOf(issuer) !== undefined;
}
