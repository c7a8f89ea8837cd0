import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { SignalKeys } from '../../src/features/signals/transmitter/signal-keys.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { databaseKinds } from '../support/database.kinds.js';
import { newSecret, startGateway, type Gateway } from '../support/gateway.js';
import { waitUntil } from '../support/stack.js';
import { type DatabaseKind, TestDatabases } from '../support/test.database.js';
import { secretsPath, makeSecrets } from '../../src/launcher/secret.store.js';
import { writePrivateFile } from '../../src/launcher/private-file.js';

const program = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command with this environment and nothing else of this process. */
async function vestibule(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): Promise<Outcome> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: tmpdir(),
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)));
  child.stderr.on('data', (chunk: Buffer) => (err += String(chunk)));
  await once(child, 'close');
  return { code: child.exitCode, out, err };
}

it('a login whose input ends without a code says what is missing', async () => {
  const outcome = await vestibule({ HOME: tmpdir() }, 'login', '--paste', '--url', 'http://localhost:9');
  expect(outcome.code).toBe(1);
  expect(outcome.err).toContain('That is not a code: it has 43 characters.');
});

interface Deployment {
  readonly gateway: Gateway;
  /** The environment of a shell beside it. */
  readonly env: Readonly<Record<string, string>>;
  statusOf(headers: Readonly<Record<string, string>>): Promise<number>;
}

/** A gateway that runs, for the tests of a block. */
function useGateway(kind: DatabaseKind): Deployment {
  let gateway: Gateway;
  let databases: TestDatabases;
  let env: Record<string, string>;

  beforeAll(async () => {
    databases = new TestDatabases(inject('postgresUrl'));
    const SECRETS = newSecret();
    gateway = await startGateway({
      SECRETS,
      ...(kind === 'postgres' ? { DATABASE_URL: await databases.create() } : {}),
    });
    env = {
      SECRETS,
      AUTH_PROVIDER: 'oidc',
      OIDC_ISSUER: 'http://127.0.0.1:9',
      OIDC_CLIENT_ID: 'c',
      OIDC_CLIENT_SECRET: 's',
      PUBLIC_URL: gateway.configuration.PUBLIC_URL,
      DATABASE_URL: gateway.configuration.DATABASE_URL,
    };
  });

  afterAll(async () => {
    await gateway?.stop();
    await databases?.drop();
  });

  return {
    get gateway() {
      return gateway;
    },
    get env() {
      return env;
    },
    statusOf: async (headers) => (await gateway.request('/api/v1/me', { headers })).status,
  };
}

