import { randomUUID } from 'node:crypto';
import { decodeJwt } from 'jose';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { z } from 'zod';
import { AuditService } from '../../src/directory/audit/audit.service.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { RefreshAnswerRepository } from '../../src/providers/ory/hydra/refresh-answer.repository.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { promote } from '../support/administrator.js';
import { codeOf, OAuthApp, type Tokens, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { type Person, logIn, newPerson, signUp } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { type Replica, startReplicas } from '../support/replicas.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const notes = 'https://notes.example/mcp';
const back = 'https://wiki.example/callback';
const loopback = 'http://127.0.0.1:4321/callback';
const scope = 'openid offline_access';
const ourApp = 'desk-of-ours';
const rounds = 50;
const idSchema = z.looseObject({ id: z.string() });

/** An application, and how its users' tokens are asked for. */
interface Asker {
  readonly app: OAuthApp;
  readonly asks: Readonly<Record<string, string | undefined>>;
  /** Where it refreshes them. */
  readonly endpoint: '/ory/hydra/oauth2/token' | '/auth/token';
}

let redis: RedisServer;
let stack: Stack;
let replicas: Replica[];
let ory: OryAdmin;
let administrator: UserAgent;

beforeAll(async () => {
  redis = await startRedis(inject('redisServerPath'));
  stack = await startStack({
    database: 'postgres',
    postgresUrl: inject('postgresUrl'),
    env: {
      REDIS_URL: redis.url,
      ALLOWED_CLIENT_IDS: `vestibule,vestibule-spa,${ourApp}`,
      PROTECTED_RESOURCES: JSON.stringify([
        { resource: notes, scopes: { 'notes:read': 'Read your notes' } },
        { resource: 'https://tasks.example', scopes: { 'tasks:read': 'Read your tasks' } },
      ]),
    },
  });
  replicas = await startReplicas(stack, 3);
  ory = new OryAdmin(stack.env);
  const person = newPerson();
  administrator = await newUser(person);
  await promote(stack.app(), await idOf(administrator));
  administrator = new UserAgent(stack.url);
  await logIn(administrator, person);
});

afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await stack?.stop();
  await redis?.remove();
});

async function newUser(person: Person = newPerson()): Promise<UserAgent> {
  const agent = new UserAgent(stack.url);
  await signUp(agent, person);
  return agent;
}

/** A user whom an operator has made: in a tenth of the time. */
async function verifiedUser(): Promise<UserAgent> {
  const [agent, person] = [new UserAgent(stack.url), newPerson()];
  await ory.createPerson(person, { isVerified: true });
  await logIn(agent, person);
  return agent;
}

const idOf = async (agent: UserAgent): Promise<string> =>
  idSchema.parse((await agent.fetch('/api/v1/me')).json()).id;

/** An agent: a client that registered itself, and refreshes at the gateway's own endpoint. */
async function newAgent(): Promise<Asker> {
  const id = `dcr-${randomUUID()}`;
  await ory.createClient({
    client_id: id,
    client_name: 'Helper',
    owner: 'agents',
    redirect_uris: [loopback],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'notes:read tasks:read offline_access',
    audience: [notes, 'https://tasks.example'],
    token_endpoint_auth_method: 'none',
    metadata: { agent: { kind: 'registration', client_id: id } },
  });
  return {
    app: new OAuthApp(stack.url, { id, secret: '' }, loopback),
    asks: { audience: undefined, resource: notes, scope: 'notes:read' },
    endpoint: '/auth/token',
  };
}

/** An application that an administrator registers. */
async function registered(kind: 'web' | 'single_page'): Promise<Asker> {
  const body = { name: `Wiki ${randomUUID()}`, kind, redirectUris: [back], scope };
  const made = await administrator.send('POST', '/api/v1/applications', body);
  const { id, clientSecret } = idSchema.extend({ clientSecret: z.string().nullable() }).parse(made.json());
  return {
    app: new OAuthApp(stack.url, { id, secret: clientSecret ?? '' }, back),
    asks: { audience: undefined, scope },
    endpoint: '/ory/hydra/oauth2/token',
  };
}

