import { z } from 'zod';
import { passwordVariables } from './password.variables.js';
import { serviceClients } from './service-clients.parser.js';
import { socialProviders } from './social-providers.parser.js';
import { commaList, hostOrUrl, httpUrl, httpUrlOrSocket, variableDocs } from './variable.js';

/** What `AUTH_PROVIDER=ory` needs. */
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
      'Redirect URIs of the public client `vestibule-spa`. With a loopback address among them, other than `PUBLIC_URL`, each of its logins asks for consent: any program on the machine could listen there.',
    recommendation: 'Register a client of its own at Hydra for what developers run on their machines.',
    derivedDefault: '`PUBLIC_URL` + `/demo`',
    example: 'https://app.example.org/callback',
  }),
  SERVICE_CLIENTS: commaList.pipe(serviceClients).default([]).register(variableDocs, {
    description:
      "Clients of Hydra's that may exchange the access tokens which they got for themselves (`client_credentials`) at `POST /auth/token`: a comma list of `client_id=scope`, with blanks between several scopes. The scopes are all that their augmented tokens may have.",
    recommendation:
      'Register each at Hydra with `TOKEN_AUDIENCE` among its audiences. `api` gives a client everything that its service account may do.',
    example: 'billing=orgs:read users:read,reports=audit:read',
  }),
  BACKCHANNEL_LOGOUT_URL: httpUrl.optional().register(variableDocs, {
    description:
      "Where Hydra tells that somebody was logged out: the gateway's `/auth/backchannel-logout` as Hydra reaches it.",
    derivedDefault: '`PUBLIC_URL` + `/auth/backchannel-logout`',
    recommendation:
      "In a network of containers, name the gateway's service: the path takes any Host header, and the token in the request is the credential.",
    example: 'http://gateway:3000/auth/backchannel-logout',
  }),
  SOCIAL_PROVIDERS: socialProviders.default([]).register(variableDocs, {
    description:
      "Third-party logins that `npm start` gives to Kratos: a JSON list of Kratos' provider settings (`id`, `provider`, `client_id`, `client_secret`, `issuer_url`, …). Redirect URI at the provider: `PUBLIC_URL/ory/kratos/self-service/methods/oidc/callback/<id>`, and without the id where its `pkce` is `force`.",
    recommendation:
      'Mount it as a file (`SOCIAL_PROVIDERS_FILE`). Your own Kratos takes the same list in its own settings.',
    secret: true,
  }),
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
        'Password of the first administrator. With `ADMIN_EMAIL`, the gateway makes their account at its first start; never again.',
      derivedDefault: 'random under `npm start`, shown once',
      secret: true,
    }),
});

/** What `AUTH_PROVIDER=auth0` needs. */
export const auth0Variables = z.object({
  AUTH0_DOMAIN: hostOrUrl.register(variableDocs, {
    description: "The tenant's host name, or a whole http(s) URL for a private stand-in.",
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
    description: 'Identifier of the API whose access tokens are asked for.',
    derivedDefault: 'none: opaque access tokens',
    example: 'https://api.example.org',
  }),
});

/** What `AUTH_PROVIDER=oidc` needs. */
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
});
