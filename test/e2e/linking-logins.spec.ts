import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socialProviders } from '../../src/platform/config/social-providers.parser.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { IdentityLocks } from '../../src/providers/ory/kratos/identity-locks.js';
import { newAccount } from '../support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid.provider.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, newPerson } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const clientSecret = 'a-secret-of-this-test-alone';
let stack: Stack;
let provider: OpenIdProvider;

beforeAll(async () => {
  stack = await startStack({
    socialProviders: async (origin) => {
      const [port = 0] = await findFreePorts(1);
      provider = await startOpenIdProvider({
        flavour: 'plain',
        port,
        audience: 'unused',
        clients: [
          {
            client_id: 'kratos',
            client_secret: clientSecret,
            redirect_uris: [`${origin}/ory/kratos/self-service/methods/oidc/callback`],
          },
        ],
      });
      return socialProviders.parse(
        JSON.stringify([
          {
            id: 'stand-in',
            provider: 'generic',
            label: 'Stand-in',
            client_id: 'kratos',
            client_secret: clientSecret,
            issuer_url: provider.issuer,
            claims_source: 'userinfo',
            pkce: 'force',
          },
        ]),
      );
    },
  });
});

afterAll(async () => {
  await stack?.stop();
  await provider?.stop();
});

/** Somebody with an account. */
async function newOwner(): Promise<{ person: Person; identityId: string }> {
  const ory = new OryAdmin(stack.env);
  const [person, owner] = [newPerson(), new UserAgent(stack.url)];
  await ory.createPerson(person, { isVerified: true });
  await logIn(owner, person);
  const { identityId } = await ory.sessionOf(owner);
  return { person, identityId };
}

/** Comes from the third party with the address of an account here. @returns the page that asks for a login there, which links the two. */
async function arrive(agent: UserAgent, { email }: Person): Promise<Page> {
  const account = newAccount({ email });
  provider.add(account);
  const leaving = await agent.submit(
    await agent.navigate('/auth/login'),
    {},
    { name: 'provider', value: 'stand-in' },
  );
  const [, target = ''] = /url=([^"]+)"/i.exec(leaving.text) ?? [];
  const there = new UserAgent(provider.origin);
  const back = await there.submit(await there.navigate(target.replaceAll('&amp;', '&')), {
    login: account.sub,
    password: 'x',
  });
  return agent.navigate(back.headers.get('location') ?? '');
}

const confirm = async (agent: UserAgent, page: Page, { password }: Person): Promise<Page> =>
  agent.submit(page, { password }, { name: 'method', value: 'password' });

async function hasSession(agent: UserAgent): Promise<boolean> {
  return (await agent.fetch('/ory/kratos/sessions/whoami')).status === 200;
}

async function opens(person: Pick<Person, 'email' | 'password'>): Promise<boolean> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  return hasSession(agent);
}

describe('a login by password that links a third-party login', () => {
  it('waits for its turn at the account, and an ordinary one does not', async () => {
    const { person, identityId } = await newOwner();
    const agent = new UserAgent(stack.url);
    const page = await arrive(agent, person);
    const locks = stack.app().get(IdentityLocks, { strict: false });
    const [status, isOpen] = await locks.run(identityId, async () => {
      const { status: seen } = await confirm(agent, page, person);
      return [seen, await opens(person)] as const;
    });
    expect([status, isOpen, await hasSession(agent)]).toEqual([503, true, false]);
    await confirm(agent, page, person);
    expect(await hasSession(agent)).toBe(true);
  });
});
