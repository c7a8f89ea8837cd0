import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { enrolTotp, giveTotp } from '../support/second.factor.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';

const policies = [
  'login-pair=3/1h',
  'login-account=7/1h',
  'login-address=12/1h',
  'registration-pair=2/1h',
  'registration-address=30/1h',
  'recovery-pair=2/1h',
  'recovery-account=3/1h',
  'verification-pair=2/1h',
  'token-address=3/1h',
];

let stack: Stack;
let lastHost = 0;

beforeAll(async () => {
  stack = await startStack({
    env: { RATE_LIMIT: 'true', TRUST_PROXY: 'loopback', RATE_LIMIT_POLICIES: policies.join(',') },
  });
});

afterAll(async () => {
  await stack?.stop();
});

/** An address that nobody has used before. */
function newAddress(): string {
  lastHost += 1;
  return `203.0.113.${lastHost}`;
}

/** A form as a browser at this address sends it; no redirect is followed. */
async function post(
  agent: UserAgent,
  action: string,
  body: URLSearchParams | string,
  headers: Readonly<Record<string, string>>,
): Promise<Page> {
  return agent.request(action, {
    method: 'POST',
    body,
    headers: {
      accept: 'text/html',
      origin: stack.url,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
      ...headers,
    },
  });
}

/** Fills in the login page, at an address. @returns the answer to the form, and who sent it. */
async function tryLogin(
  identifier: string,
  password: string,
  address: string,
): Promise<{ answer: Page; agent: UserAgent }> {
  const agent = new UserAgent(stack.url);
  const page = await agent.navigate('/auth/login');
  const { action, body } = formOf(page, { identifier, password });
  return { answer: await post(agent, action, body, { 'x-forwarded-for': address }), agent };
}

const wrong = async (identifier: string, address: string): Promise<Page> =>
  (await tryLogin(identifier, 'not the password', address)).answer;

async function statuses(count: number, ask: () => Promise<Page>): Promise<number[]> {
  const seen: number[] = [];
  for (let index = 0; index < count; index += 1) {
    seen.push((await ask()).status);
  }
  return seen;
}

async function member(): Promise<{ email: string; password: string; name: string }> {
  const person = newPerson();
  await signUp(new UserAgent(stack.url), person);
  return person;
}

