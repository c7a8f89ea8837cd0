import { isId } from '../../platform/core/id.schema.js';

/** What the issuers of connections' identities begin with; the connection's id follows. */
export const connectionIssuerPrefix = 'urn:vestibule:connection:';

/** The issuer of a connection's identities. It depends on nothing but the connection's id. */
export function connectionIssuer(connectionId: string): string {
  return `${connectionIssuerPrefix}${connectionId}`;
}

/** The connection of an issuer; undefined for another source's. */
export function connectionIdOf(issuer: string): string | undefined {
  return issuer.startsWith(connectionIssuerPrefix) ? issuer.slice(connectionIssuerPrefix.length) : undefined;
}

/** Id of the organisation's connection that an issuer is; undefined for any other issuer. */
export function orgConnectionOf(issuer: string): string | undefined {
  return isOrgIssuer(issuer) ? issuer.slice(connectionIssuerPrefix.length) : undefined;
}

/** Whether an issuer is an organisation's connection. The ids of the deployment's own connections are short names. */
export function isOrgIssuer(issuer: string): boolean {
  return issuer.startsWith(connectionIssuerPrefix) && isId(issuer.slice(connectionIssuerPrefix.length));
}
