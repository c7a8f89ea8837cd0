import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { RevocationService } from '../../src/session/revocation/revocation.service.js';
import { promote } from '../support/administrator.js';
import { newSecret } from '../support/gateway.js';
import { startOpenIdSide } from '../support/openid.driver.js';
import { ContractParty } from '../support/provider.driver.js';
import { rawRequest } from '../support/raw.request.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { type Replica, startReplicas } from '../support/replicas.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';

/** Requests of each kind that are under way while something changes. */
const atOnce = 5;
/** Rounds of each kind of change: 50 in all. */
const rounds = 10;
/** Requests of all five kinds. */
const inAll = 5 * atOnce;
const jsonType = { 'content-type': 'application/json' };
const formType = { 'content-type': 'application/x-www-form-urlencoded' };
const sessionExchange = new URLSearchParams({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:vestibule:params:oauth:token-type:session',
}).toString();

const claimsSchema = z.looseObject({
  sub: z.uuid(),
  name: z.string().optional(),
  roles: z.array(z.string()).optional(),
  org: z.looseObject({ id: z.uuid(), role: z.string(), slug: z.string() }).optional(),
});
const sessionSchema = z.looseObject({ claims: claimsSchema });
const bearerSchema = z.looseObject({ access_token: z.string() });
const keySchema = z.looseObject({ key: z.string() });
const orgSchema = z.looseObject({ id: z.uuid(), slug: z.string() });

type Headers = Readonly<Record<string, string>>;

/** Somebody whose access is about to change, with all that they hold. */
interface Holder {
  readonly id: string;
  readonly accessToken: string;
  readonly orgId: string;
  /** Cookie headers, one of each session. */
  readonly cookies: readonly string[];
  readonly key: string;
  /** Made before the change: refused wherever the change is known. */
  readonly control: string;
}

/** What is changed, and by what it's told from before. */
interface Change {
  readonly name: string;
  apply(holder: Holder): Promise<void>;
  /** Whether what forward auth says of the holder was so before the change alone. */
  isOld(headers: globalThis.Headers, holder: Holder): boolean;
}

