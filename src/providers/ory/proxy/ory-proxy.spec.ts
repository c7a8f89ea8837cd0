import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Socket, connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Gateway, expectProblem, startGateway } from '../../../../test/support/gateway.js';
import { passwordHashes } from '../../../../test/support/password.hashes.js';
import { type PreparedHydra, startPreparedHydra } from '../../../../test/support/prepared.hydra.js';
import { waitUntil } from '../../../../test/support/stack.js';
import { type Answer, StandIn } from '../../../../test/support/stand-in.js';
import { IdentityLocks } from '../kratos/identity-locks.js';

/** Answers the gateway's question about the flow of a login: it is an ordinary one, and there are no third-party logins. */
const showsFlow = (request: IncomingMessage, response: ServerResponse): boolean => {
  const isAsked = request.url?.startsWith('/self-service/login/flows') === true;
  if (isAsked) {
    response.setHeader('content-type', 'application/json');
    response.end('{"request_url":"/self-service/login/browser","ui":{"nodes":[{"group":"password"}]}}');
  }
  return isAsked;
};

/** An upstream that answers when the test lets it, one request after the other. */
class HesitantUpstream extends StandIn {
  readonly held: ServerResponse[] = [];
  /** The caller of each request, in order. */
  readonly callers: string[] = [];
  /** Path and query of each request, in order. */
  readonly urls: string[] = [];
  /** The highest number of concurrent requests so far. */
  most = 0;

  constructor() {
    super('');
    this.hold();
  }

  /** Keeps each request until the test answers it. */
  hold(): void {
    this.say((request, response) => {
      if (showsFlow(request, response)) {
        return true;
      }
      this.held.push(response);
      this.callers.push(String(request.headers['x-forwarded-for']));
      this.urls.push(String(request.url));
      this.most = Math.max(this.most, this.held.length);
      return true;
    });
  }
}

const upstreams = { kratos: new HesitantUpstream(), hydra: new HesitantUpstream() };
/** Kratos' admin API. */
const identities = new HesitantUpstream();
const nobody: Answer = (_request, response) => {
  response.end('[]');
  return true;
};
let prepared: PreparedHydra;
let gateway: Gateway;

beforeAll(async () => {
  const [kratos, hydra] = [await upstreams.kratos.start(), await upstreams.hydra.start()];
  identities.say(nobody);
  prepared = await startPreparedHydra();
  gateway = await startGateway({
    HYDRA_ADMIN_URL: prepared.url,
    KRATOS_ADMIN_URL: await identities.start(),
    KRATOS_PUBLIC_URL: kratos,
    HYDRA_PUBLIC_URL: hydra,
    TRUST_PROXY: 'loopback',
    RATE_LIMIT: 'true',
    RATE_LIMIT_ALLOW: '198.51.100.200',
  });
});

afterAll(async () => {
  await gateway?.stop();
  await Promise.all([upstreams.kratos.stop(), upstreams.hydra.stop(), identities.stop(), prepared?.stop()]);
});

it.each([
  ['kratos', '/ory/kratos/sessions/whoami', 8],
  ['hydra', '/ory/hydra/oauth2/auth', 4],
] as const)(
  'of 50 requests at once %s gets no more than it bears; the others wait in line and none is lost',
  async (name, path, atOnce) => {
    const upstream = upstreams[name];
    const answers = Promise.all(Array.from({ length: 50 }, async () => gateway.request(path)));
    await waitUntil(() => upstream.held.length >= atOnce, 'the line to be full');
    // This request comes after the fifty. When it's answered, all of them that can be passed on have been.
    expect((await gateway.request('/health/live')).status).toBe(200);
    for (let answered = 0; answered < 50; answered += 1) {
      await waitUntil(() => upstream.held.length > 0, 'the next in line');
      upstream.held.shift()?.end('{}');
    }
    expect(new Set((await answers).map(({ status }) => status))).toEqual(new Set([200]));
    expect(upstream.most).toBe(atOnce);
  },
);

