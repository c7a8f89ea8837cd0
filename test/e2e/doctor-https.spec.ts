import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { insertAdministrator } from '../support/administrator.js';
import { startCli } from '../support/cli.process.js';
import { findCodes, runDoctor } from '../support/doctor.js';
import { type FrontProxy, startFrontProxy } from '../support/front.proxy.js';
import {
  newGatewaySite,
  runGateway,
  type GatewaySite,
  type RunningGateway,
} from '../support/gateway.runner.js';
import { type LocalAuthority, makeAuthority } from '../support/local.authority.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid.provider.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const reportSchema = z.looseObject({ findings: z.array(z.looseObject({ code: z.string() })) });

describe('vestibule doctor of a deployment on https and PostgreSQL', () => {
  let stack: Stack;
  let front: FrontProxy;
  let authority: LocalAuthority;
  let port: number;

  beforeAll(async () => {
    [port = 0] = await findFreePorts(1);
    authority = await makeAuthority();
    stack = await startStack({
      database: 'postgres',
      postgresUrl: inject('postgresUrl'),
      publicUrl: `https://localhost:${port}`,
      authority: authority.path,
      env: {
        TRUST_PROXY: '127.0.0.1,::1',
        DEMO: 'false',
        RATE_LIMIT: 'true',
        ADMIN_EMAIL: 'root@example.test',
        ADMIN_PASSWORD: randomBytes(18).toString('base64url'),
      },
    });
    front = await startFrontProxy(port, stack.url, await authority.issue('localhost', 60));
  });

  afterAll(async () => {
    await front?.stop();
    await stack?.stop();
    await authority?.remove();
  });

  /** The built program in a process of its own: it alone can be told of the authority. */
  const examine = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    startCli(
      { ...stack.env, NODE_EXTRA_CA_CERTS: authority.path, ...env },
      'doctor',
      '--timeout',
      '15',
      ...args,
    ).end();

  const codesOf = async (env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> => {
    const { out } = await examine(env, '--json');
    return reportSchema
      .parse(JSON.parse(out))
      .findings.map(({ code }) => code)
      .sort();
  };

  it('prints only `all good` when it is healthy', async () => {
    expect(await examine({})).toEqual({ code: 0, out: 'all good\n', err: '' });
  });

  it('Hydra delivers logout tokens to a gateway whose certificate is of a private authority', async () => {
    const [agent, person] = [new UserAgent(`https://localhost:${port}`, stack.url), newPerson()];
    const ory = new OryAdmin(stack.env);
    await ory.createPerson(person, { isVerified: true });
    await logIn(agent, person);
    expect((await agent.fetch('/auth/session')).status).toBe(200);
    const { query } = stack.app().get(Database, { strict: false });
    const { oidc_sid: sid } = await query
      .selectFrom('sessions')
      .select('oidc_sid')
      .where('ended_at', 'is', null)
      .executeTakeFirstOrThrow();
    const url = `${stack.env['HYDRA_ADMIN_URL']}/admin/oauth2/auth/sessions/login?sid=${sid}`;
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(204);
    await waitUntil(async () => (await agent.fetch('/auth/session')).status === 401, 'Hydra’s logout token');
  });

  it('finds what a production deployment should not have', async () => {
    expect(await codesOf({ DEMO: 'true', RATE_LIMIT: 'false', TRUST_PROXY: '' })).toEqual([
      'demo_in_production',
      'rate_limit_off',
      'trust_proxy_missing',
    ]);
  });

  it.each([
    ['localhost', 5, 'certificate_expires_soon'],
    ['localhost', 0, 'certificate_expired'],
    ['other.example', 60, 'certificate_wrong_host'],
  ] as const)('finds a certificate for %s and %i days as %s', async (host, days, code) => {
    await front.stop();
    front = await startFrontProxy(port, stack.url, await authority.issue(host, days));
    expect(await codesOf()).toEqual([code]);
  });

  it('finds a certificate of an unknown authority', async () => {
    await front.stop();
    front = await startFrontProxy(port, stack.url, await authority.issue('localhost', 60));
    expect(await findCodes(stack.env)).toEqual(['certificate_untrusted']);
  });
});

describe.each(['oidc', 'auth0'] as const)('vestibule doctor under %s', (flavour) => {
  let site: GatewaySite;
  let gateway: RunningGateway;
  let provider: OpenIdProvider;
  let env: Record<string, string>;

  beforeAll(async () => {
    site = await newGatewaySite();
    const [port = 0] = await findFreePorts(1);
    const secret = randomBytes(24).toString('base64url');
    provider = await startOpenIdProvider({
      flavour: flavour === 'auth0' ? 'auth0' : 'plain',
      port,
      audience: 'https://api.example.test',
      clients: [
        {
          client_id: 'gateway',
          client_secret: secret,
          redirect_uris: [`${site.url}/auth/callback`],
          token_endpoint_auth_method: 'client_secret_post',
        },
      ],
    });
    env =
      flavour === 'oidc'
        ? { OIDC_ISSUER: provider.origin, OIDC_CLIENT_ID: 'gateway', OIDC_CLIENT_SECRET: secret }
        : { AUTH0_DOMAIN: provider.origin, AUTH0_CLIENT_ID: 'gateway', AUTH0_CLIENT_SECRET: secret };
    env = { ...site.env, ...env, AUTH_PROVIDER: flavour };
    gateway = await runGateway(site, env);
  });

  afterAll(async () => {
    await gateway?.stop();
    await provider?.stop();
    await site?.remove();
  });

  const prefix = flavour === 'oidc' ? 'OIDC' : 'AUTH0';
  const address = flavour === 'oidc' ? 'OIDC_ISSUER' : 'AUTH0_DOMAIN';

  it('finds that no user is an administrator; prints `all good` when one is', async () => {
    expect(await findCodes(env)).toEqual(['administrator_none']);
    await insertAdministrator(gateway.query());
    expect(await runDoctor(env)).toEqual({ code: 0, out: 'all good\n' });
  });

  it('finds a wrong client secret, and an example as one', async () => {
    const other = randomBytes(24).toString('base64url');
    expect(await findCodes({ ...env, [`${prefix}_CLIENT_SECRET`]: other })).toEqual([
      'provider_client_refused',
    ]);
    expect(await findCodes({ ...env, [`${prefix}_CLIENT_SECRET`]: 'your-client-secret' })).toEqual([
      'provider_client_refused',
      'secret_weak',
    ]);
  });

  it('finds a client that the provider does not know, which has no redirect URI either', async () => {
    expect(await findCodes({ ...env, [`${prefix}_CLIENT_ID`]: 'gatewai' })).toEqual([
      'provider_client_refused',
      'provider_redirect_uri_refused',
    ]);
  });

  it('finds an issuer other than the provider’s own', async () => {
    const { port } = new URL(provider.origin);
    expect(await findCodes({ ...env, [address]: `http://localhost:${port}` })).toEqual(['issuer_mismatch']);
  });

  it('finds that the provider is unreachable', async () => {
    expect(await findCodes({ ...env, [address]: 'http://127.0.0.1:9' })).toEqual(['provider_unreachable']);
  });
});
