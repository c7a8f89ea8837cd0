import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Database } from '../../../../platform/database/database.schema.js';
import { UsersService } from '../../../../directory/users/users.service.js';
import { promote } from '../../../../../test/support/administrator.js';
import { type Outcome, startCli } from '../../../../../test/support/cli.process.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import {
  firebaseProject,
  importedPassword,
  keycloakCredential,
  passwordHashes,
} from '../../../../../test/support/password.hashes.js';
import { logIn } from '../../../../../test/support/person.js';
import { type Stack, startStack, waitUntil } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const program = fileURLToPath(new URL('../../../../../dist/cli/main.js', import.meta.url));
const bcrypt = passwordHashes['bcrypt 2b'];
const identitiesSchema = z.array(
  z.looseObject({ id: z.string(), traits: z.looseObject({ email: z.string() }), state: z.string() }),
);

let stack: Stack;
let folder: string;
/** All that the commands have printed. */
let printed = '';

beforeAll(async () => {
  // Of its own: what is imported is counted, and addresses are taken once.
  stack = await startStack({ ownOry: true, env: { SIGNUP: 'closed' } });
  folder = await mkdtemp(join(tmpdir(), 'vestibule-import-'));
});

afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

interface Line {
  readonly id: string;
  readonly email: string;
  readonly [member: string]: unknown;
}

/** A line of our own format, for a user of an address that no other test uses. */
function lineOf(extra: Readonly<Record<string, unknown>> = {}): Line {
  const id = randomBytes(6).toString('hex');
  return {
    id,
    email: `import-${id}@example.org`,
    emailVerified: true,
    name: 'Ada',
    passwordHash: bcrypt,
    ...extra,
  };
}

const textOf = (lines: readonly unknown[]): string =>
  lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');

async function fileOf(content: string | Buffer): Promise<string> {
  const path = join(folder, randomBytes(6).toString('hex'));
  await writeFile(path, content);
  return path;
}

const environment = (): Record<string, string> => ({ ...stack.env, HOME: folder });

async function runImport(content: string | Buffer, ...options: readonly string[]): Promise<Outcome> {
  const outcome = await startCli(environment(), 'users', 'import', ...options, await fileOf(content)).end();
  printed += outcome.out + outcome.err;
  return { ...outcome, err: withoutProgress(outcome.err) };
}

/** Leaves out the lines that are told every few seconds. */
function withoutProgress(text: string): string {
  return text.replaceAll(/^.* …\n/gm, '');
}

const counts = (created: number, linked: number, skipped: number, refused: number): string =>
  `${created + linked + skipped + refused} read: ${created} created, ${linked} linked to their users, ${skipped} imported before, ${refused} refused`;

const query = (): Database['query'] => stack.app().get(Database, { strict: false }).query;

/** The local users of an address. */
const usersOf = async (email: string) =>
  query().selectFrom('users').selectAll().where('email', '=', email).execute();

async function identitiesAtKratos(email: string): Promise<z.output<typeof identitiesSchema>> {
  const identifier = new URLSearchParams({ credentials_identifier: email });
  const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities?${identifier}`);
  return identitiesSchema.parse(await answer.json());
}

/** What the session of a login by the pages says; nothing if it was refused. */
async function sessionAfterLogin(email: string, password = importedPassword): Promise<unknown> {
  const agent = new UserAgent(stack.url);
  await logIn(agent, { email, password });
  const session = await agent.fetch('/auth/session');
  return session.status === 200 ? session.json() : undefined;
}

/** What Kratos answers to a password, without the pages. */
async function statusAtKratos(identifier: string, password: string): Promise<number> {
  const login = `${stack.env['KRATOS_PUBLIC_URL']}/self-service/login`;
  const { id } = z.looseObject({ id: z.string() }).parse(await (await fetch(`${login}/api`)).json());
  const answer = await fetch(`${login}?flow=${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ method: 'password', identifier, password }),
  });
  return answer.status;
}