it.each([
  ['of 64 sites', '203.0.113.9', (index: number) => `2001:db8:${index.toString(16)}::1`],
  [
    'of 64 subscribers of one site',
    '198.51.100.9',
    (index: number) => `2001:db8:f1:${(index * 256).toString(16)}::1`,
  ],
  [
    'of 64 networks of one subscriber',
    '2001:db8:f2::9',
    (index: number) => `2001:db8:f3:${(0xff_00 + index).toString(16)}::1`,
  ],
  ['of 64 IPv4 addresses', '2001:db8:f4:ff01::9', (index: number) => `192.0.2.${index}`],
] as const)(
  'a form of anyone else is the next at Kratos, whatever waits %s [W20]',
  async (_what, other, addressOf) => {
    const { kratos } = upstreams;
    const from = (address: string) =>
      gateway.request('/ory/kratos/self-service/settings', {
        method: 'POST',
        headers: {
          'x-forwarded-for': address,
          'content-type': 'application/x-www-form-urlencoded',
          origin: 'https://auth.example.test',
        },
        body: 'method=password',
      });
    const answerOne = async (): Promise<void> => {
      await waitUntil(() => kratos.held.length > 0, 'the next in line');
      kratos.held.shift()?.end('{}');
    };
    kratos.callers.length = 0;
    const flood = Array.from({ length: 256 }, (_, index) => from(addressOf(index % 64)));
    // Each flooding caller has had a turn.
    for (let answered = 0; answered < 64; answered += 1) {
      await answerOne();
    }
    await waitUntil(() => kratos.held.length === 8, 'Kratos to be busy');
    const before = kratos.callers.length;
    const honest = from(other);
    expect((await gateway.request('/health/live')).status).toBe(200);
    for (let answered = 64; answered < 257; answered += 1) {
      await answerOne();
    }
    expect(new Set((await Promise.all([honest, ...flood])).map(({ status }) => status))).toEqual(
      new Set([200]),
    );
    // Of 184 waiting requests it's the next; a few are answered while it's on its way into the queue.
    expect(kratos.callers.indexOf(other)).toBeLessThanOrEqual(before + 16);
  },
);

