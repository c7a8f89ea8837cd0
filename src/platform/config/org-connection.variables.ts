import { z } from 'zod';
import { connectionKinds } from './connections.parser.js';
import { commaList, hostList, variableDocs } from './variable.js';

/** Variables for the connections that owners make for their organisation (docs/connections.md). */
export const orgConnectionVariables = {
  ORG_CONNECTION_KINDS: commaList
    .transform((given) => given.filter((kind) => kind !== 'none'))
    .pipe(
      z.array(z.enum(connectionKinds, { error: `must be a list of ${connectionKinds.join(', ')}; or none` })),
    )
    .default(['oidc', 'saml'])
    .register(variableDocs, {
      description:
        'Kinds of connections that owners may make for their organisation: `oidc`, `saml`, `ldap`; or `none`. Unless it is `none`, the login page has a link for their users.',
      recommendation: 'Add `ldap` only if you know the organisations. Without organisations, set `none`.',
      example: 'oidc,saml,ldap',
    }),
  ORG_CONNECTION_HOSTS: hostList.default([]).register(variableDocs, {
    description:
      'Hosts that connections of organisations may lead to although their addresses are private, each with its port if that is not the default of the protocol. Others must be public. With `AIR_GAPPED`, these are the only ones.',
    recommendation: 'Only hosts to which any owner of an organisation may make the gateway connect.',
    example: 'login.corp.internal,10.0.0.7:636',
  }),
};
