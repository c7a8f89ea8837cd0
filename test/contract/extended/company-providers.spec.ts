import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OtherProvider } from '../../support/go.provider.js';
import { prepareLemonldap } from '../../support/lemonldap.server.js';
import { goToCompany, openIdConnection, pageOfAddress } from '../../support/openid.connection.js';
import { postAcross } from '../../support/saml.connection.js';
import { type Stack, startStack } from '../../support/stack.js';
import { sendForm } from '../../support/travel.js';
import { type Page, UserAgent } from '../../support/user-agent.js';
import { startZitadelServer } from '../../support/zitadel.server.js';

const callback = '/auth/connections/company/callback';

interface Kind {
  readonly start: (gatewayUrl: string) => Promise<OtherProvider>;
  /** Settings that this provider needs. */
  readonly settings: Readonly<Record<string, unknown>>;
}

const kinds: readonly (readonly [string, Kind])[] = [
  ['zitadel’s', { start: async (url) => startZitadelServer(url, callback), settings: {} }],
  [
    'LemonLDAP::NG’s',
    // It doesn't state whether addresses are verified.
    {
      start: async (url) => (await prepareLemonldap()).start({ redirectUri: `${url}${callback}` }),
      settings: { trust_email: true },
    },
  ],
];

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

describe.each(kinds)('%s OpenID provider', (_name, { start, settings }) => {
  let server: OtherProvider;

  beforeAll(async () => {
    server = await start(stack.url);
    const { OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET } = server.env;
    const connection = openIdConnection(OIDC_ISSUER ?? '', {
      id: 'company',
      client_id: OIDC_CLIENT_ID,
      client_secret: OIDC_CLIENT_SECRET,
      domains: [server.user.email.split('@')[1]],
      offline_access: true,
      ...settings,
    });
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([connection]) });
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
  });

  /** Logs the provider's user in. */
  async function logIn(agent: UserAgent): Promise<Page> {
    const there = await goToCompany(agent, await pageOfAddress(agent, server.user.email));
    return (await sendForm(agent, there, server.loginForm)).page;
  }

  it('is a company’s: its user logs in, is renewed by refresh tokens, and logs out', async () => {
    const agent = new UserAgent(stack.url);
    const page = await logIn(agent);
    expect([page.status, page.url]).toEqual([200, `${stack.url}/`]);
    const { email, name } = server.user;
    const session = { user: { email, emailVerified: true, name }, provider: 'ory' };
    expect((await agent.fetch('/auth/session')).json()).toMatchObject(session);
    for (const seconds of [660, 1320]) {
      stack.shiftClock(seconds);
      expect((await agent.fetch('/auth/session')).json()).toMatchObject(session);
    }
    expect(stack.log.join()).not.toContain('source_unreachable');
    stack.shiftClock(0);
    await agent.post('/auth/logout', {});
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });
});

describe('LemonLDAP::NG’s SAML provider', () => {
  let server: OtherProvider;

  beforeAll(async () => {
    const prepared = await prepareLemonldap();
    const connection = {
      id: 'company',
      kind: 'saml',
      name: 'Example Ltd.',
      domains: ['badwolf.org'],
      // Read when the first user comes, so that each can know the other.
      metadata_url: prepared.metadataUrl,
      entity_id: prepared.metadataUrl,
      trust_email: true,
    };
    await stack.restartGateway({ CONNECTIONS: JSON.stringify([connection]) });
    const metadata = await fetch(`${stack.url}/auth/connections/company/metadata`);
    server = await prepared.start({ metadata: await metadata.text() });
  }, 300_000);

  afterAll(async () => {
    await server?.stop();
  });

  it('is a company’s: its user logs in by its metadata and its answer, and logs out', async () => {
    const agent = new UserAgent(stack.url);
    const { email, name } = server.user;
    const there = await goToCompany(agent, await pageOfAddress(agent, email));
    const { page: answer } = await sendForm(agent, there, server.loginForm);
    const { page } = await postAcross(agent, answer);
    expect([page.status, page.url]).toEqual([200, `${stack.url}/`]);
    const session = { user: { email, emailVerified: true, name }, provider: 'ory' };
    expect((await agent.fetch('/auth/session')).json()).toMatchObject(session);
    await agent.post('/auth/logout', {});
    expect((await agent.fetch('/auth/session')).status).toBe(401);
  });
});
