import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { OAuthApp, codeOf, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { administratorOf } from '../support/registered.application.js';
import { type Stack, startStack } from '../support/stack.js';
import { sendForm } from '../support/travel.js';
import { type Page, UserAgent } from '../support/user-agent.js';
import { arriveVerified } from '../support/verified.person.js';

const back = 'https://wiki.example/callback';
const scope = 'openid roles offline_access';
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const applicationSchema = z.looseObject({ id: z.string(), clientSecret: z.string() });

describe('a login at an application whose last steps its user keeps', () => {
  let stack: Stack;
  let administrator: UserAgent;

  beforeAll(async () => {
    stack = await startStack();
    administrator = await administratorOf(stack);
  });

  afterAll(() => stack?.stop());

  const send = async (method: string, path: string, body?: unknown): Promise<Page> => {
    const answer = await administrator.send(method, `/api/v1${path}`, body);
    expect([path, answer.status < 300]).toEqual([path, true]);
    return answer;
  };

  async function revocationsOf(id: string) {
    await stack.app().get(AuditService, { strict: false }).flush();
    return stack
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select('reason')
      .where('type', '=', 'application_access_revoked')
      .where('target_id', '=', id)
      .execute();
  }

  /** An application of an organisation, for its members alone, with one of them who is an administrator here. */
  async function begin() {
    const [member, org] = [new UserAgent(stack.url), await send('POST', '/orgs', { name: `Org ${newId()}` })];
    const orgId = applicationSchema.pick({ id: true }).parse(org.json()).id;
    const person = await arriveVerified(member, stack);
    const userId = sessionSchema.parse((await member.fetch('/auth/session')).json()).user.id;
    await send('PATCH', `/users/${userId}`, { role: 'admin' });
    await stack
      .app()
      .get(Database, { strict: false })
      .query.insertInto('memberships')
      .values({ org_id: orgId, user_id: userId, role: 'member', state: 'active', created_at: Date.now() })
      .execute();
    const definition = { name: 'Wiki', kind: 'web', redirectUris: [back], firstParty: true, scope };
    const made = await send('POST', '/applications', { ...definition, orgId, access: 'organisation' });
    const { id, clientSecret: secret } = applicationSchema.parse(made.json());
    return { app: new OAuthApp(stack.url, { id, secret }, back), orgId, person, userId };
  }

  /** Logs a user in, and does something when only the last redirect is left. @returns the answer to the application, which redeems the code. */
  async function logInAround(
    { app, person }: Awaited<ReturnType<typeof begin>>,
    act: (browser: UserAgent) => Promise<unknown>,
  ): Promise<Page> {
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    // Another browser: Hydra doesn't know it yet, and so remembers the login when its verifier comes, also once more.
    const browser = new UserAgent(stack.url);
    const { email: identifier, password } = person;
    const loggedIn = await sendForm(browser, await browser.navigate(path), { identifier, password }, (next) =>
      next.searchParams.has('login_verifier'),
    );
    const before = await browser.copyAt(undefined);
    const login = loggedIn.next?.href ?? '';
    const last = await browser.followUntil(login, (next) => next.searchParams.has('consent_verifier'));
    await act(browser);
    await before.request(login);
    return app.exchange(browser, codeOf(await browser.request(last.href)), verifier);
  }

  it('brings the application the user’s tokens', async () => {
    const given = await logInAround(await begin(), () => Promise.resolve());
    expect(decodeJwt(tokensOf(given).id_token ?? '')).toMatchObject({ roles: ['admin'] });
  });

  it.each<[string, (login: Awaited<ReturnType<typeof begin>>) => Promise<unknown>]>([
    ['is disabled', ({ userId }) => send('POST', `/users/${userId}/disable`)],
    ['is deleted', ({ userId }) => send('DELETE', `/users/${userId}`)],
    [
      'is removed from its organisation',
      ({ orgId, userId }) => send('DELETE', `/orgs/${orgId}/members/${userId}`),
    ],
  ])('brings it nothing once the user %s', async (_how, end) => {
    const login = await begin();
    const refused = await logInAround(login, () => end(login));
    expect([refused.status, refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect(await revocationsOf(login.app.client.id)).toEqual([{ reason: 'no_longer_admitted' }]);
  });

  it('brings it nothing once the session has ended, as a recovery ends it, and ends no other access', async () => {
    const login = await begin();
    const refused = await logInAround(login, (browser) => new OryAdmin(stack.env).endSessionOf(browser));
    expect([refused.status, refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    expect(await revocationsOf(login.app.client.id)).toEqual([]);
  });

  it('brings it no role that the user has lost; the next login brings what they have now', async () => {
    const login = await begin();
    const refused = await logInAround(login, () => send('PATCH', `/users/${login.userId}`, { role: 'user' }));
    expect([refused.status, refused.json()]).toMatchObject([400, { error: 'invalid_grant' }]);
    const given = await logInAround(login, () => Promise.resolve());
    expect(decodeJwt(tokensOf(given).id_token ?? '')).toMatchObject({ roles: [] });
  });
});
