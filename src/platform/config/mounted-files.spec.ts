import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfiguration } from './configuration.js';

const secretText = randomBytes(32).toString('base64');
const base = {
  AUTH_PROVIDER: 'auth0',
  AUTH0_DOMAIN: 'example.eu.auth0.com',
  AUTH0_CLIENT_ID: 'id',
  AUTH0_CLIENT_SECRET: 'a client secret',
};
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-config-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('NAME_FILE', () => {
  it('holds the value, with or without a line feed at its end', async () => {
    for (const end of ['', '\n', '\r\n']) {
      const configuration = loadConfiguration({
        ...base,
        SECRETS_FILE: await file('secrets', secretText + end),
      });
      expect(Buffer.from(configuration.SECRETS[0] ?? []).toString('base64')).toBe(secretText);
    }
  });

  it('works for a variable of any provider', async () => {
    const { AUTH0_CLIENT_SECRET: _direct, ...rest } = base;
    const AUTH0_CLIENT_SECRET_FILE = await file('client', 'from the file\n');
    expect(loadConfiguration({ ...rest, SECRETS: secretText, AUTH0_CLIENT_SECRET_FILE })).toMatchObject({
      AUTH0_CLIENT_SECRET: 'from the file',
    });
  });

  it('beside NAME is refused: nobody knows which one is meant', async () => {
    const SECRETS_FILE = await file('both', secretText);
    expect(() => loadConfiguration({ ...base, SECRETS: secretText, SECRETS_FILE })).toThrow(
      'SECRETS: is set twice, by SECRETS and by SECRETS_FILE',
    );
  });

  it('an empty NAME beside it does not count, nor an empty NAME_FILE', async () => {
    const SECRETS_FILE = await file('only', secretText);
    expect(loadConfiguration({ ...base, SECRETS: '', SECRETS_FILE }).SECRETS).toHaveLength(1);
    expect(loadConfiguration({ ...base, SECRETS: secretText, SECRETS_FILE: '' }).SECRETS).toHaveLength(1);
  });

  it.each([
    ['a path where nothing is', () => join(folder, 'missing')],
    ['a folder', () => folder],
    ['a path with a null character', () => `${folder}\u0000`],
  ])('%s is refused without the path in the message', (_what, path) => {
    expect(() => loadConfiguration({ ...base, SECRETS_FILE: path() })).toThrow(
      /SECRETS_FILE: the file cannot be read/,
    );
    expect(() => loadConfiguration({ ...base, SECRETS_FILE: path() })).not.toThrow(folder);
  });

  it('an empty or half-written file is refused, never taken for the default [F13]', async () => {
    for (const content of ['', '\n', secretText.slice(0, 20)]) {
      const SECRETS_FILE = await file('half', content);
      expect(() => loadConfiguration({ ...base, SECRETS_FILE })).toThrow(/SECRETS: /);
    }
    // Of settings for which an empty text would do, too: an empty HOST is every interface.
    for (const name of ['DATABASE_URL', 'HOST', 'DATA_DIR', 'ALLOWED_CLIENT_IDS']) {
      const environment = { ...base, SECRETS: secretText, [`${name}_FILE`]: await file('empty', '\n') };
      expect(() => loadConfiguration(environment)).toThrow(
        `${name}: is empty in the file that ${name}_FILE names`,
      );
    }
  });
});
