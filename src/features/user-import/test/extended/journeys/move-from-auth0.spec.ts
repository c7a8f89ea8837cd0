import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { findFreePorts } from '../../../../../launcher/port-finder.js';
import { blockRunBy } from '../../../../../../test/support/document.blocks.js';
import { type GatewayProcess, startGatewayProcess } from '../../../../../../test/support/gateway.process.js';
import { newSecret } from '../../../../../../test/support/gateway.js';
import { type OpenIdSide, startOpenIdSide } from '../../../../../../test/support/openid.driver.js';
import { type TestOry, startTestOry } from '../../../../../../test/support/ory.pool.js';
import { prepareOryDatabases } from '../../../../../../test/support/ory.template.js';
import { importedPassword, passwordHashes } from '../../../../../../test/support/password.hashes.js';
import { logIn } from '../../../../../../test/support/person.js';
import { ContractParty } from '../../../../../../test/support/provider.driver.js';
import { rawRequest } from '../../../../../../test/support/raw.request.js';
import { type ShellOutcome, shell } from '../../../../../../test/support/shell.js';
import { TestDatabases } from '../../../../../../test/support/test.database.js';
import { UserAgent } from '../../../../../../test/support/user-agent.js';

const limitMs = 240_000;
const program = fileURLToPath(new URL('../../../../../../dist/cli/main.js', import.meta.url));
const self = 'src/features/user-import/test/extended/journeys/move-from-auth0.spec.ts';
const page = 'docs/importing-users.md';
const documentedIssuer = 'https://example.eu.auth0.com/';

const meSchema = z.looseObject({ id: z.string(), role: z.string().optional() });
const keySchema = z.looseObject({ key: z.string() });
const orgSchema = z.looseObject({ id: z.string() });
const orgsSchema = z.looseObject({
  items: z.array(z.looseObject({ id: z.string(), role: z.string() })),
});

/** Somebody at Auth0. */
interface Auth0User {
  readonly oid: string;
  readonly email: string;
  readonly isVerified: boolean;
}

const person = (number: number, name: string, isVerified = true): Auth0User => ({
  oid: `60425dc43519d90068f8297${number}`,
  email: `${name}@example.org`,
  isVerified,
});
const ada = person(1, 'ada');
const bob = person(2, 'bob', false);
const chief = person(3, 'chief');
const carol = person(4, 'carol');

