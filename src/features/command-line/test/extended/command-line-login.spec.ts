import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import { type CliProcess, type Outcome, startCli } from '../../../../../test/support/cli.process.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { logIn, type Person } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

let stack: Stack;
let person: Person;
let folder: string;

const allow = { name: 'decision', value: 'allow' } as const;
const path = (): string => join(folder, 'vestibule', 'credentials.json');
const start = (...args: readonly string[]): CliProcess =>
  startCli({ XDG_CONFIG_HOME: folder, HOME: folder, VESTIBULE_URL: stack.url }, ...args);
const run = async (...args: readonly string[]): Promise<Outcome> => start(...args).end();

beforeAll(async () => {
  stack = await startStack();
  // What it gets is an API key, which needs a verified address.
  person = await verifiedPerson(stack);
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-cli-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

afterAll(async () => {
  await stack?.stop();
});

async function loggedIn(): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, person);
  return agent;
}

/** Presses the button and follows the answer to the program's port. */
async function press(agent: UserAgent, page: Page, button: { name: string; value: string }): Promise<Page> {
  const answer = await agent.submit(page, {}, button);
  return agent.request(answer.headers.get('location') ?? '');
}

async function logInCli(agent: UserAgent): Promise<Outcome> {
  const cli = start('login', '--no-browser');
  await press(agent, await agent.navigate(await cli.address()), allow);
  return cli.end();
}

const statusWith = async (token: string): Promise<number> =>
  (await fetch(`${stack.url}/api/v1/me`, { headers: { authorization: `Bearer ${token}` } })).status;