it('a login from a network or a browser that its account knows, or from RATE_LIMIT_ALLOW, is the next at Kratos, whatever guesses came before [W20]', async () => {
  const { kratos } = upstreams;
  const logIn = (address: string, identifier: string, cookie?: string) =>
    gateway.request('/ory/kratos/self-service/login?flow=f', {
      method: 'POST',
      headers: {
        'x-forwarded-for': address,
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://auth.example.test',
        ...(cookie === undefined ? {} : { cookie }),
      },
      body: new URLSearchParams({ method: 'password', identifier, password: 'x' }).toString(),
    });
  const [home, abroad, elsewhere] = ['2001:db8:e1::9', '2001:db8:e2::9', '2001:db8:e3::9'] as const;
  const office = '198.51.100.200';
  // Kratos lets the owner in.
  kratos.say((request, response) => {
    if (showsFlow(request, response)) {
      return true;
    }
    const session = { 'set-cookie': 'ory_kratos_session=x; Path=/', location: 'https://auth.example.test/' };
    response.writeHead(request.method === 'POST' ? 303 : 401, request.method === 'POST' ? session : {});
    response.end();
    return true;
  });
  const first = await logIn(home, 'ada@example.org');
  await logIn(office, 'grace@example.org');
  // Whose password a name tries is asked at the first login: the guesses below are to be in the queue at once.
  for (let index = 0; index < 8; index += 1) {
    await logIn('2001:db8:e4::9', `ada-${index}@example.org`);
  }
  const device = first.cookies.find((line) => line.startsWith('__Host-vestibule-device='));
  expect(device).toMatch(/; Max-Age=7776000; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
  kratos.hold();
  kratos.callers.length = 0;
  const guesses = Array.from({ length: 128 }, (_, index) =>
    logIn(`2001:db8:${(0x1_00 + index).toString(16)}::1`, `ada-${index % 8}@example.org`),
  );
  await waitUntil(() => kratos.held.length === 8, 'Kratos to be busy');
  // As the latest ones, and `home` and `office` as networks that have had a turn, they would be the last.
  const others = [
    logIn(home, 'ada@example.org'),
    logIn(abroad, 'ada@example.org', device?.split(';', 1)[0]),
    logIn(office, 'grace@example.org'),
    logIn(elsewhere, 'ada@example.org'),
  ];
  expect((await gateway.request('/health/live')).status).toBe(200);
  for (let answered = 0; answered < 132; answered += 1) {
    await waitUntil(() => kratos.held.length > 0, 'the next in line');
    kratos.held.shift()?.end('{}');
  }
  expect(new Set((await Promise.all([...guesses, ...others])).map(({ status }) => status))).toEqual(
    new Set([200]),
  );
  // A few are answered while they are on their way into the queue.
  for (const address of [home, abroad, office]) {
    expect(kratos.callers.indexOf(address)).toBeLessThanOrEqual(8 + 24);
  }
  expect(kratos.callers.indexOf(elsewhere)).toBeGreaterThan(100);
});

it('a guess at an imported password that waits for Kratos keeps neither the owner waiting nor an administrator', async () => {
  const { kratos } = upstreams;
  const id = crypto.randomUUID();
  // One account: Kratos is asked once about all who come by the same name.
  const identifiers = [0, 1, 2, 3].map((index) => `imported-${index}@example.org`);
  const holder = { identifiers, config: { hashed_password: passwordHashes.MD5 } };
  let asked = 0;
  identities.say((_request, response) => {
    asked += 1;
    response.end(JSON.stringify([{ id, credentials: { password: holder } }]));
    return true;
  });
  const post = (address: string, kind: string, form: Readonly<Record<string, string>>) =>
    gateway.request(`/ory/kratos/self-service/${kind}?flow=f`, {
      method: 'POST',
      headers: {
        'x-forwarded-for': address,
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://auth.example.test',
      },
      body: new URLSearchParams({ method: 'password', ...form }).toString(),
    });
  const logIn = (address: string, index: number) =>
    post(address, 'login', { identifier: identifiers[index] ?? '', password: 'x' });
  kratos.hold();
  kratos.callers.length = 0;
  const busy = Array.from({ length: 8 }, (_, index) => post(`192.0.2.${index}`, 'settings', {}));
  await waitUntil(() => kratos.held.length === 8, 'Kratos to be busy');
  const guesses = [1, 2, 3].map((site) => logIn(`2001:db8:d${site}::9`, site));
  await waitUntil(() => asked === 3, 'the guesses to come');
  expect((await gateway.request('/health/live')).status).toBe(200);
  const locks = gateway.app.get(IdentityLocks, { strict: false });
  expect(await locks.run(id, async () => 'disabled')).toBe('disabled');
  const owner = logIn('198.51.100.200', 0);
  await waitUntil(() => asked === 4, 'the owner to come');
  expect((await gateway.request('/health/live')).status).toBe(200);
  expect(kratos.callers).toHaveLength(8);
  for (let answered = 0; answered < 12; answered += 1) {
    await waitUntil(() => kratos.held.length > 0, 'the next in line');
    kratos.held.shift()?.end('{}');
  }
  const statuses = (await Promise.all([...busy, ...guesses, owner])).map(({ status }) => status);
  expect(new Set(statuses)).toEqual(new Set([200]));
  // One guess may be answered while the owner is on the way into the queue.
  expect(kratos.callers.indexOf('198.51.100.200')).toBeLessThanOrEqual(9);
  identities.say(nobody);
});

it('a session of Kratos by another name than the gates know reaches no browser, and the log tells of it', async () => {
  const { kratos } = upstreams;
  const lines = ['mine=x; Path=/', 'csrf_token_1=y; Path=/', 'ory_kratos_continuity=z; Path=/'];
  kratos.say((_request, response) => {
    response.writeHead(303, { 'set-cookie': lines, location: 'https://auth.example.test/' }).end();
    return true;
  });
  try {
    const answer = await gateway.request('/ory/kratos/self-service/login?flow=f', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://auth.example.test' },
      body: 'method=password&identifier=eve@example.org&password=x',
    });
    const names = answer.cookies.map((line) => line.split('=', 1)[0]);
    expect(names).toEqual(['__Host-csrf_token_1', '__Host-ory_kratos_continuity']);
    expect(gateway.log.filter((line) => line.includes('"reason":"kratos_cookie_unknown"'))).toEqual([
      expect.stringContaining('"cookieName":"mine"'),
    ]);
  } finally {
    kratos.hold();
  }
});