describe('a deployment on PostgreSQL', () => {
  let databases: TestDatabases;
  let folder: string;
  let origin: string;
  let auth0: OpenIdSide;
  let ory: TestOry;
  let gateway: GatewayProcess | undefined;
  let common: Readonly<Record<string, string>>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vestibule-move-'));
    const [port = 0] = await findFreePorts(1);
    origin = `http://localhost:${port}`;
    databases = new TestDatabases(inject('postgresUrl'));
    const dsn = await prepareOryDatabases(databases);
    auth0 = await startOpenIdSide('auth0', origin);
    ory = await startTestOry({ origin, dsn });
    common = {
      PUBLIC_URL: origin,
      DATA_DIR: folder,
      DATABASE_URL: await databases.create(),
      SECRETS: newSecret(),
      // The sign-up is closed: users who are imported need none.
      SIGNUP: 'closed',
      RATE_LIMIT: 'false',
    };
    await mkdir(join(folder, 'bin'));
    await writeFile(
      join(folder, 'bin', 'vestibule'),
      `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`,
    );
    await chmod(join(folder, 'bin', 'vestibule'), 0o755);
  }, limitMs);

  afterAll(async () => {
    await gateway?.stop();
    await auth0?.stop();
    await ory?.release();
    await databases?.drop();
    await rm(folder, { recursive: true, force: true });
  });

  const environmentOf = (provider: 'auth0' | 'ory'): Readonly<Record<string, string>> =>
    provider === 'auth0' ? { ...common, ...auth0.env } : { ...common, AUTH_PROVIDER: 'ory', ...ory.ory.env };

  async function switchTo(
    provider: 'auth0' | 'ory',
    extra: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await gateway?.stop();
    gateway = await startGatewayProcess({ ...environmentOf(provider), ...extra });
  }

  const newAgent = (): UserAgent => new UserAgent(origin, gateway?.url);

  /** Logs in at Auth0's own page. */
  async function loggedInAtAuth0({ oid, email, isVerified }: Auth0User): Promise<UserAgent> {
    const credentials = { login: `auth0|${oid}` };
    const member = {
      email,
      emailVerified: isVerified,
      name: email,
      picture: 'https://p.example.org/',
      credentials,
    };
    auth0.change(member, { sub: credentials.login, email, email_verified: isVerified, name: email });
    const agent = newAgent();
    await new ContractParty(auth0, origin).logIn(agent, member);
    return agent;
  }

  async function loggedIn({ email }: Auth0User): Promise<UserAgent> {
    const agent = newAgent();
    await logIn(agent, { email, password: importedPassword });
    return agent;
  }

  const meOf = async (agent: UserAgent): Promise<z.output<typeof meSchema>> =>
    meSchema.parse((await agent.fetch('/api/v1/me')).json());

  async function run(commands: string, env: Readonly<Record<string, string>>): Promise<ShellOutcome> {
    const path = `${join(folder, 'bin')}:${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;
    const outcome = await shell(commands, folder, { ...env, PATH: path });
    // Without the lines that are told every few seconds.
    return { ...outcome, stderr: outcome.stderr.replaceAll(/^.* …\n/gm, '') };
  }

  /** What Auth0's two exports hold: users, and their password hashes. */
  async function writeExports(users: readonly Auth0User[]): Promise<void> {
    const lines = (records: readonly object[]): Buffer =>
      gzipSync(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    await writeFile(
      join(folder, 'users.json.gz'),
      lines(
        users.map(({ oid, email, isVerified }) => ({
          user_id: `auth0|${oid}`,
          email,
          email_verified: isVerified,
          name: email,
          picture: 'https://p.example.org/',
          app_metadata: { role: 'admin' },
        })),
      ),
    );
    await writeFile(
      join(folder, 'passwords.json.gz'),
      lines(
        users.map(({ oid, email, isVerified }) => ({
          _id: { $oid: oid },
          email_verified: isVerified,
          email,
          passwordHash: passwordHashes['bcrypt 2b'],
          password_set_date: { $date: '2021-03-05T16:35:16.775Z' },
          tenant: 'example',
          connection: 'Username-Password-Authentication',
          _tmp_is_unique: true,
        })),
      ),
    );
  }

  it(
    'an operator moves from Auth0 to Ory: the same people log in with the same passwords, and keep ids, organisations and API keys',
    async () => {
      // A deployment under Auth0, in use. It was open when they came.
      await switchTo('auth0', { SIGNUP: 'open' });
      const adaBefore = await loggedInAtAuth0(ada);
      const org = orgSchema.parse((await adaBefore.post('/api/v1/orgs', { name: 'Engines' })).json());
      const { key } = keySchema.parse(
        (await adaBefore.post('/api/v1/api-keys', { name: 'Robot', scope: 'profile:read' })).json(),
      );
      const ids = {
        ada: (await meOf(adaBefore)).id,
        bob: (await meOf(await loggedInAtAuth0(bob))).id,
        chief: (await meOf(await loggedInAtAuth0(chief))).id,
      };
      expect(await run('vestibule users promote chief@example.org', environmentOf('auth0'))).toMatchObject({
        status: 0,
      });
      await writeExports([ada, bob, chief, carol]);

      // The import, by the commands of the page, while the gateway still runs under Auth0.
      const issuer = `${auth0.env['AUTH0_DOMAIN']}/`;
      const commands = blockRunBy(page, self, 'import').replaceAll(documentedIssuer, issuer);
      const imported = await run(commands, environmentOf('ory'));
      expect(imported).toEqual({
        status: 1,
        stdout:
          'line 3: they are an administrator here: give --administrators if you trust the file with that\n',
        stderr: '4 read: 1 created, 2 linked to their users, 0 imported before, 1 refused.\n',
      });
      const again = await run(
        blockRunBy(page, self, 'import again').replaceAll(documentedIssuer, issuer),
        environmentOf('ory'),
      );
      expect(again).toEqual({
        status: 0,
        stdout: '',
        stderr: '4 read: 0 created, 1 linked to their users, 3 imported before, 0 refused.\n',
      });
      expect((await adaBefore.fetch('/auth/session')).status).toBe(200);

      // The switch.
      await switchTo('ory');
      for (const [someone, id] of [
        [ada, ids.ada],
        [bob, ids.bob],
        [chief, ids.chief],
      ] as const) {
        expect(await meOf(await loggedIn(someone))).toMatchObject({
          id,
          email: someone.email,
          emailVerified: someone.isVerified,
        });
      }
      const adaNow = await loggedIn(ada);
      expect(orgsSchema.parse((await adaNow.fetch('/api/v1/orgs')).json()).items).toEqual([
        expect.objectContaining({ id: org.id, role: 'owner' }),
      ]);
      const headers = { host: new URL(origin).host, 'x-api-key': key };
      const byKey = await rawRequest(gateway?.url ?? '', { path: '/api/v1/me', headers });
      expect(meSchema.parse(await byKey.json()).id).toBe(ids.ada);

      // The administrator still is one, and the file has made no other.
      expect((await (await loggedIn(chief)).fetch('/api/v1/users')).status).toBe(200);
      for (const someone of [ada, carol]) {
        expect((await (await loggedIn(someone)).fetch('/api/v1/users')).status).toBe(403);
      }

      // Another password isn't taken, and nothing of the file was printed.
      const stranger = newAgent();
      await logIn(stranger, { email: ada.email, password: 'another horse' });
      expect((await stranger.fetch('/auth/session')).status).toBe(401);
      expect(JSON.stringify([imported, again, ory.log])).not.toContain('$2');
    },
    limitMs,
  );
});