describe('guessing a password', () => {
  it('ends after as many as the policy says, with a page; the owner logs in elsewhere, and goes on here [W14]', async () => {
    const person = await member();
    const address = newAddress();
    const before = await tryLogin(person.email, person.password, address);
    expect(before.answer.status).toBe(303);
    expect(await statuses(3, () => wrong(person.email, address))).toEqual([303, 303, 303]);
    const { answer, agent } = await tryLogin(person.email, person.password, address);
    expect(answer.status).toBe(429);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(answer.text).toContain('rate_limited');
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(3500);
    expect(answer.headers.get('ratelimit')).toMatch(/^"login-pair";r=0;t=\d+$/);
    expect(await agent.cookie('ory_kratos_session')).toBeUndefined();
    // The owner: somewhere else, and with the session that there is.
    expect((await tryLogin(person.email, person.password, newAddress())).answer.status).toBe(303);
    const whoami = await before.agent.fetch('/ory/kratos/sessions/whoami', {
      headers: { 'x-forwarded-for': address },
    });
    expect(whoami.status).toBe(200);
    // Somebody else at this address.
    const other = await member();
    expect((await tryLogin(other.email, other.password, address)).answer.status).toBe(303);
  });

  it('a live session goes on at an address and account that are limited', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    await signUp(agent, person);
    const address = newAddress();
    expect(await statuses(4, () => wrong(person.email, address))).toEqual([303, 303, 303, 429]);
    const session = await agent.fetch('/auth/session', { headers: { 'x-forwarded-for': address } });
    expect(session.status).toBe(200);
    expect(session.headers.has('ratelimit')).toBe(false);
  });

  it('a successful login resets the failures before it', async () => {
    const person = await member();
    const address = newAddress();
    for (let round = 0; round < 2; round += 1) {
      expect(await statuses(2, () => wrong(person.email, address))).toEqual([303, 303]);
      const { answer, agent } = await tryLogin(person.email, person.password, address);
      expect(answer.status).toBe(303);
      expect(await agent.cookie('ory_kratos_session')).toBeDefined();
    }
  });

  it('an unknown account is answered like a known one, word by word [W13]', async () => {
    const person = await member();
    const known: Page[] = [];
    const unknown: Page[] = [];
    const [here, there] = [newAddress(), newAddress()];
    for (let count = 0; count < 5; count += 1) {
      known.push(await wrong(person.email, here));
      unknown.push(await wrong(`nobody-${person.email}`, there));
    }
    const shape = ({ status, headers, text }: Page): unknown => [
      status,
      headers.get('ratelimit-policy'),
      headers.get('ratelimit')?.replaceAll(/t=\d+/g, 't'),
      text.replaceAll(/[0-9a-f-]{36}|\d{4} seconds/g, ''),
    ];
    // The redirect's body names the flow.
    expect(unknown.map(shape)).toEqual(known.map(shape));
    expect(known.map(({ status }) => status)).toEqual([303, 303, 303, 429, 429]);
  });

  it('from many addresses ends at the account; the owner still logs in where they have before [W14]', async () => {
    const person = await member();
    const own = newAddress();
    expect((await tryLogin(person.email, person.password, own)).answer.status).toBe(303);
    for (let count = 0; count < 4; count += 1) {
      const address = newAddress();
      await statuses(2, () => wrong(person.email, address));
    }
    const elsewhere = await tryLogin(person.email, person.password, newAddress());
    expect(elsewhere.answer.status).toBe(429);
    expect(elsewhere.answer.headers.get('ratelimit')).toMatch(/^"login-account"/);
    expect((await tryLogin(person.email, person.password, own)).answer.status).toBe(303);
  });

  it('one attacker at one address does not exhaust the count of the account', async () => {
    const person = await member();
    const address = newAddress();
    await statuses(10, () => wrong(person.email, address));
    expect((await tryLogin(person.email, person.password, newAddress())).answer.status).toBe(303);
  });

  it('of many accounts from one address ends at the address [W14]', async () => {
    const address = newAddress();
    let count = 0;
    const spray = (): Promise<Page> => wrong(`victim-${(count += 1)}@example.org`, address);
    const seen = await statuses(14, spray);
    expect(seen.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 303));
    expect(seen.slice(12)).toEqual([429, 429]);
    expect((await wrong('victim-15@example.org', newAddress())).status).toBe(303);
  });
});

