import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type FaultyProxy, startFaultyProxy } from './faulty.proxy.js';
import { makeOpenIdKeys } from './openid.keys.js';
import { OryAdmin } from './ory.admin.js';
import { takeOry } from './ory.pool.js';
import { newPerson } from './person.js';
import {
  apiAudience,
  appRedirectUri,
  contractClients,
  otherAudience,
  type ProviderSide,
  robotSecret,
} from './provider.driver.js';

const variables = ['KRATOS_PUBLIC_URL', 'KRATOS_ADMIN_URL', 'HYDRA_PUBLIC_URL', 'HYDRA_ADMIN_URL'] as const;

/** Starts real Kratos and Hydra; the gateway reaches all their ports through proxies that can misbehave. */
export async function startOrySide(gatewayUrl: string): Promise<ProviderSide> {
  const { ory, release } = await takeOry(gatewayUrl);
  const ports = await findFreePorts(variables.length);
  const proxies: FaultyProxy[] = [];
  const env: Record<string, string> = {};
  for (const [index, variable] of variables.entries()) {
    const proxy = await startFaultyProxy(ports[index] ?? 0, ory.env[variable] ?? '');
    proxies.push(proxy);
    env[variable] = proxy.url;
  }
  const [, , hydraPublic, hydraAdmin] = proxies;
  // Hydra's own key isn't to be had: what "the provider" signs here is signed by nobody that Hydra knows.
  const forger = await makeOpenIdKeys();
  const admin = new OryAdmin(ory.env);
  await registerClients(admin, gatewayUrl);
  const each = (act: (proxy: FaultyProxy) => void) => (): void => proxies.forEach(act);
  return {
    name: 'ory',
    env: {
      ...env,
      AUTH_PROVIDER: 'ory',
      TOKEN_AUDIENCE: apiAudience,
      ALLOWED_CLIENT_IDS: [
        'vestibule',
        contractClients.app,
        contractClients.brief,
        contractClients.robot,
      ].join(),
    },
    endpoints: {
      authorization: `${gatewayUrl}/ory/hydra/oauth2/auth`,
      token: `${gatewayUrl}/ory/hydra/oauth2/token`,
    },
    audienceParameter: 'audience',
    jwtAccessTokens: false,
    wire: {
      slow: (milliseconds) => proxies.forEach((proxy) => proxy.slow(milliseconds)),
      down: each((proxy) => proxy.down()),
      html: each((proxy) => proxy.html()),
      reset: each((proxy) => proxy.reset()),
    },
    ownClientId: 'vestibule',
    isSignUpPage: (page) => new URL(page.url).pathname === '/ui/registration',
    tamperIdToken: (fault) =>
      hydraPublic?.rewrite('/oauth2/token', async (body) => ({
        ...body,
        id_token: await forger.tamper(String(body['id_token']), fault),
      })),
    replaceIdToken: (idToken) =>
      hydraPublic?.rewrite('/oauth2/token', (body) => ({ ...body, id_token: idToken })),
    swapSubject: (subject) =>
      hydraAdmin?.rewrite('/admin/oauth2/introspect', (body) => ({ ...body, sub: subject })),
    backdateLogins: () =>
      hydraAdmin?.rewrite('/admin/oauth2/introspect', (body) => ({
        ...body,
        ext: { ...Object(body['ext']), auth_time: Date.now() - 3_600_000 },
      })),
    rotateKeys: () => admin.rotateKey(),
    countKeyFetches: () => hydraPublic?.countAnswered('/.well-known/jwks.json') ?? 0,
    countRevocations: () => hydraPublic?.count('/oauth2/revoke') ?? 0,
    enrol: async (profile = {}) => {
      const fresh = newPerson();
      const email = profile.email ?? fresh.email;
      const emailVerified = profile.emailVerified ?? true;
      const picture = `https://pictures.example.org/${email}.png`;
      await admin.createIdentity({
        traits: { email, name: fresh.name, picture },
        credentials: { password: { config: { password: fresh.password } } },
        ...(emailVerified
          ? { verifiable_addresses: [{ value: email, via: 'email', verified: true, status: 'completed' }] }
          : {}),
      });
      const credentials = { identifier: email, password: fresh.password };
      return { email, emailVerified, name: fresh.name, picture, credentials };
    },
    disable: async ({ email }) => admin.disableIdentity(email),
    stop: async () => {
      await Promise.all(proxies.map((proxy) => proxy.stop()));
      await release();
    },
  };
}

async function registerClients(admin: OryAdmin, gatewayUrl: string): Promise<void> {
  const publicClient = {
    redirect_uris: [appRedirectUri(gatewayUrl)],
    audience: [apiAudience, otherAudience],
    token_endpoint_auth_method: 'none',
    skip_consent: true,
  };
  await admin.createClient({ ...publicClient, client_id: contractClients.app });
  await admin.createClient({ ...publicClient, client_id: contractClients.foreign });
  await admin.createClient({
    ...publicClient,
    client_id: contractClients.brief,
    authorization_code_grant_access_token_lifespan: '1s',
  });
  await admin.createClient({
    client_id: contractClients.robot,
    client_secret: robotSecret,
    grant_types: ['client_credentials'],
    audience: [apiAudience],
    token_endpoint_auth_method: 'client_secret_post',
  });
}
