import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Mailbox } from '../../support/mailbox.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent, formOf } from '../../support/user-agent.js';

const flowSchema = z.looseObject({
  id: z.string(),
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({ name: z.string().optional(), value: z.unknown().optional() }),
        messages: z.array(z.looseObject({ id: z.number(), text: z.string(), type: z.string() })),
      }),
    ),
  }),
});
type Flow = z.output<typeof flowSchema>;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

/** What nobody may choose: the issue's own list, and what belongs to the person. */
const refusedFor = ({ email, name }: Person): readonly string[] => [
  'password',
  '12345678',
  'password123',
  'qwertyuiop',
  'Passwort123!',
  'vestibule2026',
  email,
  name,
  `${email.split('@', 1)[0]}!`,
];

/** What the page's password field is said to be wrong with. */
function messageOn(page: Page): string {
  const field = page.html().querySelector('input[name=password]');
  const ids = field?.getAttribute('aria-describedby')?.split(' ') ?? [];
  return ids
    .flatMap((id) => page.html().querySelectorAll(`#${id} .error`))
    .map(({ text }) => text)
    .join(' ');
}

/** Begins a flow as a script does. */
async function begin(agent: UserAgent, kind: 'registration' | 'settings'): Promise<Flow> {
  return flowSchema.parse((await agent.fetch(`/ory/kratos/self-service/${kind}/browser`)).json());
}

function valueIn(flow: Flow, name: string): unknown {
  return flow.ui.nodes.find(({ attributes }) => attributes.name === name)?.attributes.value;
}

/** Sends a flow's form as a script does. */
async function send(
  agent: UserAgent,
  kind: 'registration' | 'settings',
  flow: Flow,
  fields: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const body = { csrf_token: valueIn(flow, 'csrf_token'), method: 'password', ...fields };
  return agent.post(`/ory/kratos/self-service/${kind}?flow=${flow.id}`, body, headers);
}

async function canLogIn(email: string, password: string): Promise<boolean> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, { email, password });
  return (await agent.fetch('/auth/session')).status === 200;
}

describe('a registration', () => {
  it('by form is sent back with the error at the field, and with the other values [W19]', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    let page = await agent.navigate('/auth/signup');
    for (const password of refusedFor(person)) {
      page = await agent.submit(page, {
        'traits.email': person.email,
        'traits.name': person.name,
        password,
      });
      expect(page.status).toBe(200);
      expect(new URL(page.url).pathname).toBe('/ui/registration');
      expect(messageOn(page), password).not.toBe('');
      expect(page.html().querySelector('input[name=password]')?.getAttribute('value')).toBeUndefined();
      const typed = page.html().querySelector('input[name="traits.email"]')?.getAttribute('value');
      expect(typed).toBe(person.email);
    }
    // The same form goes on, and what was wrong before is forgotten.
    page = await agent.submit(page, { 'traits.email': 'nobody', password: person.password });
    expect(messageOn(page)).toBe('');
    await agent.submit(page, {
      'traits.email': person.email,
      'traits.name': person.name,
      password: person.password,
    });
    expect((await agent.fetch('/auth/session')).status).toBe(200);
  });

  it('by a script gets the flow with a message at its password node, as from Kratos [W19]', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    const flow = await begin(agent, 'registration');
    for (const password of refusedFor(person)) {
      const traits = { email: person.email, name: person.name };
      const answer = await send(agent, 'registration', flow, { traits, password });
      expect([answer.status, password]).toEqual([400, password]);
      const found = flowSchema.parse(answer.json());
      expect(found.id).toBe(flow.id);
      const messages = found.ui.nodes.flatMap(({ attributes, messages: at }) =>
        at.map(({ type }) => [attributes.name, type]),
      );
      expect(messages).toEqual([['password', 'error']]);
      expect(valueIn(found, 'traits.email')).toBe(person.email);
      expect(valueIn(found, 'password')).toBeUndefined();
    }
    const { password, ...traits } = person;
    expect((await send(agent, 'registration', flow, { traits, password })).status).toBe(200);
  });

  it.each([
    ['in German', { 'accept-language': 'de' }, 'so oft verwendet'],
    ['in English', { 'accept-language': 'en' }, 'so common that'],
  ])('is refused %s', async (_language, headers, words) => {
    const agent = new UserAgent(stack.url);
    const flow = await begin(agent, 'registration');
    const fields = { traits: { email: newPerson().email }, password: 'password123' };
    expect((await send(agent, 'registration', flow, fields, headers)).text).toContain(words);

    const page = await agent.navigate('/auth/signup', { headers });
    const { action, body } = formOf(page, { 'traits.email': newPerson().email, password: 'password123' });
    await agent.request(action, {
      method: 'POST',
      body,
      headers: { accept: 'text/html', origin: stack.url },
    });
    const again = await agent.navigate(`/ui/registration${new URL(action).search}`, { headers });
    expect(messageOn(again)).toContain(words);
  });

  it('of a common password is refused in every spelling of the field, and by GET [W19]', async () => {
    const { email } = newPerson();
    const agent = new UserAgent(stack.url);
    const flow = await begin(agent, 'registration');
    const token = String(valueIn(flow, 'csrf_token'));
    const path = `/ory/kratos/self-service/registration?flow=${flow.id}`;
    const form = { csrf_token: token, method: 'password', 'traits.email': email };
    const asForm = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const statuses = [
      await agent.post(path, { ...form, Password: 'password123' }),
      await agent.post(path, { ...form, PASSWORD: 'password123', password: 'correct horse battery' }),
      await agent.fetch(path, {
        method: 'POST',
        headers: { ...asForm, origin: stack.url },
        body: new URLSearchParams([
          ...Object.entries(form),
          ['password', 'correct horse battery'],
          ['password', 'password123'],
        ]),
      }),
      await agent.fetch(`${path}&password=password123`, {
        method: 'POST',
        headers: { ...asForm, origin: stack.url },
        body: new URLSearchParams(form),
      }),
      await agent.fetch(`${path}&${new URLSearchParams({ ...form, password: 'password123' })}`),
    ].map(({ status }) => status);
    expect(statuses).toEqual([400, 400, 400, 400, 400]);
    const multipart = await agent.fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'multipart/form-data; boundary=x', origin: stack.url },
      body: `--x\r\nContent-Disposition: form-data; name="password"\r\n\r\npassword123\r\n--x--\r\n`,
    });
    expect(multipart.status).toBe(415);
    expect(await canLogIn(email, 'password123')).toBe(false);
  });

  it.each([1_234_567_890, 123_456.5, true])(
    'whose password is no text is judged by what Kratos would take it for: %j [W19]',
    async (password) => {
      const { email, name } = newPerson();
      const agent = new UserAgent(stack.url);
      const flow = await begin(agent, 'registration');
      const answer = await send(agent, 'registration', flow, { traits: { email, name }, password });
      expect(answer.status).toBe(400);
      expect(await canLogIn(email, String(password))).toBe(false);
    },
  );

  it('of a flow that is not there is answered by Kratos, unless it is refused', async () => {
    const agent = new UserAgent(stack.url);
    const flow = { ...(await begin(agent, 'registration')), id: randomUUID() };
    const { email, password } = newPerson();
    expect((await send(agent, 'registration', flow, { traits: { email }, password })).status).toBe(404);
    const refused = await send(agent, 'registration', flow, { traits: { email }, password: 'password123' });
    expect([refused.status, refused.json()]).toMatchObject([400, { code: 'malformed_request' }]);
  });

  it('of another browser’s flow, which Kratos would take but not show, is refused', async () => {
    const { email, name } = newPerson();
    const [agent, other] = [new UserAgent(stack.url), new UserAgent(stack.url)];
    const flow = { ...(await begin(agent, 'registration')), id: (await begin(other, 'registration')).id };
    const fields = { traits: { email, name }, password: 'password123' };
    expect((await send(agent, 'registration', flow, fields)).status).toBe(400);
    const page = await agent.navigate(`/ory/kratos/self-service/registration?flow=${flow.id}`, {
      method: 'POST',
      headers: { 'accept-language': 'de' },
      body: new URLSearchParams({ 'traits.email': email, password: 'password123', method: 'password' }),
    });
    expect([page.status, page.text]).toEqual([400, expect.stringContaining('zu lange offen')]);
    expect(await canLogIn(email, 'password123')).toBe(false);
  });
});

