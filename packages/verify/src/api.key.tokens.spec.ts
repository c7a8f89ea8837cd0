import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthError } from './auth.error.js';
import type { Claims } from './claims.js';
import { type TestIssuer, createTestIssuer } from './testing.js';
import { type VerifierOptions, createVerifier } from './verifier.js';

type Answer = (key: string) => Promise<Response>;

/** A gateway as this network gives it: what it answers to an exchange can be changed. */
class Network {
  /** The keys that were exchanged. */
  readonly keys: string[] = [];
  readonly addresses: string[] = [];
  answer: Answer;
  jwks: unknown;

  constructor(issuer: TestIssuer, answer: Answer) {
    this.jwks = issuer.jwks;
    this.answer = answer;
  }

  readonly fetch: typeof fetch = async (input, init) => {
    this.addresses.push(`${init?.method ?? 'GET'} ${String(input)}`);
    if (init?.method !== 'POST') {
      return Response.json(this.jwks);
    }
    const form = new URLSearchParams(String(init.body));
    expect(Object.fromEntries(form)).toEqual({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token_type: 'urn:vestibule:params:oauth:token-type:api_key',
      subject_token: expect.any(String),
    });
    const key = form.get('subject_token') ?? '';
    this.keys.push(key);
    return this.answer(key);
  };
}

let issuer: TestIssuer;
let network: Network;
/** Seconds for which the gateway's tokens live. */
const life = 600;
const granting =
  (claims: Partial<Claims> = {}): Answer =>
  async () => {
    const exp = Math.floor(Date.now() / 1000) + life;
    const token = await issuer.token({ client_id: 'api-key', exp, ...claims });
    return Response.json({ access_token: token, expires_in: life, token_type: 'Bearer' });
  };
const refusing: Answer = async () => Response.json({ error: 'invalid_request' }, { status: 400 });
const failing: Answer = async () => Promise.reject(new TypeError('fetch failed'));

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  issuer = await createTestIssuer();
  network = new Network(issuer, granting());
});

afterEach(() => {
  vi.useRealTimers();
});

let made = 0;
/** A key as a gateway makes it. */
function newKey(): string {
  made += 1;
  const body = `vst_0198000000007000${'8'.padEnd(16, '0')}_${String(made).padStart(43, 'A')}`;
  return body + crc32(body).toString(16).padStart(8, '0');
}

function make(options: Partial<VerifierOptions> = {}): (key: string) => Promise<Claims | AuthError> {
  const verifier = createVerifier({ ...issuer.options, fetch: network.fetch, apiKeys: true, ...options });
  return async (key) => {
    try {
      return (await verifier.authenticate({ headers: new Headers({ 'x-api-key': key }) })).claims;
    } catch (error) {
      if (error instanceof AuthError) {
        return error;
      }
      throw error;
    }
  };
}

/**
 * Asks, and waits until all is done that can be without an answer of the gateway.
 * @param lookUps how often the key's token is looked for by then.
 */
async function inLine<Answered>(
  ask: () => Promise<Answered>,
  lookUps = 1,
): Promise<{ answer: Promise<Answered> }> {
  const digest = vi.spyOn(crypto.subtle, 'digest');
  const answer = ask();
  await vi.waitFor(() => expect(digest).toHaveBeenCalledTimes(lookUps), { timeout: 60_000 });
  await digest.mock.results.at(-1)?.value;
  digest.mockRestore();
  await new Promise((resolve) => setImmediate(resolve));
  return { answer };
}

const accepted = expect.objectContaining({ client_id: 'api-key' });
const unavailable = (reason: string, seconds: number) =>
  expect.objectContaining({
    status: 503,
    code: 'keys_unavailable',
    reason,
    headers: expect.objectContaining({ 'retry-after': String(seconds) }),
  });
const refused = (reason: string) => expect.objectContaining({ status: 401, reason });