let desk: Promise<Asker> | undefined;

/** A public application of `ALLOWED_CLIENT_IDS`, which a logout ends. */
async function ours(): Promise<Asker> {
  desk ??= newDesk();
  return desk;
}

async function newDesk(): Promise<Asker> {
  const redirectUri = `${stack.url}/desk`;
  const client = await ory.createClient({
    client_id: ourApp,
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token'],
    scope,
    redirect_uris: [redirectUri],
    audience: [stack.url],
    skip_consent: true,
  });
  const app = new OAuthApp(stack.url, client, redirectUri);
  return { app, asks: { scope }, endpoint: '/ory/hydra/oauth2/token' };
}

/** What a user's login brings an application; the user agrees to what they are asked. */
async function tokensFor({ app, asks }: Asker, user: UserAgent): Promise<Tokens> {
  const { path, verifier } = app.authorize(asks);
  const page = await user.navigate(path);
  if (new URL(page.url).pathname !== '/ui/consent') {
    return tokensOf(await app.exchange(new UserAgent(stack.url), codeOf(page), verifier));
  }
  const challenge = page.html().querySelector('input[name=consent_challenge]')?.getAttribute('value') ?? '';
  const granted = page.html().querySelectorAll('input[name=grant_scope]');
  const body = new URLSearchParams([
    ['consent_challenge', challenge],
    ['decision', 'allow'],
    ...granted.map((box): [string, string] => ['grant_scope', box.getAttribute('value') ?? '']),
  ]);
  const landed = await user.navigate('/auth/ory/consent', { method: 'POST', body });
  return tokensOf(await app.exchange(new UserAgent(stack.url), codeOf(landed), verifier));
}

/** Refreshes at one of the replicas. */
async function refresh(
  { app: { client }, endpoint }: Asker,
  token: string | undefined,
  replica: number,
  changes: Readonly<Record<string, string>> = {},
): Promise<Page> {
  const form = { grant_type: 'refresh_token', refresh_token: token ?? '', ...changes };
  const basic = `Basic ${Buffer.from(`${client.id}:${client.secret}`).toString('base64')}`;
  return new UserAgent(stack.url, replicas[replica % 3]?.url).request(endpoint, {
    method: 'POST',
    ...(client.secret === '' ? {} : { headers: { authorization: basic } }),
    body: new URLSearchParams(client.secret === '' ? { client_id: client.id, ...form } : form),
  });
}

/** Other texts that may stand for a token: without its prefix, or with other unused bits of the secret part's last character. */
function spellingsOf(token: string): string[] {
  const [secret = '', signature = ''] = token.split('.');
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  const others = [...alphabet].map((last) => `${secret.slice(0, -1)}${last}.${signature}`);
  return [token.replace(/^ory_rt_/, ''), ...others].filter((spelling) => spelling !== token);
}

const resultOf = (page: Page): [number, unknown] => [
  page.status,
  page.status === 200 ? 'tokens' : z.looseObject({ error: z.string() }).parse(page.json()).error,
];
const refused = [400, 'invalid_grant'];

/** Waits until Hydra's grace for this token is over. */
async function graceOver(token: string | undefined): Promise<void> {
  await expect.poll(async () => ory.isActive(token ?? ''), { interval: 500, timeout: 60_000 }).toBe(false);
}

async function reuses(userId: string) {
  await stack.app().get(AuditService, { strict: false }).flush();
  for (const replica of replicas) {
    await replica.app().get(AuditService, { strict: false }).flush();
  }
  return stack
    .app()
    .get(Database, { strict: false })
    .query.selectFrom('audit_events')
    .select(['reason', 'target_id', 'outcome'])
    .where('user_id', '=', userId)
    .where('type', '=', 'refresh_token_reused')
    .orderBy('id')
    .execute();
}