describe('a change of password', () => {
  it('in the settings is refused at its field, by form and by script, and the old one stays [W19]', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    await signUp(agent, person);
    let page = await agent.navigate('/ui/settings');
    for (const password of refusedFor(person)) {
      page = await agent.submit(page, { password }, { name: 'method', value: 'password' });
      expect(messageOn(page), password).not.toBe('');
    }
    const flow = await begin(agent, 'settings');
    for (const password of refusedFor(person)) {
      expect((await send(agent, 'settings', flow, { password })).status).toBe(400);
    }
    expect(await canLogIn(person.email, person.password)).toBe(true);

    await agent.submit(page, { password: 'a tram in the rain' }, { name: 'method', value: 'password' });
    expect(await canLogIn(person.email, 'a tram in the rain')).toBe(true);
  });

  it('after a recovery is refused the same way [W19]', async () => {
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    const agent = new UserAgent(stack.url);
    const asked = await agent.submit(await agent.navigate('/ui/recovery'), { email: person.email });
    const { code } = await new Mailbox(stack).next(person.email, /recover|account|password/i);
    let page = await agent.submit(asked, { code }, { name: 'method', value: 'code' });
    expect([page.status, new URL(page.url).pathname], page.text).toEqual([200, '/ui/settings']);
    for (const password of refusedFor(person)) {
      page = await agent.submit(page, { password }, { name: 'method', value: 'password' });
      expect(messageOn(page), password).not.toBe('');
    }
    expect(await canLogIn(person.email, 'password123')).toBe(false);
  });
});

it('a login with an existing password is not checked', async () => {
  const { email } = newPerson();
  const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      schema_id: 'default',
      traits: { email },
      credentials: { password: { config: { password: 'qwertyuiop' } } },
    }),
  });
  expect(answer.status).toBe(201);
  expect(await canLogIn(email, 'qwertyuiop')).toBe(true);
});

it('the least length is a setting', async () => {
  await stack.restartGateway({ PASSWORD_MIN_LENGTH: '15' });
  const agent = new UserAgent(stack.url);
  const fields = { traits: { email: newPerson().email }, password: 'tram in rain' };
  const answer = await send(agent, 'registration', await begin(agent, 'registration'), fields);
  expect(answer.text).toContain('at least 15 characters');
});
