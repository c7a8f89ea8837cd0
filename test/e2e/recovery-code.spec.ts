import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { promote } from '../support/administrator.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, newPerson } from '../support/person.js';
import { enrolTotp, giveTotp } from '../support/second.factor.js';
import { type DatabaseKind, type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const recoverySchema = z.strictObject({ code: z.string(), url: z.url(), expiresAt: z.iso.datetime() });
const kinds: readonly DatabaseKind[] = ['sqlite', 'postgres'];

/** Somebody with a browser in which they are logged in. */
interface Visitor {
  readonly agent: UserAgent;
  readonly person: Person;
  readonly userId: string;
}

describe.each(kinds)('what administrators do for people at real Kratos, on %s', (database) => {
  let stack: Stack;
  let ory: OryAdmin;
  let admin: Visitor;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl') });
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