describe('three replicas on PostgreSQL and Redis', () => {
  let redis: RedisServer;
  let databases: TestDatabases;
  let party: ContractParty;
  let origin: string;
  let replicas: Replica[];
  let administrator: Headers;
  let administratorId: string;

  beforeAll(async () => {
    redis = await startRedis(inject('redisServerPath'));
    databases = new TestDatabases(inject('postgresUrl'));
    const [port = 0] = await findFreePorts(1);
    origin = `http://localhost:${port}`;
    party = new ContractParty(await startOpenIdSide('auth0', origin), origin);
    const env = {
      ...party.side.env,
      PUBLIC_URL: origin,
      SECRETS: newSecret(),
      DATABASE_URL: await databases.create(),
      REDIS_URL: redis.url,
      RATE_LIMIT: 'false',
      MAX_EVENT_LOOP_DELAY: '0',
    };
    replicas = await startReplicas({ env }, 3);
    const accessToken = await newAccessToken();
    const first = await logIn(accessToken);
    administratorId = (await claimsOf(first)).sub;
    await promote(replicaAt(0).app(), administratorId);
    administrator = { cookie: await logIn(accessToken), origin };
  });

  afterAll(async () => {
    await Promise.all((replicas ?? []).map((replica) => replica.stop()));
    await party?.side.stop();
    await databases?.drop();
    await redis?.remove();
  });

  function replicaAt(index: number): Replica {
    const replica = replicas[index % replicas.length];
    if (replica === undefined) {
      throw new RangeError('no replica is running');
    }
    return replica;
  }

  async function send(
    replica: number,
    line: string,
    headers: Headers = {},
    body?: string,
  ): Promise<Response> {
    const [method = 'GET', path = '/'] = line.split(' ');
    return rawRequest(replicaAt(replica).url, {
      method,
      path,
      headers: { host: new URL(origin).host, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  }

  async function logIn(accessToken: string, replica = 0): Promise<string> {
    const answer = await send(replica, 'POST /auth/login', jsonType, JSON.stringify({ accessToken }));
    return cookieOf(answer);
  }

  /** Of somebody who has just got an account at the provider. */
  async function newAccessToken(): Promise<string> {
    return (await party.tokens(new UserAgent(origin), await party.side.enrol())).access_token;
  }

  async function claimsOf(cookie: string): Promise<z.output<typeof claimsSchema>> {
    return sessionSchema.parse(await (await send(0, 'GET /auth/session', { cookie })).json()).claims;
  }

  async function exchange(replica: number, cookie: string): Promise<string> {
    const answer = await send(replica, 'POST /auth/token', { cookie, origin, ...formType }, sessionExchange);
    return answer.status === 200 ? bearerSchema.parse(await answer.json()).access_token : '';
  }

  /** An administrator who owns an organisation, has an API key, and is logged in on many devices. */
  async function newHolder(): Promise<Holder> {
    const accessToken = await newAccessToken();
    const cookie = await logIn(accessToken);
    const { sub: id } = await claimsOf(cookie);
    await promote(replicaAt(0).app(), id);
    const name = `Org ${randomBytes(4).toString('hex')}`;
    const made = await send(
      0,
      'POST /api/v1/orgs',
      { cookie, origin, ...jsonType },
      JSON.stringify({ name }),
    );
    const org = orgSchema.parse(await made.json());
    // Another owner: the last one could not be removed.
    const { query } = replicaAt(0).app().get(Database, { strict: false });
    await query
      .insertInto('memberships')
      .values({
        org_id: org.id,
        user_id: administratorId,
        role: 'owner',
        state: 'active',
        created_at: Date.now(),
      })
      .execute();
    const cookies = await Promise.all(Array.from({ length: atOnce }, (_, lane) => logIn(accessToken, lane)));
    const wish = JSON.stringify({ name: 'Key', scope: 'api', expiresAt: null });
    const key = await send(0, 'POST /api/v1/api-keys', { cookie, origin, ...jsonType }, wish);
    // Every cookie is outdated: the next request of each session is a renewal.
    await invalidate(id);
    const control = await exchange(0, cookie);
    return {
      id,
      accessToken,
      orgId: org.id,
      cookies,
      key: keySchema.parse(await key.json()).key,
      control,
    };
  }

  async function invalidate(userId: string): Promise<void> {
    await replicaAt(0).app().get(RevocationService, { strict: false }).invalidate('user', userId);
  }

  /** Everything that requests under way bring forth while a change happens, as credentials for `/auth/verify`. */
  async function underWay(holder: Holder, change: Change, after: number): Promise<Headers[]> {
    const { accessToken, orgId, cookies, key } = holder;
    let answered = 0;
    let begin: () => void = () => undefined;
    const turn = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const held: Headers[] = [];
    const keep = async (credential: Promise<Headers | undefined>): Promise<void> => {
      const found = await credential;
      if (found !== undefined) {
        held.push(found);
      }
      answered += 1;
      if (answered >= after) {
        begin();
      }
    };
    const asCookie = (answer: Response): Headers | undefined => {
      const cookie = cookieOf(answer);
      return cookie === '' ? undefined : { cookie };
    };
    const requests = cookies.flatMap((cookie, lane) => [
      keep(send(lane, `POST /api/v1/orgs/${orgId}/switch`, { cookie, origin }).then(asCookie)),
      keep(send(lane + 1, 'GET /auth/session', { cookie }).then(asCookie)),
      keep(
        exchange(lane + 2, cookie).then((token) =>
          token === '' ? undefined : { authorization: `Bearer ${token}` },
        ),
      ),
      keep(send(lane, 'POST /auth/login', jsonType, JSON.stringify({ accessToken })).then(asCookie)),
      keep(
        send(lane, 'GET /auth/verify', { 'x-api-key': key }).then((answer) => {
          const authorization = answer.headers.get('authorization');
          return authorization === null ? undefined : { authorization };
        }),
      ),
    ]);
    if (after === 0) {
      begin();
    }
    await Promise.all([...requests, turn.then(() => change.apply(holder))]);
    return [...held, ...cookies.map((cookie) => ({ cookie })), { 'x-api-key': key }];
  }

  async function isKnownEverywhere({ control }: Holder): Promise<boolean> {
    const answers = await Promise.all(
      replicas.map((_, index) => send(index, 'GET /api/v1/me', { authorization: `Bearer ${control}` })),
    );
    return answers.every(({ status }) => status === 401);
  }

  const administers = async (line: string, body?: unknown): Promise<void> => {
    const answer = await send(
      0,
      line,
      { ...administrator, ...(body === undefined ? {} : jsonType) },
      body === undefined ? undefined : JSON.stringify(body),
    );
    expect([200, 204]).toContain(answer.status);
  };

  const changes: readonly Change[] = [
    {
      name: 'a demotion',
      apply: ({ id }) => administers(`PATCH /api/v1/users/${id}`, { role: 'user' }),
      isOld: (headers) => headers.has('x-auth-roles'),
    },
    {
      name: 'a removal from the organisation',
      apply: ({ id, orgId }) => administers(`DELETE /api/v1/orgs/${orgId}/members/${id}`),
      isOld: (headers) => headers.has('x-auth-org-role'),
    },
    {
      name: 'a disabled account',
      apply: ({ id }) => administers(`POST /api/v1/users/${id}/disable`),
      isOld: () => true,
    },
    {
      name: 'a renamed organisation',
      apply: ({ orgId }) => administers(`PATCH /api/v1/orgs/${orgId}`, { slug: `s-${orgId.slice(-12)}` }),
      isOld: (headers, { orgId }) => headers.get('x-auth-org') !== `s-${orgId.slice(-12)}`,
    },
    {
      name: 'a deleted organisation',
      apply: ({ orgId }) => administers(`DELETE /api/v1/orgs/${orgId}`),
      isOld: (headers) => headers.has('x-auth-org-id'),
    },
  ];

  it.each(changes)(
    'after $name nothing states the old values, whatever was in progress [C01]',
    async (change) => {
      const old: string[] = [];
      let checked = 0;
      for (let round = 0; round < rounds; round += 1) {
        const holder = await newHolder();
        const held = await underWay(holder, change, (round * inAll) / rounds);
        await waitUntil(() => isKnownEverywhere(holder), 'the change to be known on every replica');
        const found = await Promise.all(
          held.flatMap((credential) =>
            replicas.map(async (_, replica) => {
              const { status, headers } = await send(replica, 'GET /auth/verify', credential);
              return status === 200 && change.isOld(headers, holder)
                ? Object.keys(credential).join()
                : undefined;
            }),
          ),
        );
        checked += found.length;
        old.push(
          ...new Set(found.filter((name) => name !== undefined).map((name) => `${name}, round ${round}`)),
        );
      }
      expect(checked).toBeGreaterThan(rounds * atOnce * 3);
      expect(old).toEqual([]);
    },
    480_000,
  );
});

/** Cookie header from what an answer sets; empty when it sets none. */
function cookieOf({ headers }: Response): string {
  return headers.getSetCookie().flatMap((text) => /^vestibule=[^;]+/.exec(text) ?? [])[0] ?? '';
}