describe('no other spelling passes', () => {
  let address: string;
  let email: string;
  let password: string;

  beforeAll(async () => {
    ({ email, password } = await member());
    address = newAddress();
    expect(await statuses(3, () => wrong(email, address))).toEqual([303, 303, 303]);
  });

  /** A login with the right password, sent in some way. @returns the answer, and whether it logged in. */
  async function send(
    write: (csrf: string) => { body: string; type: string; query?: string; headers?: Record<string, string> },
    rewrite: (path: string) => string = (path) => path,
  ): Promise<{ status: number; isLoggedIn: boolean }> {
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate('/auth/login');
    const { action, body } = formOf(page, { identifier: email, password });
    const { pathname, search } = new URL(action);
    const sent = write(body.get('csrf_token') ?? '');
    const answer = await rawRequest(stack.url, {
      method: 'POST',
      path: `${rewrite(pathname)}${search}${sent.query ?? ''}`,
      headers: {
        host: new URL(stack.url).host,
        origin: stack.url,
        accept: 'application/json',
        cookie: await agent.jar.getCookieString(stack.url),
        'content-type': sent.type,
        'x-forwarded-for': address,
        ...sent.headers,
      },
      body: sent.body,
    });
    return {
      status: answer.status,
      isLoggedIn: answer.headers.getSetCookie().some((cookie) => /^ory_kratos_session=[^;]/.test(cookie)),
    };
  }

  const form = (csrf: string, fields: readonly (readonly [string, string])[]) => ({
    type: 'application/x-www-form-urlencoded',
    body: new URLSearchParams([
      ['csrf_token', csrf],
      ['method', 'password'],
      ['password', password],
      ...fields.map(([name, value]) => [name, value]),
    ]).toString(),
  });
  const json = (csrf: string, fields: string) => ({
    type: 'application/json',
    body: `{"csrf_token":${JSON.stringify(csrf)},"method":"password","password":${JSON.stringify(password)},${fields}}`,
  });

  it.each([
    ['upper case', (csrf: string) => form(csrf, [['identifier', email.toUpperCase()]])],
    ['blanks around it', (csrf: string) => form(csrf, [['identifier', `  ${email}\t`]])],
    ['full-width letters', (csrf: string) => form(csrf, [['identifier', email.replace('p', '\uFF50')]])],
    ['the old name of the field', (csrf: string) => form(csrf, [['password_identifier', email]])],
    ['JSON', (csrf: string) => json(csrf, `"identifier":${JSON.stringify(email)}`)],
    ['JSON, an upper-case name', (csrf: string) => json(csrf, `"IDENTIFIER":${JSON.stringify(email)}`)],
    ['JSON, an escaped name', (csrf: string) => json(csrf, `"\\u0069dentifier":${JSON.stringify(email)}`)],
    [
      'JSON, given twice',
      (csrf: string) => json(csrf, `"identifier":"x@example.org","identifier":${JSON.stringify(email)}`),
    ],
    [
      'a type in upper case and a character set',
      (csrf: string) => ({
        ...form(csrf, [['identifier', email]]),
        type: 'Application/X-WWW-Form-Urlencoded; charset=UTF-16',
      }),
    ],
    [
      'in the query',
      (csrf: string) => ({ ...form(csrf, []), query: `&identifier=${encodeURIComponent(email)}` }),
    ],
  ])('%s: 429', async (_how, write) => {
    expect(await send(write)).toEqual({ status: 429, isLoggedIn: false });
  });

  it.each([
    [
      'two accounts, the own one first',
      (csrf: string) =>
        form(csrf, [
          ['identifier', 'own@example.org'],
          ['identifier', email],
        ]),
      400,
    ],
    [
      'two accounts under two names',
      (csrf: string) =>
        form(csrf, [
          ['password_identifier', email],
          ['identifier', 'own@example.org'],
        ]),
      400,
    ],
    [
      'JSON, two names',
      (csrf: string) => json(csrf, `"identifier":"own@example.org","Identifier":${JSON.stringify(email)}`),
      400,
    ],
    [
      'another in the query',
      (csrf: string) => ({ ...form(csrf, [['identifier', email]]), query: '&identifier=own%40example.org' }),
      400,
    ],
    ['half a JSON', (csrf: string) => ({ type: 'application/json', body: `{"identifier":"${csrf}` }), 400],
    [
      'multipart/form-data',
      (csrf: string) => ({
        type: 'multipart/form-data; boundary=x',
        body: ['identifier', 'password', 'csrf_token']
          .map(
            (name) =>
              `--x\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${{ identifier: email, password }[name] ?? csrf}\r\n`,
          )
          .join('')
          .concat('--x--\r\n'),
      }),
      415,
    ],
    ['text/plain', (csrf: string) => ({ ...form(csrf, [['identifier', email]]), type: 'text/plain' }), 415],
  ])('%s: refused', async (_how, write, status) => {
    expect(await send(write)).toEqual({ status, isLoggedIn: false });
  });

  it.each([
    '/ory/kratos//self-service/login',
    '/ory//kratos/self-service/login',
    '//ory/kratos/self-service/login',
    '/ory/kratos/self-service/%6Cogin',
    '/ory/kr%61tos/self-service/login',
    '/%6Fry/kratos/self-service/login',
    '/ory/kratos/self-service%2Flogin',
    '/ory/kratos/self-service/login/',
    '/ory/kratos/self-service/./login',
    '/ory/kratos/x/../self-service/login',
    '/ory/kratos/self-service/login/.',
    '/ory/kratos/self-service/login;x',
    '/ory/kratos/Self-Service/login',
    '/ORY/kratos/self-service/login',
    '/ory/hydra/../kratos/self-service/login',
    '/ory/kratos/self-service/login%3F',
    '/ory/kratos/self-service/login%00',
  ])('%s: nothing there, or 429', async (path) => {
    const { status, isLoggedIn } = await send(
      (csrf) => form(csrf, [['identifier', email]]),
      () => path,
    );
    expect([400, 404, 429]).toContain(status);
    expect(isLoggedIn).toBe(false);
  });

  it('a body of 100 kB without a length: 413', async () => {
    const answer = await send((csrf) => ({
      ...form(csrf, [['identifier', 'x'.repeat(100_000)]]),
      headers: { 'transfer-encoding': 'chunked' },
    }));
    expect(answer).toEqual({ status: 413, isLoggedIn: false });
  });

  it('the same forms log in where no limit is exceeded', async () => {
    address = newAddress();
    for (const write of [
      (csrf: string) => form(csrf, [['identifier', email.toUpperCase()]]),
      (csrf: string) => json(csrf, `"identifier":${JSON.stringify(email)}`),
      (csrf: string) => ({
        ...form(csrf, [['identifier', email]]),
        headers: { 'transfer-encoding': 'chunked' },
      }),
    ]) {
      expect(await send(write)).toEqual({ status: 200, isLoggedIn: true });
    }
  });
});

