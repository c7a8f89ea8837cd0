import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp } from '../support/oauth.app.js';
import { prepareRelease } from '../support/releases.js';
import { type OryStack, startOry } from '../../src/launcher/ory-stack.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type GatewayProcess, startGatewayProcess } from '../support/gateway.process.js';
import { OryAdmin } from '../support/ory.admin.js';
import { giveSigningKeys, silentProgress } from '../support/ory.template.js';
import { type Person, logIn, newPerson } from '../support/person.js';
import { rawRequest } from '../support/raw.request.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { waitUntil } from '../support/stack.js';
import { TestDatabases } from '../support/test.database.js';
import { UserAgent } from '../support/user-agent.js';

/** The first time, the release is installed and built. */
const preparationLimitMs = 1_200_000;
const limitMs = 240_000;
/** Milliseconds within which a replica knows of an end that SQL has: a poll and a reading. */
const soon = 5000;
/** Requests and logins of each version while both run. */
const rounds = 3;

const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const keysSchema = z.looseObject({ keys: z.array(z.looseObject({ kid: z.string() })) });
const eventsSchema = z.looseObject({ items: z.array(z.looseObject({ id: z.string(), type: z.string() })) });

let databases: TestDatabases;
let redis: RedisServer;
let ory: OryStack;
let dataDir: string | undefined;
let origin: string;
let env: Readonly<Record<string, string>>;
let oldProgram: string;
const running = new Set<GatewayProcess>();

beforeAll(async () => {
  oldProgram = join(await prepareRelease('0.3.0'), 'dist', 'main.js');
  databases = new TestDatabases(inject('postgresUrl'));
  redis = await startRedis(inject('redisServerPath'));
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-upgrade-'));
  dataDir = folder;
  const [port = 0] = await findFreePorts(1);
  origin = `http://localhost:${port}`;
  const dsn = { kratos: await databases.create(), hydra: await databases.create() };
  ory = await startOry({
    dataDir: folder,
    publicUrl: origin,
    environment: process.env,
    dsn,
    log: () => undefined,
    progress: silentProgress,
  });
  await giveSigningKeys(ory.env['HYDRA_ADMIN_URL'] ?? '');
  env = {
    PUBLIC_URL: origin,
    DATA_DIR: folder,
    DATABASE_URL: await databases.create(),
    REDIS_URL: redis.url,
    SECRETS: randomBytes(32).toString('hex'),
    DEMO: 'true',
    // Everybody in a test has one address.
    RATE_LIMIT: 'false',
    ADMIN_EMAIL: chief.email,
    ADMIN_PASSWORD: chief.password,
    ...ory.env,
  };
}, preparationLimitMs);

afterAll(async () => {
  await Promise.all([...running].map((gateway) => gateway.stop()));
  await ory?.stop();
  await redis?.remove();
  await databases?.drop();
  if (dataDir !== undefined) {
    await rm(dataDir, { recursive: true, force: true });
  }
});

const chief = newPerson();

async function startVersion(program?: string): Promise<GatewayProcess> {
  const gateway = await startGatewayProcess(env, [], program);
  running.add(gateway);
  return gateway;
}

async function stopVersion(gateway: GatewayProcess): Promise<void> {
  running.delete(gateway);
  await gateway.stop();
}

/** A browser in which somebody has logged in at this replica. */
async function loggedIn(
  { url }: GatewayProcess,
  person: Pick<Person, 'email' | 'password'>,
): Promise<UserAgent> {
  const agent = new UserAgent(origin, url);
  await logIn(agent, person);
  expect(await statusOf(agent)).toBe(200);
  return agent;
}

const statusOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;
const userOf = async (agent: UserAgent): Promise<string> =>
  sessionSchema.parse((await agent.fetch('/auth/session')).json()).user.id;

/** How a replica answers a key. */
async function answerTo(key: string, { url }: GatewayProcess): Promise<number> {
  const headers = { host: new URL(origin).host, 'x-api-key': key };
  return (await rawRequest(url, { path: '/api/v1/me', headers })).status;
}

async function signingKeysAt({ url }: GatewayProcess): Promise<string[]> {
  const answer = await rawRequest(url, {
    path: '/.well-known/jwks.json',
    headers: { host: new URL(origin).host },
  });
  return keysSchema.parse(await answer.json()).keys.map(({ kid }) => kid);
}

/** Registers a program that logs users in. */
async function register(administrator: UserAgent): Promise<OAuthApp> {
  const redirectUri = 'https://wiki.example.test/callback';
  const answer = await administrator.post('/api/v1/applications', {
    name: 'Wiki',
    kind: 'web',
    redirectUris: [redirectUri],
    firstParty: true,
  });
  const { id, clientSecret } = z
    .looseObject({ id: z.string(), clientSecret: z.string() })
    .parse(answer.json());
  return new OAuthApp(origin, { id, secret: clientSecret }, redirectUri);
}

async function trailOf(agent: UserAgent): Promise<{ id: string; type: string }[]> {
  return eventsSchema.parse((await agent.fetch('/api/v1/audit-events?limit=100')).json()).items;
}

