import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type AnsweringOry, oryIds, startAnsweringOry } from '../../../../test/support/answering.ory.js';
import { passwordHashes } from '../../../../test/support/password.hashes.js';
import { SteppedClock } from '../../../../test/support/stepped.clock.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { PasswordUpgrades } from './password-upgrades.js';

const route = 'GET /admin/identities';
const name = 'ada@example.test';
let ory: AnsweringOry;
let clock: SteppedClock;
let upgrades: PasswordUpgrades;

beforeAll(async () => {
  ory = await startAnsweringOry();
});

beforeEach(() => {
  ory.reset();
  clock = new SteppedClock();
  upgrades = new PasswordUpgrades(ory.gateway.app.get(KratosClient, { strict: false }), clock);
});

afterAll(async () => {
  await ory?.stop();
});

/** Kratos has one identity of the name, with this content of its password. */
const hasPassword = (config: object, identifiers: readonly string[] = [name]): void =>
  ory.say(route, 200, [{ id: oryIds.subject, credentials: { password: { identifiers, config } } }]);
const questions = (): number => ory.asked.filter((line) => line.startsWith(route)).length;

it('a name with a hash that Kratos made is asked about once', async () => {
  hasPassword({ hashed_password: passwordHashes.argon2id });
  expect([await upgrades.identityOf(name), await upgrades.identityOf(name), questions()]).toEqual([
    undefined,
    undefined,
    1,
  ]);
  expect(ory.asked[0]).toContain('include_credential=password');
});

it.each([
  ['MD5', { hashed_password: passwordHashes['MD5 with salt'] }],
  ['bcrypt', { hashed_password: passwordHashes['bcrypt 2b'] }],
  ['argon2i', { hashed_password: passwordHashes.argon2i }],
  ['a hook that knows the password', { use_password_migration_hook: true }],
])('a login by %s writes its identity, until Kratos has a hash of its own', async (_what, config) => {
  hasPassword(config);
  const { subject } = oryIds;
  expect([await upgrades.identityOf(name), await upgrades.identityOf(name)]).toEqual([subject, subject]);
  hasPassword({ hashed_password: passwordHashes.argon2id });
  expect([await upgrades.identityOf(name), await upgrades.identityOf(name), questions()]).toEqual([
    undefined,
    undefined,
    3,
  ]);
});

it('a name that no password has is asked about again an hour later: it may have been imported', async () => {
  hasPassword({ hashed_password: passwordHashes.MD5 }, ['grace@example.test']);
  expect([await upgrades.identityOf(name), await upgrades.identityOf(name), questions()]).toEqual([
    undefined,
    undefined,
    1,
  ]);
  hasPassword({ hashed_password: passwordHashes.MD5 });
  clock.time += 3_600_000;
  expect(await upgrades.identityOf(name)).toBe(oryIds.subject);
});