describe('guessing a second factor', () => {
  it('ends too, whatever session of the first one it is tried in; the owner passes elsewhere', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    const secret = await enrolTotp(agent);
    const address = newAddress();
    const guess = async (): Promise<{ answer: Page; guesser: UserAgent }> => {
      const guesser = new UserAgent(stack.url);
      const page = await logIn(guesser, person);
      const { action, body } = formOf(page, { totp_code: '000000' });
      return {
        answer: await post(guesser, action, body, { 'x-forwarded-for': address }),
        guesser,
      };
    };
    const seen: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      seen.push((await guess()).answer.status);
    }
    expect(seen).toEqual([303, 303, 303, 429, 429]);
    // Neither another account in the form nor another spelling of the cookie helps.
    const guesser = new UserAgent(stack.url);
    const page = await logIn(guesser, person);
    const { action, body } = formOf(page, { totp_code: '000000' });
    body.set('identifier', 'own@example.org');
    expect((await post(guesser, action, body, { 'x-forwarded-for': address })).status).toBe(429);
    body.delete('identifier');
    const cookies = await guesser.jar.getCookieString(stack.url);
    const respelt = cookies.replace(/(ory_kratos_session=[^;]+?)=+(;|$)/, '$1$2');
    const bare = await rawRequest(stack.url, {
      method: 'POST',
      path: new URL(action).pathname + new URL(action).search,
      headers: {
        host: new URL(stack.url).host,
        origin: stack.url,
        cookie:
          respelt === cookies ? `${cookies.replace('ory_kratos_session=', 'ory_kratos_session=.')}` : respelt,
        'content-type': 'application/x-www-form-urlencoded',
        'x-forwarded-for': newAddress(),
      },
      body: body.toString(),
    });
    expect(bare.status).toBe(400);
    // The owner, at the address of the test itself.
    const owner = new UserAgent(stack.url);
    const end = await giveTotp(owner, await logIn(owner, person), secret);
    expect(end.url).toBe(`${stack.url}/`);
    expect((await owner.fetch('/auth/session')).status).toBe(200);
  });
});

