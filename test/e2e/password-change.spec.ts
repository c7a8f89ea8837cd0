import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { promote } from '../support/administrator.js';
import { ageSessionsOf } from '../support/expired.flows.js';
import { Mailbox } from '../support/mailbox.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { enrolTotp } from '../support/second.factor.js';
import { rawRequest } from '../support/raw.request.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { StandIn } from '../support/stand-in.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';

const settingsSchema = z.looseObject({
  id: z.string(),
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({ name: z.string().optional(), value: z.unknown().optional() }),
      }),
    ),
  }),
});

/** Seconds after which a token is over, and its session is asked for at Kratos. */
const afterTokenTtl = 700;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterEach(() => {
  stack.shiftClock(0);
});

afterAll(async () => {
  await stack?.stop();
});

/** Somebody who is logged in twice. */
async function loggedInTwice(): Promise<{ person: Person; here: UserAgent; elsewhere: UserAgent }> {
  const person = newPerson();
  const [here, elsewhere] = [new UserAgent(stack.url), new UserAgent(stack.url)];
  await signUp(here, person);
  await logIn(elsewhere, person);
  expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  return { person, here, elsewhere };
}

async function statusesOf(agent: UserAgent): Promise<{ here: number; kratos: number }> {
  const [here, kratos] = [await agent.fetch('/api/v1/me'), await agent.fetch('/ory/kratos/sessions/whoami')];
  return { here: here.status, kratos: kratos.status };
}

async function choosePassword(agent: UserAgent, settings: Page, password: string): Promise<void> {
  const page = await agent.submit(settings, { password }, { name: 'method', value: 'password' });
  expect([page.status, new URL(page.url).pathname]).toEqual([200, '/ui/settings']);
}

/** A link and a code for somebody who has lost the password, from an administrator. */
async function recoveryOf(agent: UserAgent): Promise<{ code: string; url: string }> {
  const idOf = async (who: UserAgent): Promise<string> =>
    z
      .looseObject({ user: z.looseObject({ id: z.string() }) })
      .parse((await who.fetch('/auth/session')).json()).user.id;
  const admin = new UserAgent(stack.url);
  await signUp(admin, newPerson());
  await promote(stack.app(), await idOf(admin));
  await admin.navigate('/auth/login');
  const answer = await admin.fetch(`/api/v1/users/${await idOf(agent)}/recovery`, {
    method: 'POST',
    headers: { origin: stack.url },
  });
  return z.looseObject({ code: z.string(), url: z.string() }).parse(answer.json());
}

describe('other sessions of an account', () => {
  it('are over when the password is changed; the one that changed it goes on', async () => {
    const { person, here, elsewhere } = await loggedInTwice();
    const password = `another ${person.password}`;
    await choosePassword(here, await here.navigate('/ui/settings'), password);
    expect((await statusesOf(elsewhere)).kratos).toBe(401);
    stack.shiftClock(afterTokenTtl);
    expect([await statusesOf(elsewhere), await statusesOf(here)]).toEqual([
      { here: 401, kratos: 401 },
      { here: 200, kratos: 200 },
    ]);
    stack.shiftClock(0);
    await logIn(elsewhere, { email: person.email, password });
    expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  });

  it('end as soon as a recovery code is used', async () => {
    const { here, elsewhere } = await loggedInTwice();
    const { code, url } = await recoveryOf(here);
    const agent = new UserAgent(stack.url);
    const settings = await agent.submit(
      await agent.navigate(url),
      { code },
      { name: 'method', value: 'code' },
    );
    expect(new URL(settings.url).pathname).toBe('/ui/settings');
    expect([(await statusesOf(elsewhere)).kratos, (await statusesOf(here)).kratos]).toEqual([401, 401]);
    stack.shiftClock(afterTokenTtl);
    expect([(await statusesOf(elsewhere)).here, (await statusesOf(here)).here]).toEqual([401, 401]);
  });

  it('continue when only the name is changed', async () => {
    const { here, elsewhere } = await loggedInTwice();
    const settings = await here.navigate('/ui/settings');
    await here.submit(settings, { 'traits.name': 'Another Name' }, { name: 'method', value: 'profile' });
    stack.shiftClock(afterTokenTtl);
    expect(await statusesOf(elsewhere)).toEqual({ here: 200, kratos: 200 });
  });
});