describe('each kind of hash', () => {
  const lines = Object.entries(passwordHashes).map(([kind, passwordHash]) => ({
    kind,
    line: lineOf({ passwordHash }),
  }));

  beforeAll(async () => {
    const outcome = await runImport(textOf(lines.map(({ line }) => line)));
    expect(outcome).toEqual({ code: 0, out: '', err: `${counts(lines.length, 0, 0, 0)}.\n` });
  });

  it('the user logs in by the pages, with what the line says of them', async () => {
    const [{ line } = { line: lineOf() }] = lines;
    expect(await sessionAfterLogin(line.email)).toMatchObject({
      user: { email: line.email, emailVerified: true, name: 'Ada' },
    });
    expect(await sessionAfterLogin(line.email, 'another horse')).toBeUndefined();
  });

  it.each(lines)('$kind: Kratos takes the password, and no other', async ({ line }) => {
    expect(await statusAtKratos(line.email, importedPassword)).toBe(200);
    expect(await statusAtKratos(line.email, 'another horse')).toBe(400);
  });
});

describe('the exports of other systems', () => {
  it('our own format, as the page prints it', async () => {
    const line = blockRunBy(
      'docs/importing-users.md',
      'src/features/user-import/test/extended/user-import.spec.ts',
      'own format',
    );
    expect(await runImport(line)).toEqual({ code: 0, out: '', err: `${counts(1, 0, 0, 0)}.\n` });
    expect(await sessionAfterLogin('ada@example.org')).toMatchObject({ user: { emailVerified: true } });
  });

  it('Keycloak: a realm’s export', async () => {
    const kinds = ['pbkdf2-sha256', 'pbkdf2-sha512', 'argon2'] as const;
    const users = kinds.map((kind, index) => ({
      ...lineOf({ passwordHash: undefined, name: undefined }),
      username: kind,
      enabled: index < 2,
      firstName: 'Ada',
      lastName: 'Lovelace',
      realmRoles: ['admin'],
      credentials: [{ type: 'otp', secretData: '{}', credentialData: '{}' }, keycloakCredential(kind)],
    }));
    const service = { id: 'a-client', username: 'service-account-a', serviceAccountClientId: 'a' };
    const realm = {
      realm: 'example',
      clients: [{ users: [{ id: 'no user' }] }, '"users": ['],
      users: [...users, service],
      roles: {},
    };
    expect(await runImport(JSON.stringify(realm, undefined, 2))).toEqual({
      code: 1,
      out: 'user 4: it is the account of a client, and not of a person\n',
      err: `${counts(3, 0, 0, 1)}.\n`,
    });
    for (const { email, enabled } of users) {
      const session = await sessionAfterLogin(email);
      expect(session === undefined).toBe(!enabled);
      expect((await usersOf(email))[0]).toMatchObject({ name: 'Ada Lovelace', role: 'user' });
    }
    expect((await usersOf(users[2]?.email ?? ''))[0]?.disabled_at).not.toBeNull();
  });

  it('Firebase: auth:export, with the hash parameters as the console shows them', async () => {
    const { id: localId, email } = lineOf();
    const { salt, passwordHash } = firebaseProject;
    const user = { localId, email, emailVerified: false, passwordHash, salt, displayName: 'Ada' };
    // As firebase-tools writes it.
    const content = `{"users": [\n${JSON.stringify(user, undefined, 2)}]}`;
    expect(await runImport(content)).toMatchObject({
      code: 1,
      out: 'user 1: it has a password, and --firebase-hash-config is not given\n',
    });
    const parameters = await fileOf(firebaseProject.parameters);
    expect(await runImport(content, '--firebase-hash-config', parameters)).toEqual({
      code: 0,
      out: '',
      err: `${counts(1, 0, 0, 0)}.\n`,
    });
    expect(await sessionAfterLogin(email)).toMatchObject({ user: { emailVerified: false, name: 'Ada' } });
  });

  it('Auth0: the export of hashes alone, also in its newer form; users of a social login only where asked for', async () => {
    const [old, newer, social] = [lineOf(), lineOf(), lineOf()];
    const content = textOf([
      { _id: { $oid: old.id }, email: old.email, email_verified: true, passwordHash: bcrypt, tenant: 't' },
      {
        _id: { $oid: 'of no use' },
        alt_id: newer.id,
        passwordHash: bcrypt,
        identifiers: [{ type: 'email', value: newer.email, verified: true }],
      },
    ]);
    expect(await runImport(content)).toMatchObject({ code: 0, err: `${counts(2, 0, 0, 0)}.\n` });
    for (const { email } of [old, newer]) {
      expect(await sessionAfterLogin(email)).toMatchObject({ user: { emailVerified: true } });
    }
    const profile = textOf([
      { user_id: `google-oauth2|${social.id}`, email: social.email, email_verified: true, name: 'Ada' },
    ]);
    expect(await runImport(profile)).toMatchObject({
      code: 1,
      out: 'line 1: it has no password, because Auth0 exports the hashes in a file of their own: give that file as --passwords, or --without-password to import users without one\n',
    });
    const hashes = await fileOf(
      textOf([{ _id: { $oid: old.id }, email: old.email, passwordHash: bcrypt, tenant: 't' }]),
    );
    expect(await runImport(profile, '--passwords', hashes)).toMatchObject({
      code: 1,
      out: 'line 1: the file of --passwords has no hash for it: give --without-password to import it nevertheless\n',
    });
    expect(await runImport(profile, '--without-password')).toMatchObject({ code: 0 });
    expect(await usersOf(social.email)).toHaveLength(1);
  });

  it('a file that is none of them is refused', async () => {
    expect(await runImport('id,email\n1,a@example.org\n')).toMatchObject({
      code: 1,
      out: '',
      err: `The file looks like CSV: export the users as JSON.\n${counts(0, 0, 0, 0)}.\n`,
    });
    // Also from a pipe that stays open.
    const child = spawn(process.execPath, [program, 'users', 'import'], {
      env: { PATH: process.env['PATH'] ?? '', ...environment() },
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined).write('id,email\n');
    expect(await once(child, 'exit')).toEqual([1, null]);
    expect(await runImport('\n')).toEqual({
      code: 1,
      out: '',
      err: `The file has no users.\n${counts(0, 0, 0, 0)}.\n`,
    });
    expect(await runImport('{"realm": "x",\n "roles": {}}')).toMatchObject({ code: 1 });
    expect(await startCli(environment(), 'users', 'import', join(folder, 'nothing')).end()).toMatchObject({
      code: 1,
      err: expect.stringContaining("can't be read"),
    });
    expect(
      await startCli(
        {
          ...environment(),
          AUTH_PROVIDER: 'auth0',
          AUTH0_DOMAIN: 'a.example',
          AUTH0_CLIENT_ID: 'a',
          AUTH0_CLIENT_SECRET: 'b',
        },
        'users',
        'import',
        await fileOf(''),
      ).end(),
    ).toMatchObject({ code: 1, err: expect.stringContaining('set AUTH_PROVIDER=ory') });
  });
});

describe('again, and after a break', () => {
  it('a dry run tells what would become of each line, and writes nothing', async () => {
    const [imported, fresh, repeated, passwordless] = [lineOf(), lineOf(), lineOf(), lineOf()];
    const taken = lineOf();
    await runImport(textOf([imported]));
    await new OryAdmin(stack.env).createIdentity({
      traits: { email: taken.email },
      credentials: { password: { config: { password: importedPassword } } },
    });
    const lines = [
      imported,
      fresh,
      { ...repeated, email: fresh.email },
      { ...passwordless, passwordHash: null },
      taken,
    ];
    const before = await query().selectFrom('users').select('id').execute();

    const rehearsed = await runImport(textOf(lines), '--dry-run');

    expect(rehearsed).toEqual({
      code: 1,
      out: [
        'line 1: was imported before\n',
        'line 2: would be created\n',
        'line 3: it has the same e-mail address as line 2\n',
        'line 4: it has no password: give --without-password to import it nevertheless\n',
        'line 5: another identity at Kratos has this address\n',
      ].join(''),
      err: `A dry run: nothing was written.\n${counts(1, 0, 1, 3)}.\n`,
    });
    expect(await query().selectFrom('users').select('id').execute()).toEqual(before);
    expect(await identitiesAtKratos(fresh.email)).toEqual([]);
    expect(await runImport(textOf(lines))).toMatchObject({ err: `${counts(1, 0, 1, 3)}.\n` });
  });

  it('users who were imported are in the audit trail, skipped the next time, and keep what they have changed', async () => {
    const line = lineOf();
    expect(await runImport(textOf([line]))).toMatchObject({ code: 0 });
    const [user] = await usersOf(line.email);
    const events = await query()
      .selectFrom('audit_events')
      .select(['type', 'reason', 'actor_id', 'actor_credential'])
      .where('user_id', '=', user?.id ?? '')
      .execute();
    expect(events).toEqual([
      { type: 'user_created', reason: 'by_import', actor_id: null, actor_credential: 'operator' },
    ]);
    const changed = { ...line, email: `other-${line.email}`, passwordHash: passwordHashes.MD5 };
    expect(await runImport(textOf([changed]))).toMatchObject({ code: 0, err: `${counts(0, 0, 1, 0)}.\n` });
    expect(await identitiesAtKratos(changed.email)).toEqual([]);
    expect(await sessionAfterLogin(line.email)).toMatchObject({ user: { email: line.email } });
  });

  it('an identity that Kratos has, and that was not linked before the break, is linked', async () => {
    const line = lineOf();
    await addImported(line);
    const others = Array.from({ length: 5 }, () => lineOf());
    expect(await runImport(textOf([...others.slice(2), line, ...others.slice(0, 2)]))).toEqual({
      code: 0,
      out: '',
      err: `${counts(6, 0, 0, 0)}.\n`,
    });
    for (const { email } of [line, ...others]) {
      const users = await usersOf(email);
      expect(users).toHaveLength(1);
      expect(await sessionAfterLogin(email)).toMatchObject({ user: { id: users[0]?.id } });
    }
  });

  it('so is one that is alone in the file', async () => {
    const line = lineOf();
    const subject = await addImported(line);
    expect(await runImport(textOf([line]))).toEqual({ code: 0, out: '', err: `${counts(1, 0, 0, 0)}.\n` });
    expect(await identitiesAtKratos(line.email)).toEqual([expect.objectContaining({ id: subject })]);
    expect(await usersOf(line.email)).toHaveLength(1);
  });

  it('an identity that was used before it was linked is kept, and reported as such', async () => {
    const line = lineOf();
    const subject = await addImported(line);
    const userId = await addUser('urn:ory:kratos', subject, line.email);
    const next = lineOf();
    expect(await runImport(textOf([line, next]))).toEqual({
      code: 1,
      out: 'line 1: they have logged in at Kratos before they were linked: delete the user that this made, and run again\n',
      err: `${counts(1, 0, 0, 1)}.\n`,
    });
    expect(await sessionAfterLogin(line.email)).toMatchObject({ user: { id: userId } });
  });

  it('an identity that was not linked before its address was taken is deleted', async () => {
    const line = lineOf();
    await addImported(line);
    await addUser('urn:ory:kratos', 'another', line.email);
    expect(await runImport(textOf([line]))).toEqual({
      code: 1,
      out: 'line 1: another user here has this address, verified\n',
      err: `${counts(0, 0, 0, 1)}.\n`,
    });
    expect(await identitiesAtKratos(line.email)).toEqual([]);
  });

  /** Starts an import that has lines to go on with, and waits until a batch is there. */
  async function begin(lines: readonly Line[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [program, 'users', 'import'], {
      env: { PATH: process.env['PATH'] ?? '', ...environment() },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdout?.on('data', (chunk: Buffer) => (printed += String(chunk)));
    child.stderr?.on('data', (chunk: Buffer) => (printed += String(chunk)));
    // Its input stays open: it never gets to an end.
    child.stdin?.on('error', () => undefined).write(textOf(lines));
    await waitUntil(async () => (await usersOf(lines[0]?.email ?? '')).length === 1, 'a batch');
    return child;
  }

  it.each(['SIGKILL', 'SIGINT'] as const)(
    'after %s the next run does the rest, and nothing twice',
    async (signal) => {
      const lines = Array.from({ length: 600 }, () => lineOf());
      const child = await begin(lines);
      const closed = once(child, 'close');
      child.kill(signal);
      child.stdin?.end();
      await closed;
      const { code, err } = await runImport(textOf(lines));
      expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^600 read: \d+ created/) });
      const [, created = '0', skipped = '0'] = /(\d+) created.* (\d+) imported before/.exec(err) ?? [];
      expect(Number(created) + Number(skipped)).toBe(600);
      expect(Number(skipped)).toBeGreaterThan(0);
      const ids = lines.map(({ id }) => id);
      const identities = await query()
        .selectFrom('identities as old')
        .innerJoin('identities as moved', 'moved.user_id', 'old.user_id')
        .where('old.issuer', '=', 'urn:vestibule:import')
        .where('moved.issuer', '=', 'urn:ory:kratos')
        .where('old.subject', 'in', ids)
        .select(['old.subject', 'moved.subject as moved'])
        .execute();
      expect(identities).toHaveLength(600);
      expect(new Set(identities.map(({ moved }) => moved)).size).toBe(600);
      expect(await sessionAfterLogin(lines[599]?.email ?? '')).toBeDefined();
    },
  );
});

