import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type AnsweringOry, oryIds, startAnsweringOry } from '../../../../test/support/answering.ory.js';
import { passwordHashes } from '../../../../test/support/password.hashes.js';
import { StandIn } from '../../../../test/support/stand-in.js';
import { SteppedClock } from '../../../../test/support/stepped.clock.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { PasswordUpgrades } from './password-upgrades.js';

const route = 'GET /admin/identities';
const name = 'ada@example.test';
const minutes = 60_000;
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
const identityOf = async (given = name, network = 'anywhere', gone = new AbortController().signal) =>
  upgrades.identityOf(given, { networks: [network], isKnown: false }, gone);
const questions = (): number => ory.asked.filter((line) => line.startsWith(route)).length;

it('a name with a hash that Kratos made is asked about once', async () => {
  hasPassword({ hashed_password: passwordHashes.argon2id });
  expect([await identityOf(), await identityOf(), questions()]).toEqual([undefined, undefined, 1]);
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
  expect([await identityOf(), await identityOf()]).toEqual([subject, subject]);
  hasPassword({ hashed_password: passwordHashes.argon2id });
  expect([await identityOf(), await identityOf(), questions()]).toEqual([undefined, undefined, 3]);
});

it.each([
  ['that no password has', { hashed_password: passwordHashes.MD5 }, ['grace@example.test']],
  ['with a hash that Kratos made', { hashed_password: passwordHashes.argon2id }, [name]],
])(
  'a name %s is asked about again five minutes later: it may have been imported, or deleted and imported anew',
  async (_what, config, identifiers) => {
    hasPassword(config, identifiers);
    expect([await identityOf(), await identityOf(), questions()]).toEqual([undefined, undefined, 1]);
    hasPassword({ hashed_password: passwordHashes.MD5 });
    clock.time += 5 * minutes;
    expect(await identityOf()).toBe(oryIds.subject);
  },
);

describe('in a flood of names', () => {
  /** Kratos' admin API, which answers when the test lets it. */
  const kratos = new StandIn('');
  const held: ServerResponse[] = [];
  const names: unknown[] = [];
  let url: string;

  beforeAll(async () => {
    kratos.say((request, response) => {
      names.push(new URL(request.url ?? '', url).searchParams.get('credentials_identifier'));
      held.push(response);
      return true;
    });
    url = await kratos.start();
  });

  beforeEach(() => {
    const { configuration } = ory.gateway;
    if (configuration.AUTH_PROVIDER !== 'ory') {
      throw new TypeError('the provider is Ory');
    }
    [held.length, names.length] = [0, 0];
    upgrades = new PasswordUpgrades(new KratosClient({ ...configuration, KRATOS_ADMIN_URL: url }), clock);
  });

  afterAll(async () => {
    await kratos.stop();
  });

  it('Kratos is asked about two at a time, those from elsewhere are next, and the surplus is refused', async () => {
    const leaves: (() => void)[] = [];
    let refused = 0;
    const come = async (given: string, network: string): Promise<unknown> => {
      const gone = new AbortController();
      leaves.push(() => gone.abort());
      return identityOf(given, network, gone.signal).catch((problem: unknown) => {
        refused += 1;
        return problem;
      });
    };
    const flood = Array.from({ length: 600 }, async (_, index) => come(`${index}@example.test`, 'bot'));
    const owner = come(name, 'home');
    await expect.poll(() => [held.length, refused]).toEqual([2, 601 - 2 - 512]);
    held.shift()?.end('[]');
    await expect.poll(() => names[2]).toBe(name);
    leaves.forEach((leave) => leave());
    held.forEach((response) => response.end('[]'));
    expect(await flood.at(-1)).toMatchObject({ code: 'overloaded', reason: 'queue_full' });
    await Promise.all([...flood, owner]);
    expect(names).toHaveLength(3);
  });

  it('one question serves all who come with the same name meanwhile', async () => {
    const outcomes = Promise.all(Array.from({ length: 20 }, async () => identityOf()));
    await expect.poll(() => held.length).toBe(1);
    held[0]?.end('[]');
    expect([new Set(await outcomes), names]).toEqual([new Set([undefined]), [name]]);
  });
});
