import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { OAuthApp } from '../../support/oauth.app.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { newPerson, signUp } from '../../support/person.js';
import { type Stack, startStack } from '../../support/stack.js';
import { type Answer, StandIn } from '../../support/stand-in.js';
import { UserAgent } from '../../support/user-agent.js';

const person = newPerson();
let stack: Stack;
let hydra: StandIn;
let kratos: StandIn;
/** Logged in at Kratos and here. */
let agent: UserAgent;
let accessToken: string;
/** What Hydra really says of the token, and Kratos of the session. */
let introspection: object;
let session: object;

beforeAll(async () => {
  stack = await startStack();
  hydra = new StandIn(stack.env['HYDRA_ADMIN_URL'] ?? '');
  kratos = new StandIn(stack.env['KRATOS_ADMIN_URL'] ?? '');
  agent = new UserAgent(stack.url);
  await signUp(agent, person);
  accessToken = (await OAuthApp.spa(stack.url).login(agent)).access_token;
  const { sessionId } = await new OryAdmin(stack.env).sessionOf(agent);
  const [tokenAnswer, sessionAnswer] = await Promise.all([
    fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/oauth2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token: accessToken }),
    }),
    fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/sessions/${sessionId}?expand=identity`),
  ]);
  introspection = Object(await tokenAnswer.json());
  session = Object(await sessionAnswer.json());
  await stack.restartGateway({
    HYDRA_ADMIN_URL: await hydra.start(),
    KRATOS_ADMIN_URL: await kratos.start(),
  });
});

afterEach(() => {
  hydra.say(undefined);
  kratos.say(undefined);
});

afterAll(async () => {
  await stack?.stop();
  await hydra?.stop();
  await kratos?.stop();
});

function send(
  status: number,
  type: string,
  body: string | Uint8Array,
  more: Record<string, string> = {},
): Answer {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': type, ...more }).end(body);
    return true;
  };
}

const json = (value: unknown): Answer => send(200, 'application/json', JSON.stringify(value));

const garbage: readonly [string, Answer][] = [
  ['HTML with 200', send(200, 'text/html', '<html><body>Welcome to the hotel WiFi</body></html>')],
  ['HTML that claims to be JSON', send(200, 'application/json', '<html></html>')],
  ['an empty object', json({})],
  ['null', json(null)],
  ['a list', json([{ active: true }])],
  ['a string', json('active')],
  ['nothing', send(204, 'application/json', '')],
  ['half a document', send(200, 'application/json', '{"active":true,"sub":"')],
  ['5 MB of JSON', send(200, 'application/json', JSON.stringify({ active: true, x: 'x'.repeat(5_000_000) }))],
  [
    'a gzip bomb',
    send(200, 'application/json', gzipSync(Buffer.alloc(50_000_000)), { 'content-encoding': 'gzip' }),
  ],
  ['deep nesting', send(200, 'application/json', '['.repeat(100_000))],
  [
    '__proto__',
    send(
      200,
      'application/json',
      '{"__proto__":{"active":true},"constructor":{"prototype":{"active":true}}}',
    ),
  ],
  ['500 with HTML', send(500, 'text/html', '<h1>Oops</h1>')],
  ['401', send(401, 'application/json', '{}')],
  ['418', send(418, 'text/plain', 'teapot')],
  ['a redirect', send(302, 'text/html', '', { location: 'http://169.254.169.254/latest/meta-data/' })],
  [
    'a broken connection',
    (request) => {
      request.socket.destroy();
      return true;
    },
  ],
];

async function expectNoSession(): Promise<void> {
  const visitor = new UserAgent(stack.url);
  const answer = await visitor.post('/auth/login', { accessToken });
  expect([401, 503]).toContain(answer.status);
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
  expect(await visitor.cookie('vestibule')).toBeUndefined();
  // The browser's way meets the same answers at its challenges.
  const page = await agent.navigate('/auth/login');
  expect([401, 403, 503]).toContain(page.status);
  expect(page.headers.get('content-type')).toContain('text/html');
  expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: person.email } });
}

describe.each(garbage)('%s', (_case, answer) => {
  it('from Hydra: no session and no server error [L13] [F03]', async () => {
    hydra.say(answer);
    await expectNoSession();
  });

  it('from Kratos: no session and no server error [F03]', async () => {
    kratos.say(answer);
    await expectNoSession();
  });
});

describe('an answer that is right but for one member', () => {
  const wrongIntrospections: readonly [string, object][] = [
    ['active as a text', { active: 'true' }],
    ['active as a number', { active: 1 }],
    ['not active', { active: false }],
    ['no subject', { sub: undefined }],
    ['a subject that is an object', { sub: {} }],
    ["somebody else's subject", { sub: '00000000-0000-4000-8000-000000000000' }],
    ['a list of clients', { client_id: ['vestibule-spa'] }],
    ['another client', { client_id: 'vestibule-spa ' }],
    ['an audience as a text', { aud: 'x' }],
    ['no audience', { aud: null }],
    ['a refresh token', { token_use: 'refresh_token' }],
    ['no session behind it', { ext: {} }],
    ['a path for a session', { ext: { kratos_session_id: '../identities', amr: [], auth_time: 0 } }],
  ];

  it.each(wrongIntrospections)('of Hydra: %s [L13]', async (_case, change) => {
    hydra.say((request, response) =>
      request.url?.includes('introspect') === true
        ? json({ ...introspection, ...change })(request, response)
        : false,
    );
    const visitor = new UserAgent(stack.url);
    const answer = await visitor.post('/auth/login', { accessToken });
    expect(answer.status).toBeGreaterThanOrEqual(401);
    expect(answer.status).not.toBe(500);
    expect(await visitor.cookie('vestibule')).toBeUndefined();
  });

  const wrongSessions: readonly [string, object][] = [
    ['active as a text', { active: 'true' }],
    ['not active', { active: false }],
    ['no identity', { identity: undefined }],
    ['an identity that is disabled', { identity: { state: 'inactive' } }],
    ['an identity without a state', { identity: { state: undefined } }],
    ['another identity', { identity: { id: '00000000-0000-4000-8000-000000000000' } }],
    ['an e-mail address that is an object', { identity: { traits: { email: { $ne: null } } } }],
  ];

  it.each(wrongSessions)('of Kratos: %s', async (_case, change) => {
    const identity: object = Object(Reflect.get(session, 'identity'));
    const changed = {
      ...session,
      ...change,
      ...('identity' in change && change.identity !== undefined
        ? { identity: { ...identity, ...Object(change.identity) } }
        : {}),
    };
    kratos.say((request, response) =>
      request.url?.startsWith('/admin/sessions/') === true ? json(changed)(request, response) : false,
    );
    const visitor = new UserAgent(stack.url);
    const answer = await visitor.post('/auth/login', { accessToken });
    expect([401, 503]).toContain(answer.status);
    expect(await visitor.cookie('vestibule')).toBeUndefined();
  });
});

it('a redirect of Hydra that leaves this origin is not followed and not passed on [W16]', async () => {
  hydra.say((request, response) =>
    request.method === 'PUT' ? json({ redirect_to: 'https://evil.example/' })(request, response) : false,
  );
  const page = await agent.navigate('/auth/login');
  expect(page.status).toBe(503);
  expect(page.headers.has('location')).toBe(false);
});

it('after all of that the same process logs users in', async () => {
  const visitor = new UserAgent(stack.url);
  expect((await visitor.post('/auth/login', { accessToken })).status).toBe(200);
  expect((await agent.navigate('/auth/login')).url).toBe(`${stack.url}/`);
});