describe('security mails', () => {
  /** Somebody with a verified address. */
  async function owner(): Promise<{ person: Person; agent: UserAgent }> {
    const [agent, person] = [new UserAgent(stack.url), newPerson()];
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    return { person, agent };
  }

  const save = (
    agent: UserAgent,
    page: Page,
    method: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<Page> => agent.submit(page, fields, { name: 'method', value: method });

  /** Subjects of all security mails to an address so far. */
  async function subjectsTo(email: string): Promise<readonly string[]> {
    const query = new URLSearchParams({ query: `to:"${email}"` });
    const answer = await fetch(`${stack.ory.mailboxUrl}/api/v1/search?${query}`);
    return z
      .looseObject({ messages: z.array(z.looseObject({ Subject: z.string() })) })
      .parse(await answer.json())
      .messages.map(({ Subject }) => Subject)
      .toReversed();
  }

  it('tell of a new password, a second step that comes and goes, and a new address: that one, and what follows it, the old address', async () => {
    const { person, agent } = await owner();
    const mailbox = new Mailbox(stack);
    let page = await save(agent, await agent.navigate('/ui/settings'), 'password', {
      password: `another ${person.password}`,
    });
    const changed = await mailbox.next(person.email, /password was changed/);
    expect(changed.text).toContain(`${stack.url}/ui/recovery`);
    expect(changed.text).not.toContain(person.password);

    await enrolTotp(agent);
    await mailbox.next(person.email, /second step was added/);
    page = await agent.navigate('/ui/settings');
    await agent.submit(page, {}, { name: 'totp_unlink', value: 'true' });
    await mailbox.next(person.email, /second step was removed/);

    const next = newPerson().email;
    await save(agent, await agent.navigate('/ui/settings'), 'profile', { 'traits.email': next });
    const moved = await mailbox.next(person.email, /e-mail address of your account was changed/);
    expect([moved.text.includes(next), moved.html.includes(next)]).toEqual([false, false]);
    // Nobody has proven the new address yet: it gets the mail that verifies it, and no other.
    await save(agent, await agent.navigate('/ui/settings'), 'password', {
      password: `third ${person.password}`,
    });
    await mailbox.next(next, /verify/i);
    const told = await mailbox.next(person.email, /password was changed/);
    expect(told.text).toContain('Your address was the one of this account until a few days ago');
    expect(told.text).not.toContain('/ui/recovery');
    expect((await subjectsTo(next)).filter((subject) => /password|step/.test(subject))).toEqual([]);
  });

  /** Begins a flow of the settings as a script does. @returns a sender of its form, as JSON. */
  async function scripted(agent: UserAgent): Promise<(fields: object) => Promise<Page>> {
    const begun = await agent.fetch('/ory/kratos/self-service/settings/browser');
    const { id, ui } = settingsSchema.parse(begun.json());
    const csrf_token = ui.nodes.find(({ attributes }) => attributes.name === 'csrf_token')?.attributes.value;
    return (fields) => agent.post(`/ory/kratos/self-service/settings?flow=${id}`, { csrf_token, ...fields });
  }

  async function eventsOf({ email }: Person): Promise<readonly (string | null)[]> {
    const { query } = stack.app().get(Database, { strict: false });
    const rows = await query
      .selectFrom('audit_events')
      .innerJoin('users', 'users.id', 'audit_events.user_id')
      .select('audit_events.type')
      .where('audit_events.reason', 'in', ['settings', 'totp', 'settings_name'])
      .where('users.email', '=', email)
      .orderBy('audit_events.id')
      .execute();
    return rows.map(({ type }) => type);
  }

  it.each([
    ['JSON with a truth for a text', {}, 'second_factor_removed', /second step was removed/],
    [
      'two methods at once, of which Kratos takes the password',
      { method: 'password' },
      'password_changed',
      /password was changed/,
    ],
    [
      'two methods at once, of which Kratos takes the profile',
      { method: 'profile' },
      'user_updated',
      undefined,
    ],
  ] as const)('tell of what a form did, and so does the trail: %s', async (_how, method, event, subject) => {
    const { person, agent } = await owner();
    const mailbox = new Mailbox(stack);
    await enrolTotp(agent);
    await mailbox.next(person.email, /second step was added/);
    const send = await scripted(agent);
    const { email, name, password } = person;
    const both = {
      traits: { email, name: `${name} II` },
      password: `another ${password}`,
      totp_unlink: true,
    };
    expect((await send('method' in method ? { ...both, ...method } : { totp_unlink: true })).status).toBe(
      200,
    );
    await expect.poll(() => eventsOf(person)).toEqual(['second_factor_added', event]);
    if (subject !== undefined) {
      await mailbox.next(email, subject);
    }
    expect(await subjectsTo(email)).toHaveLength(subject === undefined ? 1 : 2);
  });

  it('tell of a change that needed a newer login first', async () => {
    const { person, agent } = await owner();
    const password = `another ${person.password}`;
    const settings = await agent.navigate('/ui/settings');
    ageSessionsOf(stack, (await new OryAdmin(stack.env).sessionOf(agent)).identityId);
    const asked = await save(agent, settings, 'password', { password });
    expect(new URL(asked.url).pathname).toBe('/ui/login');
    await agent.submit(asked, { password: person.password });
    await new Mailbox(stack).next(person.email, /password was changed/);
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, { email: person.email, password });
    expect((await statusesOf(elsewhere)).here).toBe(200);
    const { query } = stack.app().get(Database, { strict: false });
    const read = async (): Promise<unknown> =>
      query
        .selectFrom('audit_events')
        .innerJoin('users', 'users.id', 'audit_events.user_id')
        .select('audit_events.reason')
        .where('type', '=', 'password_changed')
        .where('users.email', '=', person.email)
        .execute();
    await expect.poll(read).toEqual([{ reason: 'settings' }]);
  });

  describe('with a stand-in for Kratos', () => {
    let real: string;
    let kratos: StandIn;

    beforeAll(async () => {
      real = stack.env['KRATOS_PUBLIC_URL'] ?? '';
      kratos = new StandIn(real);
      await stack.restartGateway({ KRATOS_PUBLIC_URL: await kratos.start() });
    });

    afterEach(() => {
      kratos.say(undefined);
      kratos.replace(undefined);
    });

    afterAll(async () => {
      await stack.restartGateway({ KRATOS_PUBLIC_URL: real });
      await kratos?.stop();
    });

    it('tell of a change by a GET whose sender left before the answer', async () => {
      const { person, agent } = await owner();
      const settings = await agent.navigate('/ui/settings');
      ageSessionsOf(stack, (await new OryAdmin(stack.env).sessionOf(agent)).identityId);
      const asked = await save(agent, settings, 'password', { password: `another ${person.password}` });
      const { action, body } = formOf(asked, { password: person.password });
      const headers = { accept: 'text/html', origin: stack.url };
      const { headers: answered } = await agent.request(action, { method: 'POST', body, headers });
      const { pathname, search, href } = new URL(answered.get('location') ?? '');
      expect(pathname).toBe('/ory/kratos/self-service/settings');

      const held: ServerResponse[] = [];
      kratos.replace(({ url }, response) => url?.endsWith(search) === true && held.push(response) > 0);
      const cookie = await agent.jar.getCookieString(href);
      const ask = async ({ signal }: AbortController, more = {}): Promise<Response> =>
        rawRequest(stack.url, {
          path: pathname + search,
          headers: { accept: 'text/html', cookie, ...more },
          signal,
        });
      // With a body that never comes, it isn't passed on.
      const [stalling, leaving] = [new AbortController(), new AbortController()];
      const lines = stack.log.length;
      const stalled = ask(stalling, { 'content-length': '1' });
      expect((await agent.fetch('/ory/kratos/sessions/whoami')).status).toBe(200);
      stalling.abort();
      await expect(stalled).rejects.toThrow();
      const isRefused = (line: string): boolean => /form_cut_off|queue_left/.test(line);
      await expect.poll(() => stack.log.slice(lines).some(isRefused)).toBe(true);
      expect(held).toEqual([]);

      const left = ask(leaving);
      await waitUntil(() => held.length === 1, 'Kratos to have changed the password');
      leaving.abort();
      await expect(left).rejects.toThrow();
      // The gateway reads events in turn, so it has heard of the end by now.
      expect((await agent.fetch('/health/live')).status).toBe(200);
      held[0]?.writeHead(303, { location: `${stack.url}/ui/settings` }).end();
      await new Mailbox(stack).next(person.email, /password was changed/);
      await expect.poll(() => eventsOf(person)).toEqual(['password_changed']);
    });

    it.each([
      ['whose flow has an error of another form by then', 200],
      ['that Kratos answers with an error', 500],
    ])('tell of a change %s', async (_how, status) => {
      const { person, agent } = await owner();
      const elsewhere = new UserAgent(stack.url);
      await logIn(elsewhere, person);
      const send = await scripted(agent);
      kratos.say(({ url }, response) => {
        const isFlow = url?.startsWith('/self-service/settings/flows') === true;
        if (isFlow) {
          const ui = { messages: [{ type: 'error' }], nodes: [] };
          response.setHeader('content-type', 'application/json');
          response.end(JSON.stringify({ id: 'x', state: 'show_form', ui }));
        }
        return isFlow;
      });
      kratos.replace(({ method }, response) => {
        const isChange = status !== 200 && method === 'POST';
        if (isChange) {
          response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
        }
        return isChange;
      });
      const answer = await send({ method: 'password', password: `another ${person.password}` });
      expect(answer.status).toBe(status);
      await new Mailbox(stack).next(person.email, /password was changed/);
      await expect.poll(() => eventsOf(person)).toEqual(['password_changed']);
      kratos.say(undefined);
      expect((await statusesOf(elsewhere)).here).toBe(401);
    });
  });

  it('are in the language of the last login, and do not hold up a change', async () => {
    const { person, agent } = await owner();
    const { query } = stack.app().get(Database, { strict: false });
    await query.updateTable('users').set({ languages: 'de-DE' }).where('email', '=', person.email).execute();
    await save(agent, await agent.navigate('/ui/settings'), 'password', {
      password: `another ${person.password}`,
    });
    await new Mailbox(stack).next(person.email, /Passwort wurde geändert/);

    await stack.restartGateway({ SMTP_URL: 'smtp://127.0.0.1:9/?disable_starttls=true' });
    const other = await owner();
    const password = `another ${other.person.password}`;
    await save(other.agent, await other.agent.navigate('/ui/settings'), 'password', { password });
    const elsewhere = new UserAgent(stack.url);
    await logIn(elsewhere, { email: other.person.email, password });
    expect((await statusesOf(elsewhere)).here).toBe(200);
    await expect.poll(() => stack.log.some((line) => line.includes('mail_not_sent'))).toBe(true);
    expect(stack.log.filter((line) => line.includes(other.person.email))).toEqual([]);
  });
});
