import { z } from 'zod';
import type { ConnectionKind } from './connection-kind.js';
import { connectionsOf } from './connections.parser.js';
import { orgConnectionKindsOf, orgConnectionVariables } from './org-connection.variables.js';
import { passwordVariables } from './password.variables.js';
import { serviceClients } from './service-clients.parser.js';
import { socialProviders } from './social-providers.parser.js';
import { commaList, hostOrUrl, httpUrl, httpUrlOrSocket, variableDocs } from './variable.js';

/** Variables of `AUTH_PROVIDER=ory`, without kinds of connections. */
export const oryVariables = z.object({
  KRATOS_PUBLIC_URL: httpUrl.clone().register(variableDocs, {
    description: "Kratos' public API as the gateway reaches it.",
    example: 'http://kratos:4433',
  }),
  KRATOS_ADMIN_URL: httpUrlOrSocket.clone().register(variableDocs, {
    description:
      "Kratos' admin API as the gateway reaches it; `unix:` and the path of a `.sock` file for a Unix socket, as `npm start` has it.",
    recommendation: 'Must not be reachable from anywhere else.',
    example: 'http://kratos:4434',
  }),
  HYDRA_PUBLIC_URL: httpUrl.clone().register(variableDocs, {
    description: "Hydra's public API as the gateway reaches it.",
    example: 'http://hydra:4444',
  }),
  HYDRA_ADMIN_URL: httpUrlOrSocket.clone().register(variableDocs, {
    description:
      "Hydra's admin API as the gateway reaches it; `unix:` and the path of a `.sock` file for a Unix socket, as `npm start` has it.",
    recommendation: 'Must not be reachable from anywhere else.',
    example: 'http://hydra:4445',
  }),
  SPA_REDIRECT_URIS: commaList.pipe(z.array(httpUrl)).optional().register(variableDocs, {
    description:
      'Redirect URIs of the public client `vestibule-spa`. With a loopback address other than `PUBLIC_URL`, each login asks for consent.',
    recommendation: 'For apps on developer machines, register a separate client at Hydra.',
    derivedDefault: '`PUBLIC_URL` + `/demo`',
    example: 'https://app.example.org/callback',
  }),
  SERVICE_CLIENTS: commaList.pipe(serviceClients).default([]).register(variableDocs, {
    description:
      'Hydra clients that may exchange access tokens of their own (`client_credentials`) at `POST /auth/token`. Each entry is `client_id=scope`, with blanks between scopes.',
    recommendation:
      'Register each at Hydra with `TOKEN_AUDIENCE` among its audiences. `api` gives a client everything that its service account may do.',
    example: 'billing=orgs:read users:read,reports=audit:read',
  }),
  BACKCHANNEL_LOGOUT_URL: httpUrl.optional().register(variableDocs, {
    description:
      "Where Hydra reports logouts: the gateway's `/auth/backchannel-logout` as Hydra reaches it. Those of applications are reported beside it, at `/auth/application-logout`.",
    derivedDefault: '`PUBLIC_URL` + `/auth/backchannel-logout`',
    recommendation:
      "In a network of containers, use the name of the gateway's service: this path accepts any Host header.",
    example: 'http://gateway:3000/auth/backchannel-logout',
  }),
  SOCIAL_PROVIDERS: socialProviders.default([]).register(variableDocs, {
    description:
      "Third-party logins that `npm start` configures in Kratos: a JSON list of Kratos' provider settings (`id`, `provider`, `client_id`, `client_secret`, `issuer_url`, …). See docs/social-logins.md.",
    recommendation: 'Mount it as a file (`SOCIAL_PROVIDERS_FILE`).',
    secret: true,
  }),
  CONNECTIONS: connectionsOf([]).default([]).register(variableDocs, {
    description:
      'Company directories, OpenID providers and SAML providers whose users log in as they do there: a JSON list of objects with `id`, `kind` (`ldap`, `oidc` or `saml`), `name`, `domains` and the settings of their kind. See docs/connections.md.',
    derivedDefault: 'none: everyone logs in at Kratos',
    recommendation: 'Mount it as a file (`CONNECTIONS_FILE`), and passwords and client secrets as others.',
    secret: true,
  }),
  ...orgConnectionVariables,
  ...passwordVariables,
  ADMIN_PASSWORD: z
    .string()
    .min(12, { error: 'must have at least 12 characters' })
    .refine((text) => !/^(?:admin|password|changeme|letmein|12345)/i.test(text), {
      error: 'must not be a default password',
    })
    .optional()
    .register(variableDocs, {
      description:
        'Password of the first administrator. With `ADMIN_EMAIL`, the gateway creates the account once, at its first start.',
      derivedDefault: 'random under `npm start`, shown once',
      secret: true,
    }),
});

/** Variables of `AUTH_PROVIDER=ory`. @param kinds the kinds of connections that there are. */
export function oryVariablesWith(kinds: readonly ConnectionKind[]) {
  return oryVariables.extend({
    CONNECTIONS: connectionsOf(kinds).default([]),
    ORG_CONNECTION_KINDS: orgConnectionKindsOf(kinds),
  });
}

/** Variables of `AUTH_PROVIDER=auth0`. */
export const auth0Variables = z.object({
  AUTH0_DOMAIN: hostOrUrl.register(variableDocs, {
    description: "The tenant's host name, or an http(s) URL of a simulator.",
    example: 'example.eu.auth0.com',
  }),
  AUTH0_CLIENT_ID: z.string().min(1).register(variableDocs, {
    description: 'Client id of the Auth0 application.',
    example: 'AbCdEf123456',
  }),
  AUTH0_CLIENT_SECRET: z.string().min(1).register(variableDocs, {
    description: 'Client secret of the Auth0 application.',
    secret: true,
  }),
  AUTH0_AUDIENCE: z.string().min(1).optional().register(variableDocs, {
    description: 'Identifier of the API for which access tokens are requested.',
    derivedDefault: 'none: opaque access tokens',
    example: 'https://api.example.org',
  }),
});

/** Scopes (RFC 6749 section 3.3), among them `openid`. */
const scopes = z
  .string()
  .transform((text) => text.trim().split(/ +/))
  .pipe(
    z
      .array(z.string().regex(/^[!#-[\]-~]{1,100}$/, { error: 'must be scopes, separated by blanks' }))
      .max(20),
  )
  .refine((names) => names.includes('openid'), { error: 'must have openid among its scopes' });

/** Variables of `AUTH_PROVIDER=oidc`. */
export const oidcVariables = z.object({
  OIDC_ISSUER: httpUrl.clone().register(variableDocs, {
    description: "The provider's issuer identifier; discovery starts there.",
    example: 'https://sso.example.org/realms/main',
  }),
  OIDC_CLIENT_ID: z.string().min(1).register(variableDocs, {
    description: 'Client id at the provider.',
    example: 'vestibule',
  }),
  OIDC_CLIENT_SECRET: z.string().min(1).register(variableDocs, {
    description: 'Client secret at the provider.',
    secret: true,
  }),
  OIDC_SCOPES: scopes.optional().register(variableDocs, {
    description:
      'Scopes that a login requests, separated by blanks. With `offline_access`, most providers issue a refresh token, by which they are asked at each renewal whether the user is still there.',
    derivedDefault: '`openid profile email`, and `offline_access` if the provider’s metadata lists it',
    recommendation:
      'Set it without `offline_access` if the provider refuses that to this client (`offline_access_refused` in the log).',
    example: 'openid profile email',
  }),
});