describe.each(databaseKinds)('vestibule beside a running gateway on %s', (kind) => {
  const deployment = useGateway(kind);

  it('what a command does is in the audit trail when it has ended', async () => {
    const { claims } = await deployment.gateway.session();
    expect(await vestibule(deployment.env, 'revoke', 'session', claims.sid)).toMatchObject({ code: 0 });
    const events = await deployment.gateway.app
      .get(Database, { strict: false })
      .query.selectFrom('audit_events')
      .select(['type', 'reason'])
      .where('session_id', '=', claims.sid)
      .execute();
    expect(events).toEqual([{ type: 'session_ended', reason: 'ended_by_operator' }]);
  });

  it('keys rotate: the token stays good, and the list shows the states', async () => {
    const { bearer, cookie } = await deployment.gateway.session();
    expect(await vestibule(deployment.env, 'keys', 'rotate')).toMatchObject({ code: 0, err: '' });
    const { out } = await vestibule(deployment.env, 'keys', 'list');
    expect(out.match(/(?:current|next|retired)/g)?.sort()).toEqual(['current', 'next', 'retired']);
    expect([
      await deployment.statusOf({ authorization: bearer }),
      await deployment.statusOf({ cookie }),
    ]).toEqual([200, 200]);
  });

  it('keys revoke: what the key signed is refused within seconds', async () => {
    const { bearer } = await deployment.gateway.session();
    const kid = /^(\S+) .*current/m.exec((await vestibule(deployment.env, 'keys', 'list')).out)?.[1] ?? '';
    // The gateway may still sign with the one before: whichever signed this token is the one to go.
    const [header = ''] = bearer.replace('Bearer ', '').split('.');
    const signer = String(
      Reflect.get(Object(JSON.parse(Buffer.from(header, 'base64url').toString())), 'kid'),
    );
    expect(kid).toMatch(/^[\w-]{43}$/);
    expect(await vestibule(deployment.env, 'keys', 'revoke', '--', signer)).toMatchObject({ code: 0 });
    await waitUntil(
      async () => (await deployment.statusOf({ authorization: bearer })) === 401,
      'the key to be dead',
      8000,
    );
    expect(await vestibule(deployment.env, 'keys', 'revoke', '--', signer)).toMatchObject({
      code: 1,
      err: 'There is no such key, or it was revoked before.\n',
    });
  });

  it('keys list, rotate and revoke: those of security events too', async () => {
    const signals = deployment.gateway.app.get(SignalKeys, { strict: false });
    await signals.ensure();
    const { kid } = signals.signing();
    const list = async (): Promise<string> => (await vestibule(deployment.env, 'keys', 'list')).out;
    expect(await list()).toContain(`${kid}  RS256  current  `);
    expect(await vestibule(deployment.env, 'keys', 'rotate')).toMatchObject({ code: 0, err: '' });
    expect(await list()).toMatch(/RS256 {2}next/);
    expect(await vestibule(deployment.env, 'keys', 'revoke', '--', kid)).toMatchObject({
      code: 0,
      out: 'The key is revoked. Another one signs security events from now on.\n',
    });
    expect(await list()).not.toContain(kid);
    await waitUntil(async () => signals.signing().kid !== kid, 'the gateway to sign with another', 15_000);
    expect(signals.signing().alg).toBe('RS256');
  });

  it('revoke session, user, everything: refused within five seconds, and audited', async () => {
    const [one, two, three, four] = [
      await deployment.gateway.session(),
      await deployment.gateway.session(),
      await deployment.gateway.session(),
      await deployment.gateway.session(),
    ];
    expect((await vestibule(deployment.env, 'revoke', 'session', one.claims.sid)).out).toBe(
      'Sessions ended: 1.\n',
    );
    await waitUntil(async () => (await deployment.statusOf({ cookie: one.cookie })) === 401, 'one', 5000);
    expect(await deployment.statusOf({ cookie: two.cookie })).toBe(200);
    expect((await vestibule(deployment.env, 'revoke', 'user', two.user.id)).out).toBe('Sessions ended: 1.\n');
    await waitUntil(async () => (await deployment.statusOf({ cookie: two.cookie })) === 401, 'two', 5000);
    const tomorrow = new Date(Date.now() + 1).toISOString();
    expect((await vestibule(deployment.env, 'revoke', 'everything', '--before', tomorrow)).code).toBe(0);
    await waitUntil(
      async () => (await deployment.statusOf({ authorization: three.bearer })) === 401,
      'three',
      5000,
    );
    expect(await deployment.statusOf({ cookie: four.cookie })).toBe(401);
    expect(await deployment.statusOf({ cookie: (await deployment.gateway.session()).cookie })).toBe(200);
  });
});

