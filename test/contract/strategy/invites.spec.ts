import { beforeAll, expect } from 'vitest';
import { z } from 'zod';
import { expectNobody, expectRefusal, fieldOf, strategyContract } from '../../support/contract.suite.js';
import { newPerson } from '../../support/person.js';
import type { Member } from '../../support/provider.driver.js';
import { sendForm, travel } from '../../support/travel.js';
import { type Page, UserAgent } from '../../support/user-agent.js';

const orgSchema = z.looseObject({ id: z.string() });
const inviteSchema = z.looseObject({ url: z.string().nullable() });

strategyContract('invites', ({ name, row, party, gateway }) => {
  let owner: UserAgent;
  let orgId: string;

  beforeAll(async () => {
    owner = new UserAgent(gateway().url);
    await party().logIn(owner, await party().side.enrol());
    orgId = orgSchema.parse((await owner.post('/api/v1/orgs', { name: 'Analytical Engines' })).json()).id;
  });

  /** Makes an invite. @param body `{}` for one that anybody may redeem. @returns its token. */
  async function invite(body: { readonly email?: string } = {}): Promise<string> {
    const answer = await owner.post(`/api/v1/orgs/${orgId}/invites`, body);
    return new URL(inviteSchema.parse(answer.json()).url ?? '').searchParams.get('invite') ?? expect.fail();
  }

  async function logInWith(agent: UserAgent, member: Member, token: string, kind = 'login'): Promise<Page> {
    const query = new URLSearchParams({ invite: token, return_to: '/api/v1/me' });
    const { page } = await travel(agent, `${gateway().url}/auth/${kind}?${query}`);
    return (await sendForm(agent, page, member.credentials)).page;
  }

  /** Presses the button of the page that a login with an invite ends at. */
  async function accept(agent: UserAgent, page: Page, token: string): Promise<Page> {
    const query = new URLSearchParams({ invite: token.slice(0, 64), return_to: '/api/v1/me' });
    expect(page.url).toBe(`${gateway().url}/invitation?${query}`);
    return (await sendForm(agent, page, { invite: token.slice(0, 64) })).page;
  }

  async function orgOf(agent: UserAgent): Promise<unknown> {
    return fieldOf(await agent.fetch('/auth/session'), 'claims', 'org', 'id');
  }

  row(
    'a login with an invite ends at the page that names it, and makes a member by its button alone',
    async () => {
      const agent = new UserAgent(gateway().url);
      const token = await invite();
      const page = await logInWith(agent, await party().side.enrol(), token);
      expect(page.text).toContain('Analytical Engines');
      expect(await orgOf(agent)).toBeUndefined();
      const accepted = await accept(agent, page, token);
      expect([accepted.status, new URL(accepted.url).pathname]).toEqual([200, '/invitation/accepted']);
      expect(await orgOf(agent)).toBe(orgId);
    },
  );

  row('a sign-up with an invite ends at the same page', async () => {
    const agent = new UserAgent(gateway().url);
    const { email, name: called, password } = newPerson();
    const member =
      name === 'ory'
        ? {
            ...(await party().side.enrol()),
            credentials: { 'traits.email': email, 'traits.name': called, password },
          }
        : await party().side.enrol();
    const token = await invite();
    const page = await logInWith(agent, member, token, 'signup');
    expect(await orgOf(agent)).toBeUndefined();
    expect((await accept(agent, page, token)).status).toBe(200);
    expect(await orgOf(agent)).toBe(orgId);
  });

  row('a login with an invite that cannot be accepted ends at a page that says why', async () => {
    const begun = await new UserAgent(gateway().url).request(`/auth/login?invite=${'x'.repeat(5000)}`);
    // More than this no browser keeps.
    expect(begun.headers.get('set-cookie')?.length).toBeLessThan(4096);
    const used = await invite();
    const first = new UserAgent(gateway().url);
    await accept(first, await logInWith(first, await party().side.enrol(), used), used);
    const member = await party().side.enrol();
    for (const token of [used, 'x'.repeat(5000)]) {
      const agent = new UserAgent(gateway().url);
      const page = await logInWith(agent, member, token);
      expect([page.status, page.text]).toEqual([410, expect.stringContaining('can no longer be used')]);
      expect(await orgOf(agent)).toBeUndefined();
    }
    const unverified = await party().side.enrol({ emailVerified: false });
    for (const [token, whose, reason] of [
      [await invite({ email: 'somebody.else@example.test' }), member, 'for another e-mail address'],
      [await invite({ email: unverified.email }), unverified, 'needs a verified e-mail address'],
    ] as const) {
      const agent = new UserAgent(gateway().url);
      const page = await accept(agent, await logInWith(agent, whose, token), token);
      expect([page.status, page.text]).toEqual([403, expect.stringContaining(reason)]);
      expect(await orgOf(agent)).toBeUndefined();
    }
  });

  row('POST /auth/login with an invite: refused with a bad one, a member with a good one', async () => {
    const agent = new UserAgent(gateway().url);
    const { access_token: accessToken } = await party().tokens(agent, await party().side.enrol());
    const app = new UserAgent(gateway().url);
    const refused = await app.post('/auth/login', { accessToken, inviteToken: 'nothing' });
    expect([refused.status, fieldOf(refused, 'code')]).toEqual([410, 'gone']);
    await expectNobody(app);
    expect((await app.post('/auth/login', { accessToken, inviteToken: await invite() })).status).toBe(200);
    expect(await orgOf(app)).toBe(orgId);
  });

  row('a login with a verified address of an organisation’s domain ends as its member', async () => {
    const domain = 'engines.example.test';
    const joinable = {
      domain,
      claimed_domain: domain,
      domain_proof: 'administrator',
      join_policy: 'domain',
    } as const;
    await gateway().query().updateTable('orgs').set(joinable).where('id', '=', orgId).execute();
    const member = await party().side.enrol({ email: `ada@${domain}` });
    for (const _device of ['the first', 'another']) {
      const agent = new UserAgent(gateway().url);
      await party().logIn(agent, member);
      expect(await orgOf(agent)).toBe(orgId);
    }
    const unverified = await party().side.enrol({ email: `eve@${domain}`, emailVerified: false });
    const outsider = new UserAgent(gateway().url);
    await party().logIn(outsider, unverified);
    expect(await orgOf(outsider)).toBeUndefined();
    // Anyone who acts for another organisation goes on to, also with an invite.
    const founder = await party().side.enrol();
    const elsewhere = new UserAgent(gateway().url);
    await party().logIn(elsewhere, founder);
    const own = orgSchema.parse((await elsewhere.post('/api/v1/orgs', { name: 'Own' })).json());
    const again = new UserAgent(gateway().url);
    await party().logIn(again, founder);
    expect(await orgOf(again)).toBe(own.id);
    const invited = new UserAgent(gateway().url);
    const token = await invite();
    await accept(invited, await logInWith(invited, founder, token), token);
    expect(await orgOf(invited)).toBe(own.id);
  });

  row('no link accepts an invite, wherever it is followed from', async () => {
    const agent = new UserAgent(gateway().url);
    const token = await invite();
    const path = `/auth/login?invite=${token}&return_to=/api/v1/me`;
    const start = async (headers: Readonly<Record<string, string>>, to = path): Promise<string> =>
      (await agent.request(`${gateway().url}${to}`, { headers })).headers.get('location') ?? '';
    const elsewhere = { 'sec-fetch-site': 'cross-site' };
    const begun = new URL(party().side.endpoints.authorization).pathname;
    expect(await start(elsewhere)).toContain(begun);
    await party().logIn(agent, await party().side.enrol());
    for (const to of [path, `/invitation?invite=${token}`]) {
      // The provider knows the person: no page of its own comes before the one that asks.
      const { page } = await travel(agent, `${gateway().url}${to}`);
      expect([page.status, new URL(page.url).pathname]).toEqual([200, '/invitation']);
    }
    for (const without of ['/auth/login', '/auth/login?invite=', '/auth/login?invite=a&invite=b']) {
      expect(await start(elsewhere, without)).toContain(begun);
    }
    const foreign = await agent.request(`${gateway().url}/invitation`, {
      method: 'POST',
      body: new URLSearchParams({ invite: token }),
      headers: { accept: 'text/html', origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
    });
    expect(foreign.status).toBe(403);
    expect(await orgOf(agent)).toBeUndefined();
    expect((await agent.post('/api/v1/invites/redeem', { token })).status).toBe(200);
  });

  /** What Hydra says instead, of a login when another one of the same browser began after it. */
  function overtake(answer: URL): URL {
    answer.searchParams.delete('code');
    answer.searchParams.set('error', 'request_forbidden');
    return answer;
  }
  async function overtaken(agent: UserAgent, start: string): Promise<URL> {
    return overtake(await party().answer(agent, await party().side.enrol(), start));
  }
  const isRefused = async (): Promise<void> => {
    const agent = new UserAgent(gateway().url);
    const answer = await overtaken(agent, `${gateway().url}/auth/login?invite=${await invite()}`);
    await expectRefusal(agent, await agent.navigate(answer.href), 403, 'login_refused');
  };
  row(
    'a login that begins anew keeps its invite and where it returns to',
    async () => {
      const agent = new UserAgent(gateway().url);
      const token = await invite();
      const start = `${gateway().url}/auth/login?invite=${token}&return_to=/api/v1/me`;
      const answer = await overtaken(agent, start);
      const { page } = await travel(agent, answer.href);
      expect((await accept(agent, page, token)).status).toBe(200);
      expect(await orgOf(agent)).toBe(orgId);
      // Three times; then something else must be wrong.
      const browser = new UserAgent(gateway().url);
      let next = await overtaken(browser, `${gateway().url}/auth/login`);
      for (let attempt = 1; attempt < 4; attempt += 1) {
        const arrival = await travel(
          browser,
          next.href,
          ({ pathname, searchParams }) => pathname === '/auth/callback' && searchParams.has('code'),
        );
        next = overtake(arrival.next ?? expect.fail());
      }
      await expectRefusal(browser, await browser.navigate(next.href), 403, 'login_state_invalid');
    },
    { auth0: isRefused, oidc: isRefused },
  );
});