it(
  'an operator updates 0.3.0 with both versions running: nobody loses an account, session or key, and applications know each user as before; the old version then refuses to start, and the new one goes on',
  async () => {
    const ada = newPerson();
    const bob = newPerson();
    for (const person of [ada, bob]) {
      await new OryAdmin(ory.env).createPerson(person, { isVerified: true });
    }

    // A deployment of that release, in use.
    const old = await startVersion(oldProgram);
    const adasBrowser = await loggedIn(old, ada);
    const chiefsBrowser = await loggedIn(old, chief);
    const ada1 = await userOf(adasBrowser);
    const made = await adasBrowser.post('/api/v1/api-keys', { name: 'Robot', scope: 'profile:read' });
    const { key } = z.looseObject({ key: z.string() }).parse(made.json());
    const org = z
      .looseObject({ id: z.string() })
      .parse((await adasBrowser.post('/api/v1/orgs', { name: 'Analytical Engines' })).json());
    const { url: inviteUrl } = z
      .looseObject({ url: z.string() })
      .parse((await adasBrowser.post(`/api/v1/orgs/${org.id}/invites`, {})).json());
    const wiki = await register(chiefsBrowser);
    const subjectAt = async (replica: GatewayProcess): Promise<string | undefined> => {
      const tokens = await wiki.login(adasBrowser.turnTo(replica.url), { audience: undefined });
      return decodeJwt(tokens.id_token ?? '').sub;
    };
    const subject = await subjectAt(old);
    const keysBefore = await signingKeysAt(old);
    // The audit trail may be written a moment later than it answers.
    const wanted = ['login_succeeded', 'api_key_created', 'administrator_created'];
    await waitUntil(async () => {
      const types = new Set((await trailOf(chiefsBrowser)).map(({ type }) => type));
      return wanted.every((type) => types.has(type));
    }, 'the audit trail of the old version');
    const trailBefore = await trailOf(chiefsBrowser);

    // The first replica of this version, beside it: every user who is logged in stays so, at both.
    const current = await startVersion();
    for (const replica of [current, old, current]) {
      expect(await statusOf(adasBrowser.turnTo(replica.url))).toBe(200);
      expect(await answerTo(key, replica)).toBe(200);
      expect(await signingKeysAt(replica)).toEqual(keysBefore);
    }
    expect(await userOf(adasBrowser)).toBe(ada1);
    expect([await subjectAt(current), await subjectAt(old)]).toEqual([subject, subject]);
    const trail = await trailOf(chiefsBrowser.turnTo(current.url));
    expect(trail.map(({ id }) => id)).toEqual(expect.arrayContaining(trailBefore.map(({ id }) => id)));

    // A logout at one holds at the other.
    for (const [replica, other] of [
      [old, current],
      [current, old],
    ] as const) {
      const browser = await loggedIn(replica, bob);
      const copy = new UserAgent(origin, other.url);
      for (const cookie of await browser.jar.getCookies(origin)) {
        await copy.jar.setCookie(cookie, origin);
      }
      expect(await statusOf(copy)).toBe(200);
      expect((await browser.turnTo(replica.url).post('/auth/logout', {})).status).toBe(200);
      await waitUntil(async () => (await statusOf(copy)) === 401, 'the other version to know the end', soon);
    }

    // Both take logins and requests for a while, and what one ends is ended at the other.
    const inTurns = async (replica: GatewayProcess, other: GatewayProcess): Promise<void> => {
      for (let round = 0; round < rounds; round += 1) {
        const browser = await loggedIn(replica, bob);
        expect(await answerTo(key, replica)).toBe(200);
        const revoked = await browser.post('/api/v1/api-keys', {
          name: `Key ${round}`,
          scope: 'profile:read',
        });
        const made = z.looseObject({ id: z.string(), key: z.string() }).parse(revoked.json());
        expect(await answerTo(made.key, other)).toBe(200);
        const gone = await browser.fetch(`/api/v1/api-keys/${made.id}`, {
          method: 'DELETE',
          headers: { origin },
        });
        expect(gone.status).toBe(204);
        await waitUntil(
          async () => (await answerTo(made.key, other)) === 401,
          'the other version to refuse the key',
        );
      }
    };
    await Promise.all([inTurns(old, current), inTurns(current, old)]);

    // The invite of before is accepted at the new version.
    const bobsBrowser = await loggedIn(current, bob);
    const token = new URL(inviteUrl).searchParams.get('invite') ?? '';
    expect((await bobsBrowser.post('/api/v1/invites/redeem', { token })).status).toBe(200);

    // The old version goes; the new one is alone.
    await stopVersion(old);
    expect(await statusOf(adasBrowser.turnTo(current.url))).toBe(200);

    // Back again: the old version knows nothing of later migrations. It says so, and changes nothing.
    await stopVersion(current);
    const refused = spawnSync(process.execPath, [oldProgram], {
      env: { PATH: process.env['PATH'], ...env, PORT: new URL(old.url).port },
      encoding: 'utf8',
      timeout: limitMs,
    });
    expect([refused.status, refused.stderr]).toEqual([
      78,
      expect.stringContaining('The database was made by a newer version of Vestibule.'),
    ]);
    const again = await startVersion();
    expect(await statusOf(adasBrowser.turnTo(again.url))).toBe(200);
    expect(await userOf(adasBrowser)).toBe(ada1);
    expect(await subjectAt(again)).toBe(subject);
    expect(await answerTo(key, again)).toBe(200);
    expect(await signingKeysAt(again)).toEqual(keysBefore);
    expect(await statusOf(bobsBrowser.turnTo(again.url))).toBe(200);
    expect((await bobsBrowser.fetch(`/api/v1/orgs/${org.id}`)).status).toBe(200);
    expect((await trailOf(chiefsBrowser.turnTo(again.url))).map(({ type }) => type)).toContain(
      'invite_redeemed',
    );
  },
  limitMs,
);
