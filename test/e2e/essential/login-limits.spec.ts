import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { foldIdentifier, isIdentifier } from '../../../src/platform/core/account-identifier.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { importedPassword } from '../../support/password.hashes.js';
import { type Person, logIn, newPerson, signUp } from '../../support/person.js';
import { rawRequest } from '../../support/raw.request.js';
import { enrolTotp, giveTotp } from '../../support/second.factor.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Page, UserAgent, formOf } from '../../support/user-agent.js';

const policies = [
  'login-pair=3/1h',
  'login-account=7/1h',
  'login-address=12/1h',
  'registration-pair=2/1h',
  'registration-account=3/1h',
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
  return `198.18.${Math.floor(lastHost / 250)}.${(lastHost % 250) + 1}`;
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

const escape = (text: string): string => `U+${text.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Fills in the login page, at an address. @returns the answer to the form, and who sent it. */
async function tryLogin(
  identifier: string,
  password: string,
  address: string,
  agent = new UserAgent(stack.url),
): Promise<{ answer: Page; agent: UserAgent }> {
  const page = await agent.navigate('/ory/kratos/self-service/login/browser');
  const { action, body } = formOf(page, { identifier, password });
  return { answer: await post(agent, action, body, { 'x-forwarded-for': address }), agent };
}

const by = (method: string): { name: string; value: string } => ({ name: 'method', value: method });

const wrong = async (identifier: string, address: string): Promise<Page> =>
  (await tryLogin(identifier, 'not the password', address)).answer;

async function statuses(count: number, ask: () => Promise<Page>): Promise<number[]> {
  const seen: number[] = [];
  for (let index = 0; index < count; index += 1) {
    seen.push((await ask()).status);
  }
  return seen;
}

const seven = (status: number): number[] => Array.from({ length: 7 }, () => status);

async function member(): Promise<Person> {
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
  return person;
}

/** Logs in with a browser that has nothing but this cookie, at a new address. @returns the status, and whether it is logged in. */
async function tryWith(device: string, identifier: string, password: string): Promise<[number, boolean]> {
  const agent = new UserAgent(stack.url);
  await agent.jar.setCookie(`vestibule-device=${device}`, stack.url);
  const { answer } = await tryLogin(identifier, password, newAddress(), agent);
  return [answer.status, (await agent.cookie('ory_kratos_session')) !== undefined];
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

  it('from many addresses ends at the account; the owner still logs in with the browser that they have [W14]', async () => {
    const [person, other] = [await member(), await member()];
    const deviceOf = async ({ email, password }: typeof person): Promise<string> => {
      const { agent } = await tryLogin(email, password, newAddress());
      return (await agent.cookie('vestibule-device')) ?? '';
    };
    const [own, foreign] = [await deviceOf(person), await deviceOf(other)];
    expect(own).toMatch(/^[\w.-]{100,1000}$/);
    expect(await statuses(8, () => wrong(person.email, newAddress()))).toEqual([...seven(303), 429]);
    expect(await tryWith(own, person.email, person.password)).toEqual([303, true]);
    for (const device of [foreign, `${own}x`, own.slice(0, -1), '', 'x']) {
      expect(await tryWith(device, person.email, person.password)).toEqual([429, false]);
    }
    // Nor is a copy of the cookie worth more guesses than the account has.
    const guesses: number[] = [];
    for (let count = 0; count < 8; count += 1) {
      guesses.push((await tryWith(own, person.email, 'not the password'))[0]);
    }
    expect(guesses).toEqual([...seven(303), 429]);
  });

  it.each([
    [
      'password',
      // The browser in which it was chosen is its owner's.
      async (person: Person, owner: UserAgent) => {
        await logIn(owner, person);
        const password = `another ${person.password}`;
        await owner.submit(await owner.navigate('/ui/settings'), { password }, by('password'));
        return { ...person, password };
      },
      [303, true],
    ],
    [
      'address',
      async (person: Person, owner: UserAgent) => {
        await logIn(owner, person);
        const email = `another-${person.email}`;
        await owner.submit(await owner.navigate('/ui/settings'), { 'traits.email': email }, by('profile'));
        return { ...person, email };
      },
      [303, true],
    ],
    [
      'account, after the first was deleted',
      async (person: Person, owner: UserAgent) => {
        await new OryAdmin(stack.env).deleteIdentity(person.email);
        await signUp(owner, person);
        return person;
      },
      [429, false],
    ],
    [
      'owner, who proves that the address is theirs',
      async (person: Person, owner: UserAgent) => {
        const ory = new OryAdmin(stack.env);
        const stranger = new UserAgent(stack.url);
        await logIn(stranger, person);
        const { flow, code } = await ory.recover((await ory.sessionOf(stranger)).identityId);
        const recovery = await owner.navigate(`/ui/recovery?${new URLSearchParams({ flow })}`);
        await owner.submit(recovery, { code }, by('code'));
        return person;
      },
      [429, false],
    ],
  ])('the networks and browsers that are known are forgotten with another %s', async (_what, change, own) => {
    const person = await member();
    const former = newAddress();
    const { agent } = await tryLogin(person.email, person.password, former);
    const device = (await agent.cookie('vestibule-device')) ?? '';
    const owner = new UserAgent(stack.url);
    const changed = await change(person, owner);
    expect(await statuses(8, () => wrong(person.email, newAddress()))).toEqual([...seven(303), 429]);
    expect((await wrong(person.email, former)).status).toBe(429);
    expect(await tryWith(device, person.email, person.password)).toEqual([429, false]);
    const chosen = (await owner.cookie('vestibule-device')) ?? '';
    expect(await tryWith(chosen, changed.email, changed.password)).toEqual(own);
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
    const person = newPerson();
    ({ password } = person);
    email = `i${person.email}`;
    await new OryAdmin(stack.env).createPerson({ ...person, email });
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
    [
      'letters that Kratos lowers otherwise than JavaScript',
      (csrf: string) => form(csrf, [['identifier', `\u0130${email.slice(1)}`]]),
    ],
    ['the old name of the field', (csrf: string) => form(csrf, [['password_identifier', email]])],
    ['JSON', (csrf: string) => json(csrf, `"identifier":${JSON.stringify(email)}`)],
    ['JSON, an upper-case name', (csrf: string) => json(csrf, `"IDENTIFIER":${JSON.stringify(email)}`)],
    [
      'JSON, a name that Go’s decoder takes for the old one',
      (csrf: string) => json(csrf, `"pa\u017F\u017Fword_identifier":${JSON.stringify(email)}`),
    ],
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

  it.each(
    ['\u0085', '\u00A0', '\u2028', '\uFEFF', '\u200B', '\u0000', '\n', '\uFFFD'].flatMap(
      (character) =>
        [
          [escape(character), (name: string) => `${character}${name}`],
          [escape(character), (name: string) => `${name}${character}`],
          [escape(character), (name: string) => name.replace('@', `${character}@`)],
        ] as const,
    ),
  )('a name with %s is none, in a form and in JSON: 400 [L33]', async (_character, spell) => {
    const elsewhere = { 'x-forwarded-for': newAddress() };
    const name = spell(email);
    for (const write of [
      (csrf: string) => ({ ...form(csrf, [['identifier', name]]), headers: elsewhere }),
      (csrf: string) => ({ ...json(csrf, `"identifier":${JSON.stringify(name)}`), headers: elsewhere }),
    ]) {
      expect(await send(write)).toEqual({ status: 400, isLoggedIn: false });
    }
  });

  it('full-width letters are another name, which Kratos doesn’t know', async () => {
    const other = email.replace('p', '\uFF50');
    const headers = { 'x-forwarded-for': newAddress() };
    const answer = await send((csrf) => ({ ...form(csrf, [['identifier', other]]), headers }));
    expect(answer).toEqual({ status: 400, isLoggedIn: false });
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

  it.each([
    [
      'a form',
      (csrf: string) =>
        form(csrf, [
          ['id_token', 'x.y.z'],
          ['identifier', email],
        ]),
    ],
    ['JSON', (csrf: string) => json(csrf, `"id_token":"x.y.z","identifier":${JSON.stringify(email)}`)],
    [
      'JSON, in another spelling',
      (csrf: string) => json(csrf, `"ID_To\u212Aen":"x.y.z","identifier":${JSON.stringify(email)}`),
    ],
    ['the query', (csrf: string) => ({ ...form(csrf, [['identifier', email]]), query: '&id_token_nonce=x' })],
  ])('an ID token, which logs in its own owner, in %s: 400', async (_where, write) => {
    const headers = { 'x-forwarded-for': newAddress() };
    expect(await send((csrf) => ({ ...write(csrf), headers }))).toEqual({ status: 400, isLoggedIn: false });
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

  it('is counted by the account of the session, whatever was typed to begin it [L34]', async () => {
    const known = newPerson();
    const person = { ...known, email: `iiii-${known.email}` };
    const agent = new UserAgent(stack.url);
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    await logIn(agent, person);
    await enrolTotp(agent);
    const address = newAddress();
    const seen: number[] = [];
    for (const start of ['iiii', '\u0130iii', 'i\u0130ii', 'ii\u0130i', 'iii\u0130']) {
      const guesser = new UserAgent(stack.url);
      const page = await logIn(guesser, { ...person, email: `${start}-${known.email}` });
      const { action, body } = formOf(page, { totp_code: '000000' });
      seen.push((await post(guesser, action, body, { 'x-forwarded-for': address })).status);
    }
    expect(seen).toEqual([303, 303, 303, 429, 429]);
  });

  it('is counted by the account after recoveries, too [L34]', async () => {
    const person = newPerson();
    const agent = new UserAgent(stack.url);
    const ory = new OryAdmin(stack.env);
    await ory.createPerson(person, { isVerified: true });
    await logIn(agent, person);
    await enrolTotp(agent);
    const { identityId } = await ory.sessionOf(agent);
    const address = newAddress();
    const seen: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const guesser = new UserAgent(stack.url);
      const { flow, code } = await ory.recover(identityId);
      const recovery = await guesser.navigate(`/ui/recovery?${new URLSearchParams({ flow })}`);
      const page = await guesser.submit(recovery, { code }, { name: 'method', value: 'code' });
      const { action, body } = formOf(page, { totp_code: '000000' });
      seen.push((await post(guesser, action, body, { 'x-forwarded-for': address })).status);
    }
    expect(seen).toEqual([303, 303, 303, 429, 429]);
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

  it('recovery: mails to one mailbox end, however its address is spelled [L33]', async () => {
    const { email } = newPerson();
    const spellings = ['iiii', '\u0130iii', 'i\u0130ii', 'ii\u0130i', 'II\u0130\u0130'].map(
      (start) => `${start}-${email}`,
    );
    const seen: number[] = [];
    for (const spelling of spellings) {
      seen.push((await submitFlow('recovery', { email: spelling }, newAddress())).status);
    }
    expect(seen).toEqual([303, 303, 303, 429, 429]);
  });

  it.each([
    ['recovery', 'email'],
    ['registration', 'traits.email'],
  ] as const)('%s: mails to one mailbox end, whatever follows a plus sign', async (kind, field) => {
    const { email } = newPerson();
    let tag = 0;
    const ask = (address: string): Promise<Page> => {
      tag += 1;
      return submitFlow(kind, { [field]: email.replace('@', `+${tag}@`) }, address);
    };
    const address = newAddress();
    const stranger = await statuses(3, () => ask(address));
    const others = await statuses(2, () => ask(newAddress()));
    // One network doesn't use up what the owner of the mailbox has.
    expect([...stranger, ...others].map((status) => status === 429)).toEqual([
      false,
      false,
      true,
      false,
      true,
    ]);
  });

  it.each([
    ['login', 'identifier'],
    ['recovery', 'email'],
    ['registration', 'traits.email'],
    ['settings', 'traits.email'],
    ['verification', 'email'],
  ] as const)(
    '%s: an address has one spelling, without invisible characters or quotes: 400 [L33]',
    async (kind, field) => {
      const person = await member();
      const agent = new UserAgent(stack.url);
      if (kind === 'settings' || kind === 'verification') {
        await logIn(agent, person);
      }
      const page = await agent.navigate(`/ory/kratos/self-service/${kind}/browser`);
      const { email } = person;
      for (const spelling of [
        `${email}\u0085`,
        email.replace(/.+(?=@)/, '"$&"'),
        email.replace(/(.)(.+)(?=@)/, '"$1\\$2"'),
        `"${email}"@evil.example`,
        `<${email}>`,
        `${email}(x)`,
      ]) {
        const { action, body } = formOf(page, { [field]: spelling });
        const { status, text } = await post(agent, action, body, { 'x-forwarded-for': newAddress() });
        expect([spelling, status, text.includes('identifier_refused')]).toEqual([spelling, 400, true]);
      }
    },
  );

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

  it.each([
    ['one network', 2],
    ['many networks', 2],
  ])('recovery: codes from %s are counted by the flow, however its id is spelled', async (from, limit) => {
    const agent = new UserAgent(stack.url);
    const page = await agent.navigate('/ory/kratos/self-service/recovery/browser');
    const { action, body } = formOf(page, { email: newPerson().email });
    await post(agent, action, body, { 'x-forwarded-for': newAddress() });
    const flow = new URL(action).searchParams.get('flow') ?? '';
    const address = newAddress();
    const seen: number[] = [];
    for (const spelling of [
      flow,
      flow.toUpperCase(),
      flow.replaceAll('-', ''),
      `{${flow}}`,
      `urn:uuid:${flow}`,
    ]) {
      const target = new URL(action);
      target.searchParams.set('flow', spelling);
      const guess = new URLSearchParams({
        method: 'code',
        code: '000000',
        csrf_token: body.get('csrf_token') ?? '',
      });
      const at = from === 'one network' ? address : newAddress();
      seen.push((await post(agent, target.href, guess, { 'x-forwarded-for': at })).status);
    }
    expect(seen).toEqual(seen.map((_status, index) => (index < limit ? 303 : 429)));
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

describe('an account has one name, so what is counted by the name is counted by the account', () => {
  const identifiersSchema = z.looseObject({
    id: z.string(),
    credentials: z.record(z.string(), z.looseObject({ identifiers: z.array(z.string()).default([]) })),
  });
  const admin = (): string => `${stack.env['KRATOS_ADMIN_URL']}/admin/identities`;

  it('its address: another trait is refused, and a former address is no name any more [L33]', async () => {
    const person = newPerson();
    const ory = new OryAdmin(stack.env);
    for (const trait of ['username', 'phone', 'email2', 'emails', 'identifier']) {
      const traits = { email: person.email, [trait]: `another-${person.email}` };
      const body = JSON.stringify({ schema_id: 'default', traits });
      const headers = { 'content-type': 'application/json' };
      expect([trait, (await fetch(admin(), { method: 'POST', headers, body })).status]).toEqual([trait, 400]);
    }
    await ory.createPerson(person);
    const agent = new UserAgent(stack.url);
    await logIn(agent, person);
    const { identityId } = await ory.sessionOf(agent);
    const identifiers = async (): Promise<Readonly<Record<string, readonly string[]>>> => {
      const query = new URLSearchParams(
        ['password', 'code', 'webauthn', 'passkey', 'oidc'].map((kind) => ['include_credential', kind]),
      );
      const answer = await fetch(`${admin()}/${identityId}?${query}`);
      const { credentials } = identifiersSchema.parse(await answer.json());
      return Object.fromEntries(
        Object.entries(credentials).map(([kind, { identifiers: names }]) => [kind, names]),
      );
    };
    const names = (some: Readonly<Record<string, readonly string[]>>): string[] => [
      ...new Set(Object.values(some).flat()),
    ];
    expect(names(await identifiers())).toEqual([person.email]);
    const renamed = `new-${person.email}`;
    await ory.changeTrait(identityId, 'email', renamed);
    expect(names(await identifiers())).toEqual([renamed]);
    const logsIn = async (name: string): Promise<boolean> => {
      const { agent: browser } = await tryLogin(name, person.password, newAddress());
      return (await browser.cookie('ory_kratos_session')) !== undefined;
    };
    expect([await logsIn(person.email), await logsIn(renamed)]).toEqual([false, true]);
  });
});

describe('Kratos’ own folding', () => {
  /** Of the password below, in the least work that Kratos takes. */
  const cheapHash =
    '$argon2id$v=19$m=8,t=1,p=1$c2l4dGVlbiBieXRlIG9raw$7gsSEtAaRzN4NeATN+b4oL20RfP4IOAQca4rApn8udc';
  const seed = 38;
  const madeSchema = z.looseObject({
    identities: z.array(z.looseObject({ action: z.string(), identity: z.string().optional() })),
  });
  const holderSchema = z.looseObject({
    id: z.string(),
    credentials: z.looseObject({ password: z.looseObject({ identifiers: z.array(z.string()) }) }),
  });
  const flowSchema = z.looseObject({ id: z.string() });

  async function ask(url: string, method: 'GET' | 'POST' | 'PATCH', body?: unknown): Promise<Response> {
    return fetch(url, {
      method,
      headers: { accept: 'application/json', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  /** Local parts of addresses: where JavaScript and Go differ, and random characters that an identifier may have. */
  function localParts(): string[] {
    const different = ['\u0130', '\u03A3', '\u1E9E', '\u212A', '\u01C5', '\u1C90', '\u13A0'];
    const places = different.flatMap((character) => [`${character}aΣ`, `A${character}z`, `ba${character}`]);
    const blank = ['\u0085', '\u00A0', '\u1680', '\u2003', '\u2028', '\u3000', '\uFEFF'].map(
      (other) => `${other}Ab`,
    );
    const known = fc
      .integer({ min: 0x80, max: 0x10_ff_ff })
      .map((code) => String.fromCodePoint(code))
      .filter(isIdentifier);
    const cased = known.filter((character) => character.toLowerCase() !== character);
    const characters = fc.oneof(known, known, cased, fc.constantFrom(...'aBcXyZ09'));
    const name = fc.array(characters, { minLength: 1, maxLength: 8 }).map((some) => some.join(''));
    return [...places, ...blank, ...fc.sample(name, { seed, numRuns: 2000 })];
  }

  it('is ours: 2,000 random names and those that JavaScript folds otherwise, as stored and at the login [L33]', async () => {
    const run = randomUUID().slice(0, 8);
    const names = localParts().map((local, index) => `${local}.${index}.${run}@Folding.example`);
    const admin = stack.env['KRATOS_ADMIN_URL'] ?? '';
    const wrong: string[] = [];
    for (let from = 0; from < names.length; from += 250) {
      const some = names.slice(from, from + 250);
      const answer = await ask(`${admin}/admin/identities`, 'PATCH', {
        identities: some.map((email) => ({
          create: {
            schema_id: 'default',
            traits: { email },
            credentials: { password: { config: { hashed_password: cheapHash } } },
          },
        })),
      });
      const made = madeSchema.parse(await answer.json()).identities;
      expect(made.filter(({ identity }) => identity === undefined)).toEqual([]);
      const query = new URLSearchParams([
        ['include_credential', 'password'],
        ['page_size', '250'],
        ...made.map(({ identity = '' }) => ['ids', identity]),
      ]);
      const list = await ask(`${admin}/admin/identities?${query}`, 'GET');
      const stored = new Map(
        z
          .array(holderSchema)
          .parse(await list.json())
          .map(({ id, credentials }) => [id, credentials.password.identifiers]),
      );
      some.forEach((name, index) => {
        if (stored.get(made[index]?.identity ?? '')?.join(' ') !== foldIdentifier(name)) {
          wrong.push(name);
        }
      });
    }
    expect(wrong).toEqual([]);
    // Kratos takes the folded spelling and the one that was given alike.
    const login = `${stack.env['KRATOS_PUBLIC_URL']}/self-service/login`;
    for (const name of names.slice(0, 120)) {
      for (const identifier of [name, foldIdentifier(name)]) {
        const { id } = flowSchema.parse(await (await ask(`${login}/api`, 'GET')).json());
        const body = { method: 'password', identifier, password: importedPassword };
        expect([identifier, (await ask(`${login}?flow=${id}`, 'POST', body)).status]).toEqual([
          identifier,
          200,
        ]);
      }
    }
  });
});

it('no account name is in the log', () => {
  const lines = stack.log.filter((line) => /@example\.org|victim-/.test(line) && line.includes('limit'));
  expect(lines).toEqual([]);
});
