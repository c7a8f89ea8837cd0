import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { AccountSessions } from '../../../../accounts/sessions/account-sessions.service.js';
import { AuthStrategy } from '../../../../auth-strategy/auth.strategy.js';
import { Database } from '../../../../platform/database/database.schema.js';
import { Problem } from '../../../../platform/errors/problem.error.js';
import { promote } from '../../../../../test/support/administrator.js';
import { startCli } from '../../../../../test/support/cli.process.js';
import { Mailbox } from '../../../../../test/support/mailbox.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import { enrolTotp, giveTotp } from '../../../../../test/support/second.factor.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent, formOf } from '../../../../../test/support/user-agent.js';

const recoverySchema = z.strictObject({ code: z.string(), url: z.url(), expiresAt: z.iso.datetime() });

/** Somebody with a browser in which they are logged in. */
interface Visitor {
  readonly agent: UserAgent;
  readonly person: Person;
  readonly userId: string;
}

describe('what administrators do for people at real Kratos', () => {
  let stack: Stack;
  let ory: OryAdmin;
  let admin: Visitor;

  beforeAll(async () => {
    stack = await startStack();
    ory = new OryAdmin(stack.env);
    admin = await arrive();
    await promote(stack.app(), admin.userId);
    await admin.agent.navigate('/auth/login');
  });

  afterAll(async () => {
    await stack?.stop();
  });

  async function arrive(): Promise<Visitor> {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    const { user } = z
      .looseObject({ user: z.looseObject({ id: z.string() }) })
      .parse((await agent.fetch('/auth/session')).json());
    return { agent, person, userId: user.id };
  }

  const send = (method: 'POST' | 'DELETE', path: string): Promise<Page> =>
    admin.agent.fetch(`/api/v1/users/${path}`, { method, headers: { origin: stack.url } });

  async function recover({ userId }: Visitor): Promise<z.output<typeof recoverySchema>> {
    const answer = await send('POST', `${userId}/recovery`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
    return recoverySchema.parse(answer.json());
  }

  const statusOf = async (agent: UserAgent, path: string): Promise<number> =>
    (await agent.fetch(path)).status;

  it('a recovery code logs the user in, in a new browser, to choose a new password', async () => {
    const visitor = await arrive();
    const { code, url, expiresAt } = await recover(visitor);
    expect(url).toMatch(/\/ui\/recovery\?flow=[\da-f-]{36}$/);
    expect(new URL(url).origin).toBe(stack.url);
    const life = Date.parse(expiresAt) - Date.now();
    expect([life > 10 * 60_000, life < 61 * 60_000]).toEqual([true, true]);

    const { identityId } = await ory.sessionOf(visitor.agent);
    const agent = new UserAgent(stack.url);
    const form = await agent.navigate(url);
    expect([form.status, form.html().querySelector('input[name=code]') !== null]).toEqual([200, true]);
    const settings = await agent.submit(form, { code }, { name: 'method', value: 'code' });
    expect([settings.status, new URL(settings.url).pathname]).toEqual([200, '/ui/settings']);
    expect((await ory.sessionOf(agent)).identityId).toBe(identityId);
    expect(await statusOf(visitor.agent, '/ory/kratos/sessions/whoami')).toBe(401);
    const password = `another ${visitor.person.password}`;
    await agent.submit(settings, { password }, { name: 'method', value: 'password' });

    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, { email: visitor.person.email, password });
    expect(await statusOf(elsewhere, '/api/v1/me')).toBe(200);

    // Once: the same link and code let nobody in again.
    const thief = new UserAgent(stack.url);
    const again = await thief.navigate(url);
    const refused = again.html().querySelector('input[name=code]');
    if (refused !== null) {
      await thief.submit(again, { code }, { name: 'method', value: 'code' });
    }
    expect(await statusOf(thief, '/ory/kratos/sessions/whoami')).toBe(401);

    const read = async (): Promise<readonly unknown[]> =>
      stack
        .app()
        .get(Database, { strict: false })
        .query.selectFrom('audit_events')
        .select(['actor_id', 'target_id', 'outcome'])
        .where('type', '=', 'recovery_code_created')
        .where('user_id', '=', visitor.userId)
        .execute();
    await expect
      .poll(read)
      .toEqual([{ actor_id: admin.userId, target_id: visitor.userId, outcome: 'success' }]);
    expect(stack.log.filter((line) => line.includes(code) && line.includes('recovery'))).toEqual([]);
    expect(stack.log.filter((line) => line.includes(new URL(url).search))).toEqual([]);
  });

  it('an account whose address has an invisible character is recovered, and gets another address [L33]', async () => {
    const visitor = await arrive();
    const { identityId } = await ory.sessionOf(visitor.agent);
    const email = `a\u200B${visitor.person.email}`;
    await ory.changeTrait(identityId, 'email', email);
    const { action, body } = formOf(await new UserAgent(stack.url).navigate('/auth/login'), {
      identifier: email,
      password: visitor.person.password,
    });
    const headers = { origin: stack.url, accept: 'text/html' };
    const refused = await visitor.agent.request(action, { method: 'POST', body, headers });
    expect([refused.status, refused.text.includes('identifier_refused')]).toEqual([400, true]);

    const { code, url } = await recover(visitor);
    const agent = new UserAgent(stack.url);
    const settings = await agent.submit(
      await agent.navigate(url),
      { code },
      { name: 'method', value: 'code' },
    );
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
    const other = `another-${visitor.person.email}`;
    // The old password went with the recovery, because nobody had proven the odd address.
    const password = `another ${visitor.person.password}`;
    await agent.submit(settings, { password }, { name: 'method', value: 'password' });
    await agent.navigate('/auth/login');
    const profile = await agent.navigate('/ui/settings');
    await agent.submit(profile, { 'traits.email': other }, { name: 'method', value: 'profile' });
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, { email: other, password });
    expect(await statusOf(elsewhere, '/api/v1/me')).toBe(200);
  });

  it('a wrong code is refused, and the right one still logs the user in', async () => {
    const visitor = await arrive();
    const { code, url } = await recover(visitor);
    const agent = new UserAgent(stack.url);
    const wrong = await agent.submit(
      await agent.navigate(url),
      { code: code === '000000' ? '111111' : '000000' },
      { name: 'method', value: 'code' },
    );
    expect(new URL(wrong.url).pathname).toBe('/ui/recovery');
    expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
    const settings = await agent.submit(wrong, { code }, { name: 'method', value: 'code' });
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
  });

  it('a user with a second factor is still asked for it', async () => {
    const visitor = await arrive();
    const secret = await enrolTotp(visitor.agent);
    const { code, url } = await recover(visitor);
    const agent = new UserAgent(stack.url);
    const asked = await agent.submit(await agent.navigate(url), { code }, { name: 'method', value: 'code' });
    expect(new URL(asked.url).pathname).toBe('/ui/login');
    expect(asked.html().querySelector('[name=totp_code]')).not.toBeNull();
    const settings = await giveTotp(agent, asked, secret);
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
  });

  describe('a reset of second factors', () => {
    const reset = ({ userId }: Visitor): Promise<Page> => send('DELETE', `${userId}/second-factors`);

    /** Reads the events of a user, as soon as there are any. */
    async function eventsOf({ userId }: Visitor): Promise<readonly unknown[]> {
      const read = async (): Promise<readonly unknown[]> =>
        stack
          .app()
          .get(Database, { strict: false })
          .query.selectFrom('audit_events')
          .select(['actor_id', 'reason', 'outcome'])
          .where('type', '=', 'second_factor_reset')
          .where('user_id', '=', userId)
          .orderBy('id')
          .execute();
      await expect.poll(async () => (await read()).length).toBeGreaterThan(0);
      return read();
    }

    it('lets a user in by the password alone who has lost the phone; a recovery code did not', async () => {
      const visitor = await arrive();
      await enrolTotp(visitor.agent);
      const strong = new UserAgent(stack.url);
      await logIn(strong, visitor.person);
      const { code, url } = await recover(visitor);
      const recovering = new UserAgent(stack.url);
      const asked = await recovering.submit(
        await recovering.navigate(url),
        { code },
        { name: 'method', value: 'code' },
      );
      expect(asked.html().querySelector('[name=totp_code]')).not.toBeNull();

      expect((await reset(visitor)).status).toBe(204);
      for (const agent of [visitor.agent, strong, recovering]) {
        expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
        expect(await statusOf(agent, '/api/v1/me')).toBe(401);
      }
      const agent = new UserAgent(stack.url);
      await logIn(agent, visitor.person);
      expect(await statusOf(agent, '/api/v1/me')).toBe(200);
      expect((await agent.fetch('/auth/session')).json()).toMatchObject({ claims: { acr: 'aal1' } });
      const mail = await new Mailbox(stack).next(visitor.person.email, /second step.*reset/i);
      expect([mail.text.includes(stack.url), mail.text.includes(visitor.person.email)]).toEqual([
        true,
        false,
      ]);
      expect(await eventsOf(visitor)).toEqual([
        { actor_id: admin.userId, reason: 'totp', outcome: 'success' },
      ]);
      // Who has none loses nothing but the sessions.
      expect((await reset(visitor)).status).toBe(204);
      expect(await statusOf(agent, '/api/v1/me')).toBe(401);
    });

    it('that fails half-way is made up for by the next: no session is left, and the user hears of it', async () => {
      const visitor = await arrive();
      await enrolTotp(visitor.agent);
      const { identities } = stack.app().get(AuthStrategy, { strict: false });
      if (identities === undefined) {
        throw new TypeError('Kratos is administered from here');
      }
      const remove = identities.resetSecondFactors.bind(identities);
      const failure = vi.spyOn(identities, 'resetSecondFactors').mockImplementationOnce(async (...call) => {
        await remove(...call);
        throw new Problem('provider_unavailable');
      });
      expect((await reset(visitor)).status).toBe(503);
      failure.mockRestore();
      await new Mailbox(stack).next(visitor.person.email, /second step.*reset/i);
      const elsewhere = new UserAgent(stack.url);
      await logIn(elsewhere, visitor.person);
      expect((await reset(visitor)).status).toBe(204);
      for (const agent of [visitor.agent, elsewhere]) {
        expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
        expect(await statusOf(agent, '/api/v1/me')).toBe(401);
      }
      await expect
        .poll(async () => eventsOf(visitor))
        .toEqual([
          { actor_id: admin.userId, reason: 'totp', outcome: 'success' },
          { actor_id: admin.userId, reason: 'none', outcome: 'success' },
        ]);
    });

    it('that cannot end the sessions is in the audit trail all the same, and the user hears of it', async () => {
      const visitor = await arrive();
      await enrolTotp(visitor.agent);
      const sessions = stack.app().get(AccountSessions, { strict: false });
      const failure = vi
        .spyOn(sessions, 'endAllOf')
        .mockRejectedValueOnce(new Problem('database_unavailable'));
      expect((await reset(visitor)).json()).toMatchObject({ code: 'database_unavailable' });
      failure.mockRestore();
      await new Mailbox(stack).next(visitor.person.email, /second step.*reset/i);
      expect(await eventsOf(visitor)).toEqual([
        { actor_id: admin.userId, reason: 'totp', outcome: 'success' },
      ]);
    });

    it('is the operator’s, too, by `vestibule users reset-second-factor`', async () => {
      const visitor = await arrive();
      const secret = await enrolTotp(visitor.agent);
      const run = async (...args: readonly string[]) =>
        startCli(stack.env, 'users', 'reset-second-factor', ...args).end();
      expect(await run(visitor.person.email)).toMatchObject({
        code: 0,
        out: expect.stringContaining('with the password alone'),
        err: '',
      });
      await expect.poll(() => statusOf(visitor.agent, '/api/v1/me')).toBe(401);
      expect(await statusOf(visitor.agent, '/ory/kratos/sessions/whoami')).toBe(401);
      const agent = new UserAgent(stack.url);
      await logIn(agent, visitor.person);
      expect(await statusOf(agent, '/api/v1/me')).toBe(200);
      const mail = await new Mailbox(stack).next(visitor.person.email, /second step.*reset/i);
      expect(mail.text).not.toContain(secret);
      expect(await eventsOf(visitor)).toEqual([{ actor_id: null, reason: 'totp', outcome: 'success' }]);
      expect(await run(visitor.userId)).toMatchObject({
        code: 0,
        out: expect.stringContaining('had no second factor'),
      });
      expect(await run('nobody@example.org')).toMatchObject({ code: 1, out: '' });
    });

    it('of a user who is deleted at Kratos, or whose address is unverified, is refused, and the operator is told why', async () => {
      const visitor = await arrive();
      const { identityId } = await ory.sessionOf(visitor.agent);
      await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${identityId}`, { method: 'DELETE' });
      expect((await reset(visitor)).json()).toMatchObject({ code: 'conflict' });
      const run = async (user: string) => startCli(stack.env, 'users', 'reset-second-factor', user).end();
      expect(await run(visitor.person.email)).toEqual({
        code: 1,
        out: '',
        err: 'The login provider no longer knows this person.\n',
      });
      const { query } = stack.app().get(Database, { strict: false });
      await query.updateTable('users').set({ email_verified: 0 }).where('id', '=', visitor.userId).execute();
      const { code, err } = await run(visitor.person.email);
      expect([code, err]).toEqual([1, expect.stringMatching(/has not verified it.*by their id\.\n$/)]);
    });

    it('of one’s own is another administrator’s act', async () => {
      await enrolTotp(admin.agent);
      expect((await reset(admin)).json()).toMatchObject({
        code: 'conflict',
        detail: expect.stringContaining('another administrator'),
      });
      expect(await statusOf(admin.agent, '/api/v1/me')).toBe(200);
      const other = await arrive();
      await promote(stack.app(), other.userId);
      await other.agent.navigate('/auth/login');
      const headers = { origin: stack.url };
      const answer = await other.agent.fetch(`/api/v1/users/${admin.userId}/second-factors`, {
        method: 'DELETE',
        headers,
      });
      expect(answer.status).toBe(204);
      admin = { ...admin, agent: new UserAgent(stack.url) };
      await logIn(admin.agent, admin.person);
      expect(await statusOf(admin.agent, '/api/v1/users')).toBe(200);
    });
  });

  it('the code of a user who is disabled afterwards logs nobody in', async () => {
    const visitor = await arrive();
    const { code, url } = await recover(visitor);
    expect((await send('POST', `${visitor.userId}/disable`)).status).toBe(200);
    expect((await send('POST', `${visitor.userId}/recovery`)).json()).toMatchObject({ code: 'conflict' });
    const agent = new UserAgent(stack.url);
    await agent.submit(await agent.navigate(url), { code }, { name: 'method', value: 'code' });
    await agent.navigate('/auth/login');
    expect(await statusOf(agent, '/auth/session')).toBe(401);
    expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
  });

  it('the code of an administrator who is none any more logs nobody in, however its flow is written', async () => {
    const [former, visitor] = [await arrive(), await arrive()];
    await promote(stack.app(), former.userId);
    await former.agent.navigate('/auth/login');
    const made = await former.agent.fetch(`/api/v1/users/${visitor.userId}/recovery`, {
      method: 'POST',
      headers: { origin: stack.url },
    });
    const { code, url } = recoverySchema.parse(made.json());
    const act = (method: 'POST' | 'PATCH', path: string, body?: unknown): Promise<Page> =>
      admin.agent.fetch(`/api/v1/users/${former.userId}${path}`, {
        method,
        headers: { origin: stack.url, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const expectGone = async (): Promise<void> => {
      const agent = new UserAgent(stack.url);
      const { action, body } = formOf(await agent.navigate(url), { code, method: 'code' });
      const flow = new URL(url).searchParams.get('flow') ?? '';
      for (const spelling of [flow, flow.toUpperCase(), flow.replaceAll('-', ''), `{${flow}}`]) {
        const target = new URL(action);
        target.searchParams.set('flow', spelling);
        const headers = { origin: stack.url, accept: 'application/json' };
        const answer = await agent.request(target.href, { method: 'POST', body, headers });
        expect([spelling, answer.status, answer.json()]).toEqual([
          spelling,
          410,
          expect.objectContaining({ code: 'gone' }),
        ]);
      }
      expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
    };
    expect((await act('POST', '/disable')).status).toBe(200);
    await expectGone();
    expect((await act('POST', '/enable')).status).toBe(200);
    expect((await act('PATCH', '', { role: 'user' })).status).toBe(200);
    await expectGone();
    // Nothing has used it up.
    await promote(stack.app(), former.userId);
    const agent = new UserAgent(stack.url);
    const settings = await agent.submit(
      await agent.navigate(url),
      { code },
      { name: 'method', value: 'code' },
    );
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
  });

  it('a user who is deleted at Kratos gets none: 409', async () => {
    const visitor = await arrive();
    const { identityId } = await ory.sessionOf(visitor.agent);
    await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities/${identityId}`, { method: 'DELETE' });
    expect((await send('POST', `${visitor.userId}/recovery`)).json()).toMatchObject({
      code: 'conflict',
      detail: expect.stringContaining('no longer knows'),
    });
  });

  it('ends all sessions of a user here and at Kratos; they can log in again', async () => {
    const visitor = await arrive();
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, visitor.person);
    const ended = await send('DELETE', `${visitor.userId}/sessions`);
    expect([ended.status, ended.json()]).toEqual([200, { ended: 2 }]);
    for (const agent of [visitor.agent, elsewhere]) {
      expect(await statusOf(agent, '/api/v1/me')).toBe(401);
      expect(await statusOf(agent, '/ory/kratos/sessions/whoami')).toBe(401);
    }
    await logIn(elsewhere, visitor.person);
    expect(await statusOf(elsewhere, '/api/v1/me')).toBe(200);
  });

  it('ends one session, here and at Kratos', async () => {
    const visitor = await arrive();
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, visitor.person);
    const { items } = z
      .looseObject({ items: z.array(z.looseObject({ id: z.uuid() })) })
      .parse((await admin.agent.fetch(`/api/v1/users/${visitor.userId}/sessions`)).json());
    expect(items).toHaveLength(2);
    expect((await send('DELETE', `${visitor.userId}/sessions/${items[0]?.id}`)).status).toBe(204);
    expect(await statusOf(elsewhere, '/ory/kratos/sessions/whoami')).toBe(401);
    expect(await statusOf(visitor.agent, '/ory/kratos/sessions/whoami')).toBe(200);
    expect([await statusOf(elsewhere, '/api/v1/me'), await statusOf(visitor.agent, '/api/v1/me')]).toEqual([
      401, 200,
    ]);
  });
});
