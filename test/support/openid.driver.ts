import { decodeJwt } from 'jose';
import type { ClientMetadata } from 'oidc-provider';
import { findFreePorts } from '../../src/embedded/port.finder.js';
import { startFaultyProxy } from './faulty.proxy.js';
import { newAccount } from './openid.accounts.js';
import { type OpenIdProviderOptions, startOpenIdProvider } from './openid.provider.js';
import {
  apiAudience,
  appRedirectUri,
  contractClients,
  type ProviderSide,
  robotSecret,
} from './provider.driver.js';

const ownClientId = 'gateway';
const ownClientSecret = 'gateway-secret-of-the-contract';

/** Starts an OpenID provider, with Auth0's face or without, behind a proxy that can misbehave. */
export async function startOpenIdSide(
  name: 'auth0' | 'oidc',
  gatewayUrl: string,
  options: Pick<OpenIdProviderOptions, 'tellsOnlyByIdToken'> = {},
): Promise<ProviderSide> {
  const [port = 0, front = 0] = await findFreePorts(2);
  const proxy = await startFaultyProxy(front, `http://127.0.0.1:${port}`);
  const openid = await startOpenIdProvider({
    flavour: name === 'auth0' ? 'auth0' : 'plain',
    port,
    origin: proxy.url,
    clients: clientsFor(gatewayUrl),
    audience: apiAudience,
    ...options,
  });
  return {
    name,
    env: {
      AUTH_PROVIDER: name,
      TOKEN_AUDIENCE: apiAudience,
      ALLOWED_CLIENT_IDS: [
        ownClientId,
        contractClients.app,
        contractClients.brief,
        contractClients.robot,
      ].join(),
      ...(name === 'auth0'
        ? {
            AUTH0_DOMAIN: proxy.url,
            AUTH0_CLIENT_ID: ownClientId,
            AUTH0_CLIENT_SECRET: ownClientSecret,
            AUTH0_AUDIENCE: apiAudience,
          }
        : {
            OIDC_ISSUER: proxy.url,
            OIDC_CLIENT_ID: ownClientId,
            OIDC_CLIENT_SECRET: ownClientSecret,
          }),
    },
    endpoints: openid.endpoints,
    audienceParameter: name === 'auth0' ? 'audience' : 'resource',
    jwtAccessTokens: name === 'auth0',
    ownClientId,
    isSignUpPage: (page) => page.text.includes('<h1>Sign up</h1>'),
    wire: {
      slow: proxy.slow,
      down: proxy.down,
      html: proxy.html,
      reset: () => {
        proxy.reset();
        openid.reset();
      },
    },
    tamperIdToken: openid.tamperIdToken,
    replaceIdToken: (idToken) =>
      proxy.rewrite(new URL(openid.endpoints.token).pathname, (body) => ({ ...body, id_token: idToken })),
    swapSubject: openid.swapUserinfoSubject,
    backdateLogins: () =>
      proxy.rewrite(new URL(openid.endpoints.token).pathname, async (body) => {
        const claims = decodeJwt(String(body['id_token']));
        const past = Math.floor(Date.now() / 1000) - 3600;
        return { ...body, id_token: await openid.keys.sign({ ...claims, auth_time: past }) };
      }),
    rotateKeys: openid.rotateKeys,
    countKeyFetches: openid.countJwksFetches,
    enrol: async ({ email, emailVerified, secondFactor = false } = {}) => {
      const account = newAccount({
        secondFactor,
        ...(email === undefined ? {} : { email }),
        ...(emailVerified === undefined ? {} : { email_verified: emailVerified }),
      });
      openid.add(account);
      return {
        email: account.email,
        emailVerified: account.email_verified,
        name: account.name,
        picture: account.picture,
        credentials: { login: account.sub },
      };
    },
    stop: async () => {
      await proxy.stop();
      await openid.stop();
    },
  };
}

function clientsFor(gatewayUrl: string): ClientMetadata[] {
  const publicClient = (id: string): ClientMetadata => ({
    client_id: id,
    redirect_uris: [appRedirectUri(gatewayUrl)],
    token_endpoint_auth_method: 'none',
  });
  return [
    {
      client_id: ownClientId,
      client_secret: ownClientSecret,
      redirect_uris: [`${gatewayUrl}/auth/callback`],
      post_logout_redirect_uris: [`${gatewayUrl}/`],
      token_endpoint_auth_method: 'client_secret_post',
    },
    publicClient(contractClients.app),
    publicClient(contractClients.brief),
    publicClient(contractClients.foreign),
    {
      client_id: contractClients.robot,
      client_secret: robotSecret,
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_post',
    },
  ];
}