describe('the other forms', () => {
  async function submitFlow(
    kind: 'registration' | 'recovery' | 'verification',
    fields: Readonly<Record<string, string>>,
    address: string,
    agent = new UserAgent(stack.url),
  ): Promise<Page> {
    const page = await agent.navigate(`/ory/kratos/self-service/${kind}/browser`);
    const { action, body } = formOf(page, fields);
    return post(agent, action, body, { 'x-forwarded-for': address });
  }

  it('recovery: mails to one address end after as many as the policy says, whether there is such an account or not', async () => {
    const person = await member();
    const address = newAddress();
    for (const email of [person.email, `nobody-${person.email}`]) {
      const seen = await statuses(4, () => submitFlow('recovery', { email }, address));
      expect(seen, email).toEqual([303, 303, 429, 429]);
    }
  });

  it('verification: mails end too, to the own address; to others and without a session there are none', async () => {
    const person = await member();
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const address = newAddress();
    const other = `nobody-${person.email}`;
    const seen = async (email: string, browser?: UserAgent): Promise<number[]> =>
      statuses(4, () => submitFlow('verification', { email }, address, browser));
    expect(await seen(person.email, agent)).toEqual([303, 303, 429, 429]);
    expect(await seen(other, agent)).toEqual([403, 403, 429, 429]);
    expect(await seen(`another-${other}`)).toEqual([401, 401, 429, 429]);
  });

  it('recovery: from many addresses it ends as well', async () => {
    const { email } = newPerson();
    expect(await statuses(5, () => submitFlow('recovery', { email }, newAddress()))).toEqual([
      303, 303, 303, 429, 429,
    ]);
  });

  it('recovery: codes are counted by the flow, by form and by link', async () => {
    const { email } = newPerson();
    const address = newAddress();
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate('/ory/kratos/self-service/recovery/browser');
    const first = formOf(page, { email });
    await post(agent, first.action, first.body, { 'x-forwarded-for': newAddress() });
    const { pathname, search } = new URL(first.action);
    const seen: number[] = [];
    for (const method of ['GET', 'HEAD', 'GET', 'HEAD'] as const) {
      const { status } = await agent.request(`${pathname}${search}&code=123456`, {
        method,
        headers: { 'x-forwarded-for': address },
      });
      seen.push(status);
    }
    expect(seen.slice(0, 2)).not.toContain(429);
    expect(seen.slice(2)).toEqual([429, 429]);
  });

  it('registration: by account, and by address', async () => {
    const address = newAddress();
    const fields = { 'traits.email': newPerson().email, 'traits.name': 'Ada', password: 'x' };
    const seen = await statuses(3, () => submitFlow('registration', fields, address));
    expect(seen.slice(0, 2)).not.toContain(429);
    expect(seen[2]).toBe(429);
    const spray = (): Promise<Page> =>
      post(
        new UserAgent(stack.url),
        `/ory/kratos/self-service/registration?flow=${randomUUID()}`,
        new URLSearchParams({ 'traits.email': newPerson().email }),
        { 'x-forwarded-for': address },
      );
    const others = await statuses(28, spray);
    expect(others.slice(0, 27)).not.toContain(429);
    expect(others[27]).toBe(429);
  });

  it("Hydra's token endpoint: failures count by address, and successes don't", async () => {
    const address = newAddress();
    const ask = async (from: string): Promise<Page> =>
      new UserAgent(stack.url).fetch('/ory/hydra/oauth2/token', {
        method: 'POST',
        headers: {
          'x-forwarded-for': from,
          authorization: `Basic ${Buffer.from('vestibule:guess').toString('base64')}`,
        },
        body: new URLSearchParams({ grant_type: 'client_credentials' }),
      });
    expect(await statuses(4, () => ask(address))).toEqual([401, 401, 401, 429]);
    expect((await ask(newAddress())).status).toBe(401);
  });
});

it('no account name is in the log', () => {
  const lines = stack.log.filter((line) => /@example\.org|victim-/.test(line) && line.includes('limit'));
  expect(lines).toEqual([]);
});
