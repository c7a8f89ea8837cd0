import { describe, expect, it } from 'vitest';
import { firebaseProject, keycloakCredential } from '../../../../test/support/password.hashes.js';
import { ExportReader, type ReaderOptions } from './export-reader.js';
import { parseFirebaseHashing } from './firebase-export.js';
import { RefusedRecord } from './refused-record.js';

const firebaseHashing = parseFirebaseHashing(firebaseProject.parameters);

/** Reads a file in pieces of this many bytes. @returns for each user its place, and its id or why it is refused. */
async function read(
  text: string,
  options: Partial<ReaderOptions> = {},
  piece = 1_048_577,
): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let start = 0; start < bytes.length; start += piece) {
      yield bytes.subarray(start, start + piece);
    }
  }
  const users: string[] = [];
  for await (const { place, user } of new ExportReader({ auth0Hashes: undefined, ...options }).read(
    pieces(),
  )) {
    users.push(`${place}: ${user instanceof RefusedRecord ? user.message : user.id}`);
  }
  return users;
}

const { salt, passwordHash } = firebaseProject;
const firebaseUsers = [1, 2].map((number) => ({
  localId: `f${number}`,
  email: `f${number}@example.org`,
  passwordHash,
  salt,
}));
const indented = firebaseUsers.map((user) => JSON.stringify(user, undefined, 2));
const oneLine = firebaseUsers.map((user) => JSON.stringify(user));

describe('a Firebase export', () => {
  const files = [
    ['as firebase-tools writes it', `{"users": [\n${indented.join(',\n')}]}`],
    ['as firebase-tools writes it on Windows', `{"users": [\r\n${indented.join(',\r\n')}]}`],
    ['with a user on each line', `{"users": [\n${oneLine.join(',\n')}\n]}\n`],
    ['on one line', JSON.stringify({ users: firebaseUsers })],
    ['on one line, with its end', `${JSON.stringify({ users: firebaseUsers })}\n`],
    ['indented', JSON.stringify({ users: firebaseUsers }, undefined, 2)],
    ['with blank lines and a byte order mark', `\uFEFF\n\n{"users":[\n${oneLine.join(',')}]}`],
  ] as const;

  it.each(files)('%s is recognised', async (_form, text) => {
    for (const piece of [1, 7, 1_048_577]) {
      expect(await read(text, { firebaseHashing }, piece)).toEqual(['user 1: f1', 'user 2: f2']);
    }
  });

  it.each(files)('%s is recognised without hash parameters', async (_form, text) => {
    const reason = 'it has a password, and --firebase-hash-config is not given';
    expect(await read(text)).toEqual([`user 1: ${reason}`, `user 2: ${reason}`]);
  });

  it('a record that is broken is called a user, too', async () => {
    expect(await read(`{"users": [\n{"localId": x},\n${oneLine[0]}]}`, { firebaseHashing })).toEqual([
      "user 1: it isn't JSON",
      'user 2: f1',
    ]);
  });

  it('hash parameters state the format', async () => {
    await expect(read('{"id": "1", "email": "a@example.org"}\n', { firebaseHashing })).rejects.toThrow(
      'The file has no top-level `users` array.',
    );
    expect(
      await read('{"id": "1", "email": "a@example.org"}\n', { firebaseHashing, format: 'vestibule' }),
    ).toEqual(['line 1: 1']);
  });
});

describe('a file with a JSON object on each line', () => {
  it.each([
    ['{"id": "1", "email": "a@example.org"}', 'line 1: 1'],
    ['{"user_id": "1", "email": "a@example.org"}', 'line 1: 1'],
    ['{"id": "1", "email"', "line 1: it isn't JSON"],
    ['garbage', "line 1: it isn't JSON"],
    ['"},', "line 2: it isn't JSON"],
    ['.org", "name": "Ada"}', "line 1: it isn't JSON"],
  ])('%s', async (line, first) => {
    const text = line === '"},' ? `{"id": "0", "email": "b@example.org"}\n${line}\n` : `${line}\n{}\n`;
    expect(await read(text)).toContain(first);
  });
});

describe('a user who lacks something', () => {
  it.each([
    ['{"id": "1"}', 'line 1: it has no e-mail address'],
    ['{"id": "1", "email": null}', 'line 1: it has no e-mail address'],
    ['{"id": "1", "email": ""}', 'line 1: it has no e-mail address'],
    ['{"id": "1", "email": 7}', 'line 1: email: must be text'],
    ['{"email": "a@example.org"}', 'line 1: it has no id'],
    ['{"user_id": "sms|1", "phone_number": "1"}', 'line 1: it has no e-mail address'],
    ['{"users": [{"localId": "1", "phoneNumber": "1"}]}', 'user 1: it has no e-mail address'],
    ['{"realm": "r", "users": [{"id": "1"}]}', 'user 1: it has no e-mail address'],
  ])('%s', async (text, refusal) => {
    expect(await read(text)).toEqual([refusal]);
  });
});

describe("a password of a Keycloak's user", () => {
  const good = keycloakCredential('argon2');
  it.each([
    [{ secretData: '{"value": ' }, "the secretData of its password isn't JSON"],
    [{ credentialData: 'x' }, "the credentialData of its password isn't JSON"],
    [{ secretData: undefined }, 'its password has no secretData'],
    [{ credentialData: undefined }, 'its password has no credentialData'],
    [{ secretData: '{}' }, 'secretData.value: must be text'],
    [{ credentialData: '{"algorithm": 1}' }, 'credentialData.algorithm: must be text'],
    [
      { credentialData: '{"algorithm": "pbkdf2-sha3-256"}' },
      "its password hash is pbkdf2-sha3-256, which Kratos doesn't take",
    ],
    [
      { credentialData: '{"algorithm": "argon2"}' },
      "its password hash is argon2, but in a form that Kratos doesn't take",
    ],
    [
      { credentialData: '{"algorithm": "c2l4dGVlbiBieXRlcyBvaw"}' },
      "its password hash is of a kind, or in a form, that Kratos doesn't take",
    ],
  ])('%j', async (change, reason) => {
    const user = { id: '1', email: 'a@example.org', credentials: [{ ...good, ...change }] };
    expect(await read(JSON.stringify({ realm: 'r', users: [user] }))).toEqual([`user 1: ${reason}`]);
  });
});

describe('a file that is no export', () => {
  const csv = 'The file looks like CSV: export the users as JSON.';
  const array = 'The file is a JSON array: write each of its users as an object on its own line.';
  it.each([
    ['id,email\n1,a@example.org\n', csv],
    ['"id";"email"\n1;a@example.org\n', csv],
    ['f1,a@example.org,false,c2FsdA==,,Ada,,,\n', csv],
    ['id,email', csv],
    ['[\n  {"id": "1"}\n]\n', array],
    ['[{"id": "1"}]', array],
    ['', 'The file has no users.'],
    ['\n \n', 'The file has no users.'],
    ['{"users": [\n]}', 'The file has no users.'],
    ['{"realm": "r", "roles": {}}', 'The file has no top-level `users` array.'],
  ])('%j', async (text, message) => {
    await expect(read(text)).rejects.toThrow(message);
  });

  it.each(['firebase', 'auth0', 'vestibule'] as const)('CSV, given as %s', async (format) => {
    await expect(read('id,email\n1,a@example.org\n', { format })).rejects.toThrow(csv);
  });
});