describe.each([
  ['an agent', newAgent],
  ['a single-page application', async () => registered('single_page')],
])('%s that refreshes twice with one token', (_kind, made) => {
  let asker: Asker;
  let user: UserAgent;
  let userId: string;

  beforeAll(async () => {
    asker = await made();
    user = await newUser();
    userId = await idOf(user);
  });

  it('at once, on two replicas, gets the same tokens twice, which go on; a third use is refused and recorded [W28]', async () => {
    for (let round = 0; round < 10; round += 1) {
      const first = await tokensFor(asker, user);
      const pages = await Promise.all([
        refresh(asker, first.refresh_token, round),
        refresh(asker, first.refresh_token, round + 1),
      ]);
      expect(pages.map(resultOf)).toEqual([
        [200, 'tokens'],
        [200, 'tokens'],
      ]);
      const [one, other] = pages.map(tokensOf);
      expect(other?.access_token).toBe(one?.access_token);
      expect(other?.refresh_token).toBe(one?.refresh_token);
      expect(other?.id_token).toBe(one?.id_token);
      expect(pages.map((page) => page.headers.get('cache-control'))).toEqual(['no-store', 'no-store']);
      expect(resultOf(await refresh(asker, first.refresh_token, round + 2))).toEqual(refused);
      tokensOf(await refresh(asker, one?.refresh_token, round));
    }
    expect(await reuses(userId)).toEqual(
      Array.from({ length: 10 }, () => ({
        reason: 'used_up',
        target_id: asker.app.client.id,
        outcome: 'failure',
      })),
    );
  });

  it('five times at once gets one branch: two answers, and three refusals', async () => {
    const first = await tokensFor(asker, user);
    const pages = await Promise.all(
      Array.from({ length: 5 }, async (_value, index) => refresh(asker, first.refresh_token, index)),
    );
    expect(pages.filter(({ status }) => status === 200)).toHaveLength(2);
    expect(pages.map(resultOf).filter(([status]) => status !== 200)).toEqual([refused, refused, refused]);
    const given = pages.filter(({ status }) => status === 200).map(tokensOf);
    expect(new Set(given.map(({ refresh_token: token }) => token)).size).toBe(1);
  });

  it('gets none for another request, which leaves its tokens alone', async () => {
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    const other = await made();
    const changes = [
      { scope: 'offline_access' },
      { client_id: other.app.client.id },
      { redirect_uri: 'https://elsewhere.example' },
    ];
    for (const change of changes) {
      expect(resultOf(await refresh(asker, first.refresh_token, 1, change))).toEqual(refused);
    }
    for (const change of [{ resource: 'https://tasks.example' }, { grant_type: 'refresh_token ' }]) {
      expect((await refresh(asker, first.refresh_token, 1, change)).status).toBe(400);
    }
    // Hydra takes other spellings of a token for the same one.
    const spellings = spellingsOf(first.refresh_token ?? '');
    const taken = await Promise.all(spellings.map(async (token) => ory.isActive(token)));
    const live = spellings.filter((_token, index) => taken[index]);
    expect(live.length).toBeGreaterThan(1);
    for (const spelling of live) {
      expect(resultOf(await refresh(asker, spelling, 1))).toEqual(refused);
    }
    // Those were no use of the answer that is kept.
    expect(tokensOf(await refresh(asker, first.refresh_token, 2)).refresh_token).toBe(second.refresh_token);
    tokensOf(await refresh(asker, second.refresh_token, 1));
  });

  it('is not held up by a request that was refused, was left or never ended', async () => {
    const { refresh_token: token = '' } = await tokensFor(asker, user);
    const other = await made();
    const wrong = await refresh(asker, token, 0, { client_id: other.app.client.id });
    expect(wrong.status).toBe(400);
    const [first, second] = replicas.map((replica) =>
      replica.app().get(RefreshAnswerRepository, { strict: false }),
    );
    if (first === undefined || second === undefined) {
      throw new Error('there are three replicas');
    }
    const leaving = new AbortController();
    const claim = first.claim.bind(first);
    const left = new Promise<void>((resolve) => {
      vi.spyOn(first, 'claim').mockImplementationOnce(async (...given) => {
        const use = await claim(...given);
        leaving.abort();
        resolve();
        return use;
      });
    });
    const body = new URLSearchParams({
      client_id: asker.app.client.id,
      grant_type: 'refresh_token',
      refresh_token: token,
    });
    const leaver = rawRequest(replicas[0]?.url ?? '', {
      method: 'POST',
      path: '/ory/hydra/oauth2/token',
      headers: {
        host: new URL(stack.url).host,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: body.toString(),
      signal: leaving.signal,
    });
    await expect(leaver).rejects.toThrow();
    await left;
    const next = tokensOf(await refresh(asker, token, 1)).refresh_token ?? '';
    expect(await second.claim(next, 'another request')).toMatchObject({ state: 'claimed' });
    replicas[2]?.shiftClock(121);
    try {
      tokensOf(await refresh(asker, next, 2));
    } finally {
      replicas[2]?.shiftClock(0);
    }
  });

  it('gets none once the tokens that it would get have been used', async () => {
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    const third = tokensOf(await refresh(asker, second.refresh_token, 1));
    expect(resultOf(await refresh(asker, first.refresh_token, 2))).toEqual(refused);
    tokensOf(await refresh(asker, third.refresh_token, 2));
  });

  it('has the clocks of its replicas 30 seconds apart, and gets them all the same', async () => {
    [-30, 0, 30].forEach((seconds, index) => replicas[index]?.shiftClock(seconds));
    try {
      for (const [one, other] of [
        [0, 2],
        [2, 0],
      ]) {
        const first = await tokensFor(asker, user);
        const second = tokensOf(await refresh(asker, first.refresh_token, one ?? 0));
        const again = tokensOf(await refresh(asker, first.refresh_token, other ?? 0));
        expect(again.refresh_token).toBe(second.refresh_token);
      }
    } finally {
      replicas.forEach((replica) => replica.shiftClock(0));
    }
  });

  it('after the grace ends what it has', async () => {
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    tokensOf(await refresh(asker, first.refresh_token, 1));
    await graceOver(first.refresh_token);
    expect(await ory.isActive(second.refresh_token ?? '')).toBe(true);
    expect(resultOf(await refresh(asker, first.refresh_token, 2))).toEqual(refused);
    expect(await ory.isActive(second.refresh_token ?? '')).toBe(false);
    expect(resultOf(await refresh(asker, second.refresh_token, 0))).toEqual(refused);
  });

  it('keeps the answer in a form that its refresh token alone opens', async () => {
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    const rows = await stack
      .app()
      .get(Database, { strict: false })
      .query.selectFrom('refresh_answers')
      .selectAll()
      .execute();
    const text = JSON.stringify(rows);
    expect(rows.some(({ sealed }) => sealed !== null)).toBe(true);
    for (const token of [first.refresh_token, second.refresh_token, second.access_token]) {
      expect(text).not.toContain(token);
    }
  });
});

/** What ends a user's tokens of an application, each by another replica's API. */
const ends: Readonly<Record<string, (asker: Asker, user: UserAgent, tokens: Tokens) => Promise<void>>> = {
  'the user takes the access back': async ({ app }, user) => {
    const gone = await user.send('DELETE', `/api/v1/me/connected-apps/${app.client.id}`);
    expect(gone.status).toBe(204);
  },
  'an administrator disables the user': async (_asker, user) => {
    const gone = await administrator.send('POST', `/api/v1/users/${await idOf(user)}/disable`);
    expect(gone.status).toBeLessThan(300);
  },
  'an operator disables the identity': async (_asker, user) => ory.disableIdentityOf(user),
  'the client revokes its token': async ({ app }, _user, { refresh_token: token = '' }) => {
    const gone = await new UserAgent(stack.url).request('/ory/hydra/oauth2/revoke', {
      method: 'POST',
      body: new URLSearchParams({ client_id: app.client.id, token }),
    });
    expect(gone.status).toBe(200);
  },
};

/** Ends what applications of ours have, and no others. */
async function loggedOut(_asker: Asker, user: UserAgent): Promise<void> {
  expect((await user.post('/auth/logout', {})).status).toBe(200);
}

async function removed({ app }: Asker): Promise<void> {
  const gone = await administrator.send('DELETE', `/api/v1/applications/${app.client.id}`);
  expect(gone.status).toBe(204);
}

describe.each(Object.keys(ends))('inside the grace, %s:', (end) => {
  it.each([
    ['an agent', newAgent],
    ['a single-page application', async () => registered('single_page')],
  ])('%s gets no tokens that were kept', async (_kind, made) => {
    const [asker, user] = [await made(), await verifiedUser()];
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    await ends[end]?.(asker, user, second);
    expect(resultOf(await refresh(asker, first.refresh_token, 1))).toEqual(refused);
    expect(resultOf(await refresh(asker, second.refresh_token, 2))).toEqual(refused);
    expect(await ory.isActive(second.refresh_token ?? '')).toBe(false);
  });
});

describe('inside the grace', () => {
  it('a removed application gets no tokens that were kept', async () => {
    const [asker, user] = [await registered('single_page'), await verifiedUser()];
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    await removed(asker);
    expect((await refresh(asker, first.refresh_token, 1)).status).toBeGreaterThanOrEqual(400);
    expect(await ory.isActive(second.refresh_token ?? '')).toBe(false);
  });

  it('a logout ends what an application of ours was given', async () => {
    const [asker, user] = [await ours(), await verifiedUser()];
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    await loggedOut(asker, user);
    expect(resultOf(await refresh(asker, first.refresh_token, 1))).toEqual(refused);
    expect(await ory.isActive(second.refresh_token ?? '')).toBe(false);
  });

  it('an ended grant ends what an agent was given', async () => {
    const [asker, user] = [await newAgent(), await verifiedUser()];
    const first = await tokensFor(asker, user);
    const second = tokensOf(await refresh(asker, first.refresh_token, 0));
    const grantId = String(decodeJwt(second.access_token)['sid']);
    await replicas[1]?.app().get(RevocationService, { strict: false }).endGrant(grantId);
    expect(resultOf(await refresh(asker, first.refresh_token, 1))).toEqual(refused);
  });

  it('an application that was narrowed gets no tokens of before', async () => {
    const [asker, user] = [await registered('single_page'), await verifiedUser()];
    const first = await tokensFor(asker, user);
    tokensOf(await refresh(asker, first.refresh_token, 0));
    const path = `/api/v1/applications/${asker.app.client.id}`;
    expect((await administrator.send('PATCH', path, { scope: 'openid' })).status).toBe(200);
    expect(resultOf(await refresh(asker, first.refresh_token, 1))).toEqual(refused);
  });
});

describe('an application with a secret that refreshes with one token', () => {
  it('six times at once gets tokens each time; after the grace, a use ends all of them [W28]', async () => {
    const [asker, user] = [await registered('web'), await verifiedUser()];
    const first = await tokensFor(asker, user);
    const pages = await Promise.all(
      Array.from({ length: 6 }, async (_value, index) => refresh(asker, first.refresh_token, index)),
    );
    expect(pages.map(resultOf)).toEqual(Array.from({ length: 6 }, () => [200, 'tokens']));
    const branches = pages.map((page) => tokensOf(page).refresh_token ?? '');
    await graceOver(first.refresh_token);
    expect(await Promise.all(branches.map((token) => ory.isActive(token)))).toEqual(branches.map(() => true));
    expect(resultOf(await refresh(asker, first.refresh_token, 0))).toEqual(refused);
    expect(await Promise.all(branches.map((token) => ory.isActive(token)))).toEqual(
      branches.map(() => false),
    );
  });

  it('gets none with a secret that has been replaced', async () => {
    const [asker, user] = [await registered('web'), await verifiedUser()];
    const first = await tokensFor(asker, user);
    tokensOf(await refresh(asker, first.refresh_token, 0));
    const path = `/api/v1/applications/${asker.app.client.id}/secret`;
    expect((await administrator.send('POST', path, { keepPreviousFor: 0 })).status).toBe(201);
    expect(resultOf(await refresh(asker, first.refresh_token, 1))).toEqual([401, 'invalid_client']);
  });
});

/** Runs a test with a connection to Hydra's database, in a transaction that nobody else's can overtake. */
async function inTransaction<T>(act: (transaction: Client) => Promise<T>): Promise<T> {
  const transaction = new Client({ connectionString: stack.dsn?.hydra });
  await transaction.connect();
  try {
    await transaction.query('BEGIN');
    return await act(transaction);
  } finally {
    await transaction.end();
  }
}

/** Waits until so many transactions of Hydra's wait for another one. */
async function waiting(transaction: Client, count: number): Promise<void> {
  const statement = `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await waitUntil(async () => {
    const { rows } = await transaction.query<{ count: string }>(statement);
    return Number(rows[0]?.count) === count;
  }, 'Hydra to wait for the transaction');
}

/** That the transaction was ended by a deadlock. @returns false @throws any other error. */
function isDeadlock(error: unknown): false {
  expect(error).toMatchObject({ code: '40P01' });
  return false;
}

describe.each([
  ['an agent', newAgent],
  ['an application with a secret', async () => registered('web')],
])('a refresh of %s that meets another transaction in Hydra’s database', (_kind, made) => {
  it('is refused as ended if that one ends the grant', async () => {
    const [asker, user] = [await made(), await verifiedUser()];
    const { refresh_token: token } = await tokensFor(asker, user);
    await inTransaction(async (transaction) => {
      const id = [asker.app.client.id];
      await transaction.query('DELETE FROM hydra_oauth2_refresh WHERE client_id = $1', id);
      const page = refresh(asker, token, 0);
      await waiting(transaction, 1);
      await transaction.query('COMMIT');
      expect(resultOf(await page)).toEqual(refused);
    });
  });

  it('is refused as ended if that one waits for it in turn, as Hydra’s own revocation may', async () => {
    const [asker, user] = [await made(), await verifiedUser()];
    const id = [asker.app.client.id];
    const meet = async (): Promise<boolean> => {
      const { refresh_token: token } = await tokensFor(asker, user);
      return inTransaction(async (transaction) => {
        await transaction.query('DELETE FROM hydra_oauth2_access WHERE client_id = $1', id);
        const page = refresh(asker, token, 0);
        await waiting(transaction, 1);
        const isRefused = await transaction
          .query('DELETE FROM hydra_oauth2_refresh WHERE client_id = $1', id)
          .then(() => true, isDeadlock);
        await transaction.query('COMMIT');
        expect(resultOf(await page)).toEqual(isRefused ? refused : [200, 'tokens']);
        return isRefused;
      });
    };
    // PostgreSQL ends the one of the two that looks for the deadlock later than it came to be. Here it must be Hydra's.
    await waitUntil(meet, 'PostgreSQL to end the refresh');
  });

  it('gets tokens if that one leaves the grant as it is', async () => {
    const [asker, user] = [await made(), await verifiedUser()];
    const { refresh_token: token } = await tokensFor(asker, user);
    await inTransaction(async (transaction) => {
      const id = [asker.app.client.id];
      await transaction.query('UPDATE hydra_oauth2_refresh SET active = active WHERE client_id = $1', id);
      const pages = Promise.all([0, 1].map(async (replica) => refresh(asker, token, replica)));
      // Of a public client's refreshes, one at a time comes to Hydra.
      await waiting(transaction, asker.app.client.secret === '' ? 1 : 2);
      await transaction.query('COMMIT');
      const given = new Set((await pages).map((page) => tokensOf(page).refresh_token));
      const next = await Promise.all([...given].map(async (one) => refresh(asker, one, 2)));
      expect(next.map(resultOf)).toEqual([...given].map(() => [200, 'tokens']));
    });
  });
});

it('an access that is taken back ends although it meets a refresh in Hydra’s database, which keeps that one', async () => {
  const meet = async (): Promise<boolean> => {
    const [asker, user] = [await registered('web'), await verifiedUser()];
    const { refresh_token: token } = await tokensFor(asker, user);
    const status = await inTransaction(async (transaction) => {
      const id = [asker.app.client.id];
      // As Hydra's refreshes do it: the refresh token first.
      await transaction.query('UPDATE hydra_oauth2_refresh SET active = active WHERE client_id = $1', id);
      const end = user.send('DELETE', `/api/v1/me/connected-apps/${asker.app.client.id}`);
      await waiting(transaction, 1);
      await transaction.query('DELETE FROM hydra_oauth2_access WHERE client_id = $1', id);
      await transaction.query('COMMIT');
      return (await end).status;
    });
    if (status === 503) {
      // On a busy machine, the lock was held for longer than a call to Hydra may take.
      return false;
    }
    expect(status).toBe(204);
    expect(resultOf(await refresh(asker, token, 0))).toEqual(refused);
    return true;
  };
  await waitUntil(meet, 'an end in time');
});

describe('two refreshes and an end at the same time', () => {
  it(`${rounds} rounds on three replicas: nothing that was given out outlives the end [W28]`, async () => {
    const kinds = [newAgent, async () => registered('single_page'), async () => registered('web')];
    const everywhere = Object.entries(ends).filter(([name]) => name !== 'the client revokes its token');
    const meetings = [
      ...everywhere.flatMap(([, end]) => kinds.map((made) => ({ made, end }))),
      ...kinds.slice(1).map((made) => ({ made, end: removed })),
      { made: ours, end: loggedOut },
    ];
    let tokens = 0;
    for (let round = 0; round < rounds; round += 1) {
      const { made, end } = meetings[round % meetings.length] ?? { made: ours, end: loggedOut };
      const [asker, user] = await Promise.all([made(), verifiedUser()]);
      const refusals = end === removed ? [refused, [401, 'invalid_client']] : [refused];
      const first = await tokensFor(asker, user);
      user.turnTo(replicas[(round + 2) % 3]?.url ?? '');
      const [, ...pages] = await Promise.all([
        end(asker, user, first),
        refresh(asker, first.refresh_token, round),
        refresh(asker, first.refresh_token, round + 1),
      ]);
      expect(Math.max(...pages.map(({ status }) => status))).toBeLessThan(500);
      const given = pages.flatMap((page) =>
        page.status === 200 ? (tokensOf(page).refresh_token ?? []) : [],
      );
      // Also what a user who was disabled at Kratos alone still has: the next use ends it.
      const uses = await Promise.all(given.map(async (token) => refresh(asker, token, round + 2)));
      const last = await refresh(asker, first.refresh_token, round);
      for (const use of [...uses, last]) {
        expect(refusals, `round ${round}`).toContainEqual(resultOf(use));
      }
      const live = await Promise.all(given.map(async (token) => ory.isActive(token)));
      expect([round, live]).toEqual([round, given.map(() => false)]);
      tokens += given.length;
    }
    // Otherwise nothing could have outlived an end.
    expect(tokens).toBeGreaterThan(0);
  }, 600_000);
});