it('what more than 512 forms wait for is refused at once, with when to come again', async () => {
  const { kratos } = upstreams;
  const requests = Array.from({ length: 600 }, () => gateway.request('/ory/kratos/sessions/whoami'));
  await waitUntil(() => kratos.held.length === 8, 'Kratos to be busy');
  const refused: number[] = [];
  requests.forEach((request) => void request.then(({ status }) => status === 503 && refused.push(status)));
  await waitUntil(() => refused.length === 600 - 512 - 8, 'the surplus to be refused');
  for (let answered = 0; answered < 520; answered += 1) {
    await waitUntil(() => kratos.held.length > 0, 'the next in line');
    kratos.held.shift()?.end('{}');
  }
  const answers = await Promise.all(requests);
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(520);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    expectProblem(answer, 503, 'overloaded');
    expect(answer.headers['retry-after']).toMatch(/^[1-4]$/);
  }
});

it.each(['kratos', 'hydra'] as const)(
  'what holds for one connection is not passed on to %s, and closes it to nobody [W23]',
  async (name) => {
    const upstream = upstreams[name];
    const path = name === 'kratos' ? '/ory/kratos/sessions/whoami' : '/ory/hydra/.well-known/jwks.json';
    const odd = [
      { 'keep-alive': 'timeout=5' },
      { expect: '100-continue' },
      { upgrade: 'foo' },
      { te: 'trailers' },
      { trailer: 'x' },
      { connection: 'upgrade' },
      { 'proxy-authorization': 'Basic eDp4' },
    ];
    for (const headers of [...odd, ...odd]) {
      const answer = gateway.request(path, { headers });
      await waitUntil(() => upstream.held.length > 0, 'the request to be passed on');
      upstream.held.shift()?.end('{}');
      expect((await answer).status).toBe(200);
    }
  },
);

it.each([
  ['settings', '?flow=f&method=profile&traits.email=a%40evil.test'],
  ['settings', '?flow=f&method=profile'],
  ['registration', '?flow=f&password=x'],
  ['login', '?flow=f&identifier=a%40example.test'],
  ['recovery', '?flow=f&email=a%40example.test'],
])('a form for %s in a query reaches nothing [W24]', async (kind, query) => {
  for (const method of ['GET', 'HEAD'] as const) {
    const answer = await gateway.request(`/ory/kratos/self-service/${kind}${query}`, { method });
    expect(answer.status).toBe(400);
  }
  expect(upstreams.kratos.held).toEqual([]);
});

