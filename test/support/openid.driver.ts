import { decodeJwt } from 'jose';
import type { ClientMetadata } from 'oidc-provider';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { startFaultyProxy } from './faulty.proxy.js';
import { type OpenIdAccount, newAccount } from './openid.accounts.js';
import { type OpenIdProviderOptions, startOpenIdProvider } from './openid.provider.js';
import { routesOf } from './openid.settings.js';
import {
  apiAudience,
  appRedirectUri,
  contractClients,
  type Member,
  type ProviderSide,
  robotSecret,
} from './provider.driver.js';

const ownClientId = 'gateway';
const ownClientSecret = 'gateway-secret-of-the-contract';

/** How the provider treats the gateway. */
export interface OpenIdSideOptions extends Pick<
  OpenIdProviderOptions,
  'tellsOnlyByIdToken' | 'sealsAnswers' | 'takesPushedOnly' | 'refusesOfflineAccess'
> {
  /** Whether it gets refresh tokens. Default false. */
  readonly refreshes?: boolean;
  /** What the gateway's registration there says besides. */
  readonly registration?: Partial<ClientMetadata>;
  /** Whether the metadata names the algorithms of signed answers of `/userinfo`. Default true. */
  readonly namesUserInfoAlgorithms?: boolean;
  /** Members of the metadata that are otherwise. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** An OpenID provider whose accounts change. */
export interface OpenIdSide extends ProviderSide {
  /** Changes what the provider tells of somebody. */
  change(member: Member, profile: Partial<OpenIdAccount>): void;
  /** From now on the access tokens that there are tell of nobody. */
  endAccessTokens(): void;
  /** From now on one of the endpoints refuses each request, with this OAuth error. */
  refuse(endpoint: 'token' | 'userinfo', status: number, error: string): void;
  /** How often people were asked about, and tokens were asked for. */
  asked(): { readonly userInfo: number; readonly token: number };
}

/** Starts an OpenID provider, with Auth0's face or without, behind a proxy that can misbehave. */
export async function startOpenIdSide(
  name: 'auth0' | 'oidc',
  gatewayUrl: string,
  {
    refreshes = false,
    registration,
    namesUserInfoAlgorithms = true,
    metadata = {},
    ...options
  }: OpenIdSideOptions = {},
): Promise<OpenIdSide> {
  const accounts = new Map<string, OpenIdAccount>();
  const [port = 0, front = 0] = await findFreePorts(2);
  const proxy = await startFaultyProxy(front, `http://127.0.0.1:${port}`);
  const openid = await startOpenIdProvider({
    flavour: name === 'auth0' ? 'auth0' : 'plain',
    port,
    origin: proxy.url,
    clients: clientsFor(gatewayUrl, refreshes, registration),
    audience: apiAudience,
    ...options,
  });
  const changed = namesUserInfoAlgorithms
    ? metadata
    : { ...metadata, userinfo_signing_alg_values_supported: undefined };
  if (Object.keys(changed).length > 0) {
    proxy.rewrite('/.well-known/openid-configuration', (body) => ({ ...body, ...changed }));
  }
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
      accounts.set(account.sub, account);
      return {
        email: account.email,
        emailVerified: account.email_verified,
        name: account.name,
        picture: account.picture,
        credentials: { login: account.sub },
      };
    },
    disable: async ({ credentials: { login = '' } }) => openid.remove(login),
    change: ({ credentials: { login = '' } }, profile) => {
      const account = newAccount({ ...accounts.get(login), ...profile });
      accounts.set(login, account);
      openid.add(account);
    },
    endAccessTokens: openid.endAccessTokens,
    refuse: (endpoint, status, error) =>
      proxy.refuse(routesOf(name === 'auth0' ? 'auth0' : 'plain')[endpoint], status, { error }),
    asked: () => {
      const { token, userinfo } = routesOf(name === 'auth0' ? 'auth0' : 'plain');
      const count = (path: string): number => openid.seen.filter((request) => request.path === path).length;
      return { userInfo: count(userinfo), token: count(token) };
    },
    stop: async () => {
      await proxy.stop();
      await openid.stop();
    },
  };
}

function clientsFor(
  gatewayUrl: string,
  refreshes: boolean,
  registration: Partial<ClientMetadata> = {},
): ClientMetadata[] {
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
      ...(refreshes ? { grant_types: ['authorization_code', 'refresh_token'] } : {}),
      ...registration,
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
