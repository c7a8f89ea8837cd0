import { z } from 'zod';
import type { ConnectionKind } from './connection-kind.js';
import { commaList, hostList, variableDocs } from './variable.js';

/** Names of kinds, or `none`. Default: those for owners. @param kinds those that there are. */
export function orgConnectionKindsOf(kinds: readonly ConnectionKind[]) {
  const names = kinds.map(({ name }) => name);
  return commaList
    .transform((given) => given.filter((kind) => kind !== 'none'))
    .pipe(
      z.array(
        z.string().refine((kind) => names.includes(kind), {
          error: `must be a list of ${names.join(', ')}; or none`,
        }),
      ),
    )
    .default(kinds.filter(({ isForOwners }) => isForOwners).map(({ name }) => name));
}

/** Variables for the connections that owners make for their organisation (docs/connections.md). */
export const orgConnectionVariables = {
  ORG_CONNECTION_KINDS: orgConnectionKindsOf([]).register(variableDocs, {
    description:
      'Kinds of connections that owners may make for their organisation: `oidc`, `saml`, `ldap`; or `none`. Unless it is `none`, the login page has a link for their users.',
    derivedDefault: '`oidc,saml`',
    recommendation: 'Add `ldap` only if you know the organisations. Without organisations, set `none`.',
    example: 'oidc,saml,ldap',
  }),
  ORG_CONNECTION_HOSTS: hostList.default([]).register(variableDocs, {
    description:
      'Hosts that connections of organisations, and issuers of workloads, may lead to although their addresses are private, each with its port if that is not the default of the protocol. Others must be public. With `AIR_GAPPED`, these are the only ones.',
    recommendation: 'Only hosts to which any owner of an organisation may make the gateway connect.',
    example: 'login.corp.internal,10.0.0.7:636',
  }),
};
