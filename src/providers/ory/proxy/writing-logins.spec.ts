import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type AnsweringOry,
  oryError,
  oryIds,
  startAnsweringOry,
} from '../../../../test/support/answering.ory.js';
import { passwordHashes } from '../../../../test/support/password.hashes.js';
import { StandIn } from '../../../../test/support/stand-in.js';
import { SteppedClock } from '../../../../test/support/stepped.clock.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { LinkingLogins } from './linking-logins.js';
import { WritingLogins } from './writing-logins.js';

const route = 'GET /admin/identities';
const name = 'ada@example.test';
const minutes = 60_000;
let ory: AnsweringOry;
let clock: SteppedClock;
let logins: WritingLogins;

beforeAll(async () => {
  ory = await startAnsweringOry();
});

beforeEach(() => {
  ory.reset();
  clock = new SteppedClock();
  logins = loginsOf(ory.gateway.app.get(KratosClient, { strict: false }));
});

afterAll(async () => {
  await ory?.stop();
});

const loginsOf = (kratos: KratosClient): WritingLogins =>
  new WritingLogins(kratos, new LinkingLogins(kratos, clock), clock);

/** Kratos has one identity of the name, with this content of its password. */
const hasPassword = (config: object, identifiers: readonly string[] = [name]): void =>
  ory.say(route, 200, [{ id: oryIds.subject, credentials: { password: { identifiers, config } } }]);
const identityOf = async (
  given = name,
  network = 'anywhere',
  gone = new AbortController().signal,
  flow?: string,
) =>
  logins.identityOf(
    { name: given, flow, cookie: 'csrf_token_1=x' },
    { networks: [network], isKnown: false },
    gone,
  );
const questions = (): number => ory.asked.filter((line) => line.startsWith(route)).length;

it('a name with a hash that Kratos made is asked about once', async () => {
  hasPassword({ hashed_password: passwordHashes.argon2id });
  expect([await identityOf(), await identityOf(), questions()]).toEqual([undefined, undefined, 1]);
  // The gateway's own start may ask something meanwhile.
  expect(ory.asked.find((line) => line.startsWith(route))).toContain('include_credential=password');
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

describe('a login in a flow', () => {
  const flows = 'GET /self-service/login/flows';
  const inFlow = async () => identityOf(name, 'anywhere', new AbortController().signal, 'f');
  const asked = (): number => ory.asked.filter((line) => line.startsWith(flows)).length;
  const flow = (path: string, ...groups: readonly string[]) => ({
    request_url: `https://auth.example.test${path}`,
    ui: { nodes: groups.map((group) => ({ group })) },
  });
  const ordinary = '/self-service/login/browser?return_to=https://auth.example.test/';

  beforeEach(() => hasPassword({ hashed_password: passwordHashes.argon2id }));

  it.each([
    [
      'that a third party’s answer has begun',
      200,
      flow('/self-service/methods/oidc/callback/x?code=y', 'oidc'),
    ],
    ['that Kratos shows to another browser alone', 403, oryError(403)],
  ])(
    '%s writes the identity, also at a name at whose logins nothing else is written',
    async (_what, ...says) => {
      ory.say(flows, ...says);
      expect([await inFlow(), await inFlow(), asked()]).toEqual([oryIds.subject, oryIds.subject, 2]);
      ory.say(route, 200, []);
      expect(await inFlow()).toBe(undefined);
    },
  );

  it('of its own writes nothing', async () => {
    ory.say(flows, 200, flow(ordinary, 'oidc', 'password'));
    expect([await inFlow(), await inFlow(), asked(), questions()]).toEqual([undefined, undefined, 2, 1]);
  });

  it('is not asked about for five minutes where there are no third-party logins', async () => {
    ory.say(flows, 200, flow(ordinary, 'default', 'password'));
    expect([await inFlow(), await inFlow(), asked()]).toEqual([undefined, undefined, 1]);
    ory.say(flows, 200, flow('/self-service/methods/oidc/callback', 'password'));
    expect(await inFlow()).toBe(undefined);
    clock.time += 5 * minutes;
    expect(await inFlow()).toBe(oryIds.subject);
  });

  it.each([
    ['a confirmation', { refresh: true }, ['password']],
    ['a second step', { requested_aal: 'aal2' }, ['password', 'totp']],
    ['a first step that asks for the name alone', {}, ['password', 'identifier_first']],
    ['a form without a password', {}, ['default']],
  ])('tells nothing of other flows if it is %s', async (_what, more, groups) => {
    ory.say(flows, 200, { ...flow(ordinary, ...groups), ...more });
    expect([await inFlow(), await inFlow(), asked()]).toEqual([undefined, undefined, 2]);
  });
});

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
    logins = loginsOf(new KratosClient({ ...configuration, KRATOS_ADMIN_URL: url }));
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