describe('vestibule beside a running gateway', () => {
  const deployment = useGateway('sqlite');

  describe('users promote', () => {
    const rowOf = async (id: string) =>
      deployment.gateway.app
        .get(Database, { strict: false })
        .query.selectFrom('users')
        .select(['role', 'disabled_at'])
        .where('id', '=', id)
        .executeTakeFirstOrThrow();

    it('makes the first administrator by their verified address, at once, and audited; another only with --another', async () => {
      const [first, second] = [await deployment.gateway.session(), await deployment.gateway.session()];
      expect(
        await vestibule(deployment.env, 'users', 'promote', first.user.email?.toUpperCase() ?? ''),
      ).toEqual({
        code: 0,
        out: 'The user is an administrator now.\n',
        err: '',
      });
      await waitUntil(
        async () =>
          (await deployment.gateway.request('/api/v1/users', { headers: { cookie: first.cookie } }))
            .status === 200,
        'the session to say so',
        5000,
      );
      const events = await deployment.gateway.app
        .get(Database, { strict: false })
        .query.selectFrom('audit_events')
        .select(['type', 'reason', 'actor_credential'])
        .where('user_id', '=', first.user.id)
        .where('actor_credential', '=', 'operator')
        .execute();
      expect(events).toEqual([
        { type: 'administrator_created', reason: 'by_operator', actor_credential: 'operator' },
      ]);
      expect(await vestibule(deployment.env, 'users', 'promote', first.user.id)).toMatchObject({
        code: 0,
        out: 'This user is an administrator already.\n',
      });
      expect(await vestibule(deployment.env, 'users', 'promote', second.user.id)).toMatchObject({
        code: 1,
        err: expect.stringContaining('add --another'),
      });
      expect((await rowOf(second.user.id)).role).toBe('user');
      expect(await vestibule(deployment.env, 'users', 'promote', '--another', second.user.id)).toMatchObject({
        code: 0,
      });
      expect((await rowOf(second.user.id)).role).toBe('admin');
    });

    it('makes no administrator of a user of an organisation’s connection', async () => {
      const { user } = await deployment.gateway.session();
      const { query } = deployment.gateway.app.get(Database, { strict: false });
      await query
        .updateTable('identities')
        .set({ issuer: 'urn:vestibule:connection:01980000-0000-7000-8000-000000000000' })
        .where('user_id', '=', user.id)
        .execute();
      expect(await vestibule(deployment.env, 'users', 'promote', '--another', user.id)).toMatchObject({
        code: 1,
        err: expect.stringContaining('can’t vouch for an administrator'),
      });
      expect((await rowOf(user.id)).role).toBe('user');
    });

    it('takes no address that is not verified, or that several have, and no id of nobody', async () => {
      const email = 'claimed@example.test';
      await deployment.gateway.session({ email, emailVerified: false });
      expect(await vestibule(deployment.env, 'users', 'promote', email)).toMatchObject({
        code: 1,
        err: expect.stringContaining('The user of this address has not verified it.'),
      });
      await deployment.gateway.session({ email, emailVerified: true });
      await deployment.gateway.session({ email, emailVerified: true });
      expect(await vestibule(deployment.env, 'users', 'promote', email)).toMatchObject({
        code: 1,
        err: expect.stringContaining('Several users'),
      });
      expect(
        await vestibule(deployment.env, 'users', 'promote', '01980000-0000-7000-8000-000000000000'),
      ).toMatchObject({
        code: 1,
        err: 'There is no user of that id.\n',
      });
    });
  });

  it.each([
    [['revoke', 'session', 'x'], 'It must be a UUID.'],
    [['revoke', 'everything', '--before', 'yesterday'], 'It must be a time such as'],
    [['revoke', 'session', '01980000-0000-7000-8000-000000000000'], 'There is no live session of that id.'],
    [['unknown'], "unknown command 'unknown'"],
  ])('%j says what is wrong and changes nothing', async (args, message) => {
    const outcome = await vestibule(deployment.env, ...args);
    expect([outcome.code, outcome.out]).toEqual([1, '']);
    expect(outcome.err).toContain(message);
  });

  it('wrong settings and a database that is away are told apart by the exit code, without a stack', async () => {
    const wrong = await vestibule({ ...deployment.env, SECRETS: 'short' }, 'keys', 'list');
    expect(wrong.code).toBe(78);
    expect(wrong.err).toContain('SECRETS');
    const away = await vestibule(
      { ...deployment.env, DATABASE_URL: 'postgres://x@127.0.0.1:9/x' },
      'keys',
      'list',
    );
    expect([away.code, away.err]).toEqual([78, expect.stringContaining('Check DATABASE_URL')]);
    expect(away.err).not.toContain('    at ');
  });
});

describe('vestibule in an embedded checkout', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vestibule-cli-'));
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('says that nothing has been started yet, and makes nothing', async () => {
    const outcome = await vestibule({ DATA_DIR: folder }, 'keys', 'list');
    expect(outcome).toMatchObject({ code: 78, out: '' });
    expect(outcome.err).toContain('run npm start first');
  });

  it('reads the secrets that npm start has made', async () => {
    await writePrivateFile(secretsPath(folder), JSON.stringify(makeSecrets()));
    const outcome = await vestibule({ DATA_DIR: folder }, 'keys', 'list');
    expect(outcome).toMatchObject({ code: 0, err: '' });
    expect(outcome.out.trim().split('\n')).toHaveLength(2);
  });
});