describe('vestibule login', () => {
  it('logs in by the browser, then knows the user, has a live token, and logs out', async () => {
    const outcome = await logInCli(await loggedIn());
    expect(outcome).toMatchObject({ code: 0, out: '' });
    expect(outcome.err).toContain(`Logged in at ${stack.url} as ${person.email}.`);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const who = await run('whoami');
    expect([who.code, who.out]).toEqual([0, expect.stringContaining(person.email)]);
    // No output contains the key or the token, except that of `token`.
    for (const { out, err } of [outcome, who]) {
      expect(`${out}${err}`).not.toMatch(/vst_|eyJ/);
    }
    expect(stack.log.join('')).not.toMatch(/vst_[\da-f]{32}_/);
    const token = (await run('token')).out.trim();
    expect(await statusWith(token)).toBe(200);
    expect(await run('logout')).toMatchObject({ code: 0 });
    expect(await statusWith(token)).toBe(401);
    expect(await readFile(path(), 'utf8')).toBe('{}\n');
    expect(await run('token')).toMatchObject({ code: 1, out: '' });
  });

  it('later commands use the gateway of the latest login, without an address', async () => {
    const env = { XDG_CONFIG_HOME: folder, HOME: folder };
    const cli = startCli(env, 'login', '--no-browser', '--url', stack.url);
    const agent = await loggedIn();
    await press(agent, await agent.navigate(await cli.address()), allow);
    expect(await cli.end()).toMatchObject({ code: 0 });
    expect(await startCli(env, 'whoami').end()).toMatchObject({
      code: 0,
      out: expect.stringContaining(person.email),
    });
    expect(await startCli(env, 'logout').end()).toMatchObject({ code: 0 });
  });

  it('a visitor logs in first and comes back to the question', async () => {
    const cli = start('login', '--no-browser');
    const agent = new UserAgent(stack.url);
    const form = await agent.navigate(await cli.address());
    const page = await agent.submit(form, { identifier: person.email, password: person.password });
    expect(page.text).toContain('Log in on the command line of');
    const last = await press(agent, page, allow);
    expect([last.status, last.text]).toEqual([200, expect.stringContaining('You are logged in.')]);
    expect(last.headers.get('referrer-policy')).toBe('no-referrer');
    expect(await cli.end()).toMatchObject({ code: 0 });
  });

  it('a code can be pasted where there is no browser', async () => {
    const cli = start('login', '--paste');
    const agent = await loggedIn();
    const shown = await agent.submit(await agent.navigate(await cli.address()), {}, allow);
    const code = shown.html().querySelector('#code')?.text ?? '';
    cli.type(`${code}\n`);
    expect(await cli.end()).toMatchObject({ code: 0 });
    expect((await run('whoami')).out).toContain(person.email);
  });

  it('on a machine without a browser, a code is entered on another device', async () => {
    const cli = start('login', '--device');
    const code = await cli.userCode();
    const agent = await loggedIn();
    const page = await agent.submit(await agent.navigate('/device'), { user_code: code });
    for (const shown of ['vestibule login (', '127.0.0.1', 'everything that you can do']) {
      expect(page.text).toContain(shown);
    }
    expect((await agent.submit(page, {}, allow)).text).toContain('You can go back to your device');
    const outcome = await cli.end();
    expect(outcome).toMatchObject({ code: 0, out: '' });
    // The address as a QR code.
    expect(outcome.err).toMatch(/[█▀▄]{20}/);
    expect((await run('whoami')).out).toContain(person.email);
    const keys = await agent.fetch('/api/v1/api-keys');
    expect(keys.text).toContain('Command line on ');
  });

  it('a code that is denied on another device, or that another client asks with, logs nothing in', async () => {
    const cli = start('login', '--device');
    const agent = await loggedIn();
    const page = await agent.submit(await agent.navigate('/device'), { user_code: await cli.userCode() });
    await agent.submit(page, {}, { name: 'decision', value: 'deny' });
    expect(await cli.end()).toMatchObject({ code: 1, err: expect.stringContaining('The login was denied.') });
    const begun = await agent.request('/auth/device', {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'another-client' }),
    });
    expect([begun.status, begun.json()]).toEqual([
      400,
      expect.objectContaining({ error: 'invalid_request' }),
    ]);
    expect(await run('whoami')).toMatchObject({ code: 1, out: '' });
  });

  it('a session that has ended meanwhile logs no machine in by its code', async () => {
    const agent = await loggedIn();
    const cli = start('login', '--device');
    const page = await agent.submit(await agent.navigate('/device'), { user_code: await cli.userCode() });
    await agent.submit(page, {}, allow);
    await new OryAdmin(stack.env).endSessionOf(agent);
    expect((await cli.end()).code).toBe(1);
  });

  it('a login that is denied leaves nothing', async () => {
    const cli = start('login', '--no-browser');
    const agent = await loggedIn();
    await press(agent, await agent.navigate(await cli.address()), { name: 'decision', value: 'deny' });
    expect(await cli.end()).toMatchObject({ code: 1, err: expect.stringContaining('The login was denied.') });
    expect(await run('whoami')).toMatchObject({ code: 1, out: '' });
  });

  it('a session that has ended at Kratos meanwhile logs no program in', async () => {
    const agent = await loggedIn();
    const cli = start('login', '--no-browser');
    const page = await agent.navigate(await cli.address());
    await new OryAdmin(stack.env).endSessionOf(agent);
    await press(agent, page, allow);
    expect((await cli.end()).code).not.toBe(0);
    expect((await run('token')).code).not.toBe(0);
  });

  it('a response with another state, or on another path, is ignored', async () => {
    const cli = start('login', '--no-browser');
    const address = await cli.address();
    const agent = await loggedIn();
    const callback = new URL(new URL(address).searchParams.get('redirect_uri') ?? '');
    for (const target of ['/callback?code=x&state=y', '/callback?code=x', '/']) {
      expect((await fetch(new URL(target, callback))).status).toBe(404);
    }
    await press(agent, await agent.navigate(address), allow);
    expect(await cli.end()).toMatchObject({ code: 0 });
  });

  it('a token near its end is renewed by itself; a second login takes the place of the first', async () => {
    await logInCli(await loggedIn());
    const credentials = z.record(z.string(), z.looseObject({ apiKey: z.string(), accessToken: z.string() }));
    const before = credentials.parse(JSON.parse(await readFile(path(), 'utf8')));
    const [first] = Object.values(before);
    await writeFile(path(), JSON.stringify({ [stack.url]: { ...first, expiresAt: Date.now() + 1000 } }));
    const token = (await run('token')).out.trim();
    expect(token).not.toBe(first?.accessToken);
    expect(await statusWith(token)).toBe(200);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    await logInCli(await loggedIn());
    expect(await statusWith(token)).toBe(401);
    expect(await statusWith((await run('token')).out.trim())).toBe(200);
  });

  it('an address without TLS, or that is none, is refused with a message', async () => {
    for (const [url, ...words] of [
      ['http://evil.example', 'login', '--paste'],
      ['http://evil.example', 'whoami'],
      ['http://evil.example', 'token'],
      ['http://evil.example', 'logout'],
      ['not an address', 'login', '--paste'],
    ]) {
      const outcome = await run(...words, '--url', url ?? '');
      expect(outcome).toMatchObject({
        code: 1,
        out: '',
        err: expect.stringMatching(/^The address must be https.*\n$/),
      });
    }
  });

  it('an unreachable gateway is reported', async () => {
    const cli = start('login', '--paste', '--url', 'http://127.0.0.1:9');
    await cli.address();
    cli.type(`${'x'.repeat(43)}\n`);
    const outcome = await cli.end();
    expect(outcome).toMatchObject({ code: 1, err: expect.stringContaining('cannot be reached') });
    expect(outcome.err).not.toMatch(/\n\s+at /);
  });

  it('a damaged file is reported', async () => {
    await mkdir(dirname(path()));
    await writeFile(path(), '{"half');
    expect(await run('token')).toMatchObject({ code: 1, err: expect.stringContaining('is damaged') });
  });
});