describe('the token of an API key', () => {
  it('is renewed shortly before its end, beside the request', async () => {
    const ask = make();
    const key = newKey();
    const first = await ask(key);
    vi.advanceTimersByTime(569_000);
    expect(await ask(key)).toEqual(first);
    expect(network.keys).toHaveLength(1);
    vi.advanceTimersByTime(2000);
    expect(await ask(key)).toEqual(first);
    await vi.waitFor(async () => expect(await ask(key)).not.toEqual(first), { timeout: 60_000 });
    expect(network.keys).toEqual([key, key]);
  });

  it('is accepted to its end while it can not be renewed, and not after that', async () => {
    const ask = make();
    const key = newKey();
    const first = await ask(key);
    network.answer = failing;
    for (let second = 0; second < 599; second += 1) {
      vi.advanceTimersByTime(1000);
      expect(await ask(key)).toEqual(first);
    }
    // Once a second, in the last thirty.
    expect(network.keys.length).toBeLessThanOrEqual(31);
    vi.advanceTimersByTime(2000);
    expect(await ask(key)).toEqual(unavailable('exchange_unreachable', 1));
    network.answer = granting();
    vi.advanceTimersByTime(1000);
    expect(await ask(key)).toEqual(accepted);
  });

  it('that the service can not accept is exchanged once more, and once a second at most', async () => {
    network.answer = granting({ aud: 'https://other.example' });
    const ask = make();
    const key = newKey();
    for (let count = 0; count < 5; count += 1) {
      expect(await ask(key)).toEqual(refused('token_claim_aud'));
    }
    expect(network.keys).toHaveLength(2);
    network.answer = granting();
    vi.advanceTimersByTime(1001);
    expect(await ask(key)).toEqual(accepted);
  });

  it('that was on its way when the signing key was withdrawn is exchanged again', async () => {
    const ask = make();
    const key = newKey();
    await ask(key);
    vi.advanceTimersByTime(530_000);
    await ask(key);
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const before = await granting()(key);
    network.answer = async () => released.then(() => before);
    vi.advanceTimersByTime(41_000);
    await ask(key);
    await vi.waitFor(() => expect(network.keys).toHaveLength(2), { timeout: 60_000 });
    issuer = await createTestIssuer();
    network.jwks = issuer.jwks;
    network.answer = granting();
    vi.advanceTimersByTime(14_000);
    await ask(key);
    // The keys are read again beside requests: from then on, the remembered token isn't accepted.
    const readings = (): number => network.addresses.filter((line) => line.startsWith('GET')).length;
    await vi.waitFor(() => expect(readings()).toBe(3), { timeout: 60_000 });
    const { answer } = await inLine(() => ask(key), 2);
    release();
    expect(await answer).toEqual(accepted);
    expect(network.keys).toHaveLength(3);
  });

  it('makes room for others', async () => {
    const ask = make({ remembered: 2 });
    const keys = [newKey(), newKey(), newKey()];
    for (const key of [...keys, ...keys.slice(1), ...keys.slice(0, 1)]) {
      expect(await ask(key)).toEqual(accepted);
    }
    expect(network.keys).toHaveLength(4);
  });

  it('is asked for where the keys are read', async () => {
    await make({ jwksUri: 'http://gateway.internal:3000/.well-known/jwks.json' })(newKey());
    expect(network.addresses).toEqual([
      'POST http://gateway.internal:3000/auth/token',
      'GET http://gateway.internal:3000/.well-known/jwks.json',
    ]);
  });
});

describe('a refused API key', () => {
  it('is not exchanged again for a while', async () => {
    network.answer = refusing;
    const ask = make();
    const key = newKey();
    for (let count = 0; count < 5; count += 1) {
      expect(await ask(key)).toEqual(refused('api_key_refused'));
      vi.advanceTimersByTime(5000);
    }
    expect(network.keys).toHaveLength(1);
    network.answer = granting();
    vi.advanceTimersByTime(5001);
    expect(await ask(key)).toEqual(accepted);
  });

  it('makes others wait, if there are many of them; known keys do not', async () => {
    const ask = make();
    const known = newKey();
    await ask(known);
    network.answer = refusing;
    for (let count = 0; count < 30; count += 1) {
      expect(await ask(newKey())).toEqual(refused('api_key_refused'));
    }
    network.answer = granting();
    const unknown = newKey();
    expect(await ask(unknown)).toEqual(unavailable('exchanges_refused', 12));
    vi.advanceTimersByTime(12_001);
    expect(await ask(unknown)).toEqual(accepted);
    vi.advanceTimersByTime(1_000_000);
    expect(await ask(known)).toEqual(accepted);
  });
});