describe('a malicious file', () => {
  const refusedLines: readonly (readonly [string, unknown, string])[] = [
    ['a line of 100 MB', `{"id":"${'a'.repeat(100_000_000)}"}`, 'it has more than 1048576 bytes'],
    ['no JSON', '{"id": "1", ', "it isn't JSON"],
    ['a list', [], 'must be a JSON object'],
    ['null', 'null', 'must be a JSON object'],
    ['a role', lineOf({ role: 'admin' }), 'role: is not known'],
    ['metadata', lineOf({ metadata_admin: { vestibule: 'administrator' } }), 'metadata_admin: is not known'],
    [
      'a prototype',
      '{"__proto__": {"emailVerified": true}, "id": "1", "email": "p@example.org"}',
      '__proto__: is not known',
    ],
    [
      'a constructor',
      '{"constructor": {"prototype": {}}, "id": "1", "email": "p@example.org"}',
      'constructor: is not known',
    ],
    ['a member named as a hash', { [bcrypt]: 1, ...lineOf() }, 'it has a member that is not known'],
    [
      'NUL in the address',
      lineOf({ email: 'a\0@example.org' }),
      'email: must be one address, without blanks, quotes, control characters or invisible ones',
    ],
    [
      'half a character in the name',
      lineOf({ name: '\uD800' }),
      'name: must not have control characters or broken ones',
    ],
    [
      'an escape sequence in the id',
      lineOf({ id: '\u001B[2J' }),
      'id: must not have control characters or broken ones',
    ],
    [
      'two addresses in one',
      lineOf({ email: 'a@example.org,b@example.org' }),
      'email: must be one address, without blanks, quotes, control characters or invisible ones',
    ],
    ['an endless name', lineOf({ name: 'a'.repeat(201) }), 'name: must have at most 200 characters'],
    ['a text for truth', lineOf({ emailVerified: 'true' }), 'emailVerified: must be true or false'],
    [
      'a password in clear text',
      lineOf({ passwordHash: importedPassword }),
      "its password hash is of a kind, or in a form, that Kratos doesn't take",
    ],
    [
      'bcrypt of cost 31',
      lineOf({ passwordHash: bcrypt.replace('$05$', '$31$') }),
      'the cost of bcrypt must be 4 to 14',
    ],
    [
      'argon2 of 4 GiB',
      lineOf({ passwordHash: passwordHashes.argon2id.replace('m=8192', 'm=4194304') }),
      'the memory of argon2 must be 8 to 131072',
    ],
    [
      'argon2 without passes',
      lineOf({ passwordHash: passwordHashes.argon2id.replace('t=2', 't=0') }),
      'the passes of argon2 must be 1 to 64',
    ],
    [
      'PBKDF2 of 2^31 iterations',
      lineOf({ passwordHash: passwordHashes['PBKDF2 sha256'].replace('i=1000', 'i=2147483648') }),
      'the iterations of PBKDF2 must be 1 to 2500000',
    ],
    [
      'scrypt of N = 2^30',
      lineOf({ passwordHash: passwordHashes['scrypt, N'].replace('ln=1024', 'ln=30') }),
      'the memory of scrypt must be 1 to 134217728',
    ],
    [
      'SHA-crypt of a thousand million rounds',
      lineOf({ passwordHash: passwordHashes['crypt SHA-512'].replace('$6$', '$6$rounds=999999999$') }),
      'the rounds of SHA-crypt must be 1000 to 1000000',
    ],
    [
      'an empty key, which every password has',
      lineOf({ passwordHash: '$pbkdf2-sha256$i=1,l=0$c2FsdA$' }),
      "its password hash is PBKDF2 with SHA-256, but in a form that Kratos doesn't take",
    ],
    [
      'a short key, which many passwords have',
      lineOf({ passwordHash: '$pbkdf2-sha256$i=1,l=1$c2FsdA$YQ' }),
      'the hash of its password must have 16 to 128 bytes',
    ],
    [
      'a salting format without the password',
      lineOf({
        passwordHash: passwordHashes.SHA1.replace(
          /pf=[^$]*/,
          `pf=${Buffer.from('{SALT}').toString('base64')}`,
        ),
      }),
      'its hash has a salting format without the password: any password would match',
    ],
  ];

  const next = lineOf();
  let outcome: Outcome;

  beforeAll(async () => {
    const lines = [...refusedLines.map(([, line]) => line), next];
    outcome = await runImport(textOf(lines), '--format', 'vestibule');
  });

  it.each(refusedLines.map(([what, , reason], index) => [what, `line ${index + 1}: ${reason}`] as const))(
    '%s is refused [H12]',
    (_what, line) => {
      expect(outcome.out.split('\n')).toContain(line);
    },
  );

  it('the other lines are imported, and nothing else is printed [H12]', async () => {
    expect(outcome).toMatchObject({ code: 1, err: `${counts(1, 0, 0, refusedLines.length)}.\n` });
    expect(outcome.out.trimEnd().split('\n')).toHaveLength(refusedLines.length);
    expect(await sessionAfterLogin(next.email)).toBeDefined();
  });

  it('an element of a document that is too long is refused alone, and a document that ends early as well', async () => {
    const next = lineOf();
    const element = JSON.stringify({
      id: next.id,
      email: next.email,
      credentials: [keycloakCredential('argon2')],
    });
    const long = `{"id": "1", "email": "${'a'.repeat(10_000_000)}"}`;
    expect(await runImport(`{"users": [${long}, ${element}, {"id": "2"`)).toEqual({
      code: 1,
      out: 'user 1: it has more than 1048576 bytes\n',
      err: `The file ends within its JSON: it was cut off.\n${counts(1, 0, 0, 1)}.\n`,
    });
    expect(await usersOf(next.email)).toHaveLength(1);
  });

  it('an id or an address that comes twice is refused the second time', async () => {
    const first = lineOf();
    const lines = [first, lineOf({ id: first.id }), lineOf({ email: first.email.toUpperCase() })];
    expect(await runImport(textOf(lines))).toMatchObject({
      code: 1,
      out: 'line 2: it has the same id as line 1\nline 3: it has the same e-mail address as line 1\n',
      err: `${counts(1, 0, 0, 2)}.\n`,
    });
  });

  it('an address that an identity at Kratos has is refused, and the rest of the batch is imported', async () => {
    const taken = lineOf();
    await new OryAdmin(stack.env).createIdentity({
      traits: { email: taken.email },
      credentials: { password: { config: { password: 'a long enough password' } } },
    });
    const others = [lineOf(), lineOf(), lineOf()];
    const [first, ...rest] = others;
    expect(await runImport(textOf([first, taken, ...rest]))).toMatchObject({
      code: 1,
      out: 'line 2: another identity at Kratos has this address\n',
      err: `${counts(3, 0, 0, 1)}.\n`,
    });
    for (const { email } of others) {
      expect(await sessionAfterLogin(email)).toBeDefined();
    }
    expect(await usersOf(taken.email)).toEqual([]);
    // Alone at Kratos, because the others are skipped; and alone in the file.
    expect(await runImport(textOf([first, taken, ...rest]))).toMatchObject({
      code: 1,
      out: 'line 2: another identity at Kratos has this address\n',
      err: `${counts(0, 0, 3, 1)}.\n`,
    });
    expect(await runImport(textOf([taken]))).toMatchObject({
      code: 1,
      out: 'line 1: another identity at Kratos has this address\n',
    });
  });

  it('the id of one user with the address of another gives neither account [A07]', async () => {
    const [victim, attacker] = [lineOf(), lineOf()];
    const issuer = 'https://old.example.org/';
    for (const { id, email } of [victim, attacker]) {
      await addUser(issuer, id, email);
    }
    const lines = [
      // The victim's account with the attacker's address, the victim's address on the attacker's account, and on a new one.
      { ...attacker, id: victim.id },
      { ...lineOf(), id: attacker.id, email: victim.email },
      lineOf({ email: victim.email }),
    ];
    expect(await runImport(textOf(lines.slice(0, 2)), '--from', issuer)).toMatchObject({
      code: 1,
      out: [1, 2].map((line) => `line ${line}: the user of this id has another address here\n`).join(''),
    });
    expect(await runImport(textOf(lines.slice(2)), '--from', issuer)).toMatchObject({
      code: 1,
      out: 'line 1: another user here has this address, verified\n',
    });
    for (const { email } of [victim, attacker]) {
      expect(await identitiesAtKratos(email)).toEqual([]);
    }
    // Each by their own line, and the user is the one that they were.
    const before = await usersOf(victim.email);
    expect(await runImport(textOf([victim, attacker]), '--from', issuer)).toMatchObject({
      code: 0,
      err: `${counts(0, 2, 0, 0)}.\n`,
    });
    expect(await sessionAfterLogin(victim.email)).toMatchObject({ user: { id: before[0]?.id } });
    expect(await usersOf(victim.email)).toHaveLength(1);
  });

  it('an administrator is imported only where the operator says so, and nobody becomes one [A07]', async () => {
    const issuer = 'https://old.example.org/';
    const [admin, user] = [lineOf(), lineOf()];
    const id = await addUser(issuer, admin.id, admin.email);
    await promote(stack.app(), id);
    expect(await runImport(textOf([admin, user]), '--from', issuer)).toMatchObject({
      code: 1,
      out: 'line 1: they are an administrator here: give --administrators if you trust the file with that\n',
      err: `${counts(1, 0, 0, 1)}.\n`,
    });
    expect(await runImport(textOf([admin]), '--from', issuer, '--administrators')).toMatchObject({ code: 0 });
    expect(await usersOf(admin.email)).toEqual([expect.objectContaining({ id, role: 'admin' })]);
    expect(await usersOf(user.email)).toEqual([expect.objectContaining({ role: 'user' })]);
  });

  it('the issuer must be one that users here have, and be given where there is one', async () => {
    const content = textOf([lineOf()]);
    const choices = '--from https://old.example.org/\n--from none\n';
    expect(await runImport(content)).toEqual({
      code: 1,
      out: '',
      err: `Users have logged in here at another provider. Name the one that the file is from, so that they stay who they are:\n${choices}`,
    });
    expect(await runImport(content, '--from', 'https://old.example.org')).toEqual({
      code: 1,
      out: '',
      err: `No user here has logged in at that issuer. What there is:\n${choices}`,
    });
    expect(await runImport(content, '--from', 'none')).toMatchObject({ code: 0 });
  });

  it('no hash and no password was printed or logged [H12]', () => {
    const logs = [printed, ...stack.log, ...stack.oryLog].join('\n');
    expect(logs).toContain('created');
    for (const hash of [...Object.values(passwordHashes), firebaseProject.passwordHash]) {
      expect(logs).not.toContain(hash);
      expect(logs).not.toContain(hash.slice(-16));
    }
    expect(logs).not.toContain(importedPassword);
  });
});

/** Adds the identity of an import that ended before it was linked. @returns its id at Kratos. */
async function addImported({ id, email }: Line): Promise<string> {
  await new OryAdmin(stack.env).createIdentity({
    traits: { email },
    credentials: { password: { config: { hashed_password: bcrypt } } },
    metadata_admin: { imported: { issuer: 'urn:vestibule:import', subject: id } },
  });
  const [identity] = await identitiesAtKratos(email);
  return identity?.id ?? '';
}

/** Adds a user who has logged in at another provider. @returns their id. */
async function addUser(issuer: string, subject: string, email: string): Promise<string> {
  const users = stack.app().get(UsersService, { strict: false });
  return users.ensure({ issuer, subject, email, emailVerified: true, name: null, picture: null });
}