it.each(['login', 'registration', 'recovery', 'verification', 'settings'])(
  'no login challenge of a browser reaches Kratos by the flow %s [L36]',
  async (kind) => {
    const { kratos } = upstreams;
    const form = {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'https://auth.example.test',
      },
      body: 'method=oidc&provider=x',
    } as const;
    for (const [path, request] of [
      [`/self-service/${kind}/browser`, {}],
      [`/self-service/${kind}`, form],
      ['/self-service/methods/oidc/callback/x', {}],
    ] as const) {
      for (const pair of ['login_challenge=x', 'login%5Fchallenge=x', 'login_challenge']) {
        const url = `/ory/kratos${path}?${pair}&flow=f&${pair}&return_to=%2F%3Flogin_challenge%3Dx`;
        kratos.urls.length = 0;
        const answer = gateway.request(url, request);
        await waitUntil(() => kratos.held.length > 0, 'the request to be passed on');
        kratos.held.shift()?.end('{}');
        expect((await answer).status).toBe(200);
        expect(kratos.urls, pair).toEqual([`${path}?flow=f&return_to=%2F%3Flogin_challenge%3Dx`]);
      }
    }
  },
);

it('bodies that come slowly keep nobody waiting at Hydra [W25]', async () => {
  await gateway.app.listen(0, '127.0.0.1');
  const { port } = z.object({ port: z.number() }).parse(gateway.app.getHttpServer().address());
  const host = new URL(gateway.configuration.PUBLIC_URL).host;
  const head = `POST /ory/hydra/oauth2/token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
  const slow = await Promise.all(
    Array.from({ length: 12 }, async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`${head}Content-Length: 100\r\n\r\ngrant_type=`);
      return socket;
    }),
  );
  try {
    const honest = gateway.request('/ory/hydra/oauth2/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'grant_type=x',
    });
    await waitUntil(() => upstreams.hydra.held.length > 0, 'the whole request to be passed on');
    expect(upstreams.hydra.held).toHaveLength(1);
    upstreams.hydra.held.shift()?.end('{}');
    expect((await honest).status).toBe(200);
  } finally {
    slow.forEach((socket) => socket.destroy());
  }
});

it('callers who leave while Kratos is asked about them keep no turn, and are not passed on [W26]', async () => {
  const { kratos } = upstreams;
  const { port } = z.object({ port: z.number() }).parse(gateway.app.getHttpServer().address());
  const host = new URL(gateway.configuration.PUBLIC_URL).host;
  const head = `GET /ory/kratos/self-service/settings?flow=x HTTP/1.1\r\nHost: ${host}\r\n`;
  const left = new Set<number | undefined>();
  gateway.app.getHttpServer().on('connection', (socket: Socket) => {
    // A closed socket no longer knows its caller's port.
    const { remotePort } = socket;
    socket.once('close', () => left.add(remotePort));
  });
  const callers = Array.from({ length: 16 }, () => connect(port, '127.0.0.1'));
  callers.forEach((socket) => socket.write(`${head}Cookie: __Host-ory_kratos_session=x\r\n\r\n`));
  await waitUntil(() => kratos.held.length === callers.length, 'Kratos to be asked about each');
  const ports = callers.map(({ localPort }) => localPort);
  callers.forEach((socket) => socket.destroy());
  await waitUntil(() => ports.every((each) => left.has(each)), 'all to have left');
  kratos.callers.length = 0;
  kratos.held.splice(0).forEach((response) => response.writeHead(401).end('{}'));
  const honest = gateway.request('/ory/kratos/sessions/whoami');
  await waitUntil(() => kratos.held.length > 0, 'the next to be passed on');
  expect(kratos.callers).toHaveLength(1);
  kratos.held.shift()?.end('{}');
  expect((await honest).status).toBe(200);
});

it('a query of more than 2,048 characters reaches neither [W21]', async () => {
  for (const path of ['/ory/kratos/self-service/login/browser', '/ory/hydra/oauth2/auth']) {
    expectProblem(await gateway.request(`${path}?return_to=${'x'.repeat(2100)}`), 414, 'uri_too_long');
  }
  expect([upstreams.kratos.held.length, upstreams.hydra.held.length]).toEqual([0, 0]);
});
