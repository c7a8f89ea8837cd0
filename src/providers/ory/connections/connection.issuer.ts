import { isId } from '../../../platform/core/id.schema.js';
import { kratosIssuer } from '../kratos/kratos.session.js';

const prefix = 'urn:vestibule:connection:';

/** The issuer of a connection's identities. It depends on nothing but the connection's id. */
export function connectionIssuer(connectionId: string): string {
  return `${prefix}${connectionId}`;
}

/** The connection of an issuer; undefined for another source's. */
export function connectionIdOf(issuer: string): string | undefined {
  return issuer.startsWith(prefix) ? issuer.slice(prefix.length) : undefined;
}

/** Whether identities of this issuer are of an organisation's connection. The ids of the deployment's own connections are short names. */
export function isOrgIssuer(issuer: string): boolean {
  return isId(connectionIdOf(issuer) ?? '');
}

/** Whether identities of this issuer log in through Hydra: Kratos' ones, and those of connections, removed ones included. */
export function isOryIssuer(issuer: string): boolean {
  return issuer === kratosIssuer || connectionIdOf(issuer) !== undefined;
}
