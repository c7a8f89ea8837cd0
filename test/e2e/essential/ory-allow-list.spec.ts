import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { rawRequest } from '../../support/raw.request.js';
import { type Person, newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

const closed = [
  '/ory/kratos',
  '/ory/kratos/',
  '/ory/hydra',
  '/ory/kratos/admin/identities',
  '/ory/kratos/admin/sessions',
  '/ory/kratos/identities',
  '/ory/kratos/sessions',
  '/ory/kratos/schemas',
  '/ory/kratos/self-service/login/api',
  '/ory/kratos/self-service/registration/api',
  '/ory/kratos/self-service/settings/api',
  '/ory/kratos/self-service/logout/api',
  '/ory/kratos/sessions/token-exchange',
  '/ory/kratos/health/ready',
  '/ory/kratos/version',
  '/ory/kratos/metrics/prometheus',
  '/ory/kratos/debug/pprof/',
  '/ory/hydra/admin/clients',
  '/ory/hydra/admin/oauth2/introspect',
  '/ory/hydra/clients',
  '/ory/hydra/oauth2/register',
  '/ory/hydra/oauth2/introspect',
  '/ory/hydra/oauth2/fallbacks/login',
  '/ory/hydra/credentials',
  '/ory/hydra/health/alive',
  '/ory/hydra/version',
];

it.each(closed)('%s does not exist', async (path) => {
  for (const method of ['GET', 'POST', 'HEAD']) {
    const answer = await rawRequest(stack.url, { method, path, headers: { accept: 'application/json' } });
    expect(answer.status, method).toBe(404);
    expect(answer.headers.has('x-kratos-authenticated-identity-id'), method).toBe(false);
  }
});

const tricks = [
  '//admin/identities',
  '/%61dmin/identities',
  '/%2561dmin/identities',
  '/%2fadmin/identities',
  '/self-service/../admin/identities',
  '/self-service/%2e%2e/admin/identities',
  '/self-service/..%2fadmin/identities',
  '/self-service/login/browser/../../../admin/identities',
  '/self-service/login/browser/%2e%2e/%2e%2e/%2e%2e/admin/identities',
  '/self-service/login/browser;/admin/identities',
  '/..;/admin/identities',
  '/self-service/login/..;/..;/..;/admin/identities',
  '/self-service/login/browser%00/admin',
  '/self-service/login/browser%23/admin',
  '/self-service/login/browser%3f/admin',
  '/self-service//login/browser',
  '/self-service/login/browser/',
  '/SELF-SERVICE/login/browser',
  '/self-service/login/browser%0d%0aX:y',
  '/self-service/login/browser\\..\\..\\admin',
  '/.well-known/../admin/clients',
  '/oauth2/../admin/clients',
  '/oauth2/auth/../../admin/clients',
  '/oauth2%2fauth',
  '@evil.example/admin',
  ':80/admin',
];

describe.each(['/ory/kratos', '/ory/hydra'])('no spelling reaches more below %s [W02]', (prefix) => {
  it.each(tricks)('%s', async (trick) => {
    for (const method of ['GET', 'POST', 'HEAD', 'TRACE', 'DELETE', 'PUT', 'PATCH']) {
      const answer = await rawRequest(stack.url, { method, path: prefix + trick });
      expect([400, 404, 405], method).toContain(answer.status);
    }
  });
});

it('absolute-form and proxy-style targets reach nothing else', async () => {
  for (const target of [stack.env['KRATOS_ADMIN_URL'], stack.env['HYDRA_ADMIN_URL'], 'http://evil.example']) {
    for (const path of [`${target}/admin/identities`, `/ory/kratos/${target}`, `/ory/kratos${target}`]) {
      const answer = await rawRequest(stack.url, { path });
      expect(answer.status, path).toBeGreaterThanOrEqual(400);
      expect(answer.status, path).toBeLessThan(500);
    }
  }
});

it('an exposed path answers only to its own methods', async () => {
  for (const method of ['PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND', 'OPTIONS']) {
    const answer = await rawRequest(stack.url, { method, path: '/ory/kratos/sessions/whoami' });
    expect([403, 404, 405, 501], method).toContain(answer.status);
  }
});

it("our own session cookie is not shown to Kratos, and Kratos' token header opens nothing", async () => {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  const own = await agent.cookie('vestibule');
  const kratos = await agent.cookie('ory_kratos_session');
  const whoami = '/ory/kratos/sessions/whoami';
  for (const headers of [
    { cookie: `vestibule=${own}` },
    { 'x-session-token': String(kratos) },
    { authorization: `Bearer ${kratos}` },
    { 'x-session-cookie': String(kratos) },
  ]) {
    expect((await rawRequest(stack.url, { path: whoami, headers })).status).toBe(401);
  }
});

describe("a session token of Kratos' table [L26]", () => {
  it('opens nothing at our origin, in whatever header it comes', async () => {
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    const token = await sessionToken(stack.env['KRATOS_PUBLIC_URL'] ?? '', person);
    const bearer = { authorization: `Bearer ${token}` };
    expect(await statusAtKratos('/sessions/whoami', bearer)).toBe(200);
    for (const headers of [
      bearer,
      { authorization: `bearer ${token}` },
      { authorization: token },
      { 'proxy-authorization': `Bearer ${token}` },
      { 'x-session-token': token },
      { 'x-session-cookie': token },
      { cookie: `ory_kratos_session=${token}` },
    ]) {
      const answer = await rawRequest(stack.url, { path: '/ory/kratos/sessions/whoami', headers });
      expect(answer.status, JSON.stringify(Object.keys(headers))).toBe(401);
      const settings = '/ory/kratos/self-service/settings/browser';
      const redirect = await rawRequest(stack.url, { path: settings, headers });
      expect(redirect.headers.get('location')).not.toMatch(/\/ui\/settings/);
    }
  });
});

const loginFlowSchema = z.looseObject({ ui: z.looseObject({ action: z.string() }) });
const tokenSchema = z.looseObject({ session_token: z.string().startsWith('ory_st_') });

/** A token as Kratos keeps it in its table, by its login for native applications, which our origin doesn't have. */
async function sessionToken(kratos: string, { email, password }: Person): Promise<string> {
  const flow = await fetch(`${kratos}/self-service/login/api`);
  const { ui } = loginFlowSchema.parse(await flow.json());
  const { search } = new URL(ui.action);
  const answer = await fetch(`${kratos}/self-service/login${search}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ method: 'password', identifier: email, password }),
  });
  return tokenSchema.parse(await answer.json()).session_token;
}

async function statusAtKratos(path: string, headers: Readonly<Record<string, string>>): Promise<number> {
  return (await fetch(`${stack.env['KRATOS_PUBLIC_URL']}${path}`, { headers })).status;
}

it('a method that is turned into another by a header stays what it was', async () => {
  const headers = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' };
  const answer = await rawRequest(stack.url, { path: '/ory/kratos/sessions/whoami', headers });
  expect(answer.status).toBe(401);
});