describe('a gateway', () => {
  it.each([
    ['no connection', failing],
    ['an error', async () => new Response('', { status: 500 })],
    ['another refusal', async () => Response.json({ error: 'invalid_target' }, { status: 400 })],
    ['a refusal of a proxy', async () => new Response('', { status: 403 })],
    ['a page', async () => new Response('<html>')],
    ['null', async () => Response.json(null)],
    ['a redirect', async () => Response.redirect('https://evil.example/')],
    ['a token that is none', async () => Response.json({ access_token: 7, expires_in: 600 })],
    ['a life that is none', async () => Response.json({ access_token: 'x', expires_in: '600' })],
    ['more than an answer can be', async () => Response.json({ more: 'x'.repeat(70_000) })],
  ])('that answers %s is asked again after a second', async (_what, answer) => {
    network.answer = answer;
    const ask = make();
    const key = newKey();
    for (let count = 0; count < 5; count += 1) {
      expect(await ask(key)).toEqual(unavailable('exchange_unreachable', 1));
      expect(await ask(newKey())).toEqual(unavailable('exchange_unreachable', 1));
    }
    expect(network.keys).toHaveLength(1);
    network.answer = granting();
    vi.advanceTimersByTime(1001);
    expect(await ask(key)).toEqual(accepted);
  });

  it.each([
    ['7', 7],
    ['599', 60],
    ['', 1],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 1],
  ])('that answers 429 with Retry-After %j is not asked for %i seconds', async (retryAfter, seconds) => {
    network.answer = async () => new Response('', { status: 429, headers: { 'retry-after': retryAfter } });
    const ask = make();
    const key = newKey();
    expect(await ask(key)).toEqual(unavailable('exchange_rate_limited', seconds));
    network.answer = granting();
    vi.advanceTimersByTime(seconds * 1000 - 1);
    expect(await ask(key)).toEqual(unavailable('exchange_rate_limited', 1));
    expect(network.keys).toHaveLength(1);
    vi.advanceTimersByTime(2);
    expect(await ask(key)).toEqual(accepted);
  });

  it('that fails is not asked for those who wait', async () => {
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    network.answer = async (key) => released.then(async () => failing(key));
    const ask = make();
    const answers = Array.from({ length: 20 }, async () => ask(newKey()));
    await vi.waitFor(() => expect(network.keys).toHaveLength(16), { timeout: 60_000 });
    release();
    expect(await Promise.all(answers)).toEqual(
      Array.from({ length: 20 }, () => unavailable('exchange_unreachable', 1)),
    );
    expect(network.keys).toHaveLength(16);
  });

  it('is asked for 16 keys at a time; 64 more wait, known ones first, and others are told to come again', async () => {
    const ask = make();
    const known = newKey();
    await ask(known);
    vi.advanceTimersByTime(life * 1000);
    const waiting: (() => void)[] = [];
    network.answer = async (key) => {
      await new Promise<void>((resolve) => waiting.push(resolve));
      return granting()(key);
    };
    const answers = Array.from({ length: 90 }, async () => ask(newKey()));
    await vi.waitFor(() => expect(network.keys).toHaveLength(17), { timeout: 60_000 });
    const busy = await Promise.all(answers.slice(80));
    expect(busy).toEqual(Array.from({ length: 10 }, () => unavailable('exchanges_full', 1)));
    answers.push((await inLine(() => ask(known))).answer);
    expect(network.keys).toHaveLength(17);
    waiting.shift()?.();
    await vi.waitFor(() => expect(network.keys).toHaveLength(18), { timeout: 60_000 });
    expect(network.keys.at(-1)).toBe(known);
    await vi.waitFor(
      () => {
        waiting.splice(0).forEach((resolve) => resolve());
        expect(network.keys).toHaveLength(82);
      },
      { timeout: 60_000 },
    );
    waiting.splice(0).forEach((resolve) => resolve());
    expect(await Promise.all([...answers.slice(0, 80), ...answers.slice(90)])).toEqual(
      Array.from({ length: 81 }, () => accepted),
    );
  });
});
