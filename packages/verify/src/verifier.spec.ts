import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AuthError } from './auth.error.js';
import { type TestIssuer, createTestIssuer } from './testing.js';
import { type VerifierOptions, createVerifier } from './verifier.js';

/** The gateway's keys as this network gives them: what is answered can be changed, and readings are counted. */
class Network {
  readings = 0;
  answer: () => Promise<Response> = async () => new Response('', { status: 500 });
  readonly fetch = async (): Promise<Response> => {
    this.readings += 1;
    return this.answer();
  };
}

let issuer: TestIssuer;
let network: Network;
const serve = (keys: unknown) => (network.answer = async () => Response.json(keys));

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] });
  issuer = await createTestIssuer();
  network = new Network();
  serve(issuer.jwks);
});

afterEach(() => {
  vi.useRealTimers();
});

const make = (options: Partial<VerifierOptions> = {}) =>
  createVerifier({ ...issuer.options, fetch: network.fetch, ...options });

async function refusalOf(act: Promise<unknown>): Promise<AuthError> {
  const error = await act.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof AuthError)) {
    throw new Error('was not refused', { cause: error });
  }
  return error;
}

describe('the keys', () => {
  it('are read for the first token, once for tokens that come at once', async () => {
    const vestibule = make();
    expect(network.readings).toBe(0);
    const tokens = await Promise.all(Array.from({ length: 20 }, async () => issuer.token()));
    await Promise.all(tokens.map(async (token) => vestibule.verify(token)));
    expect(network.readings).toBe(1);
  });

  it('are not read for what is not a token', async () => {
    const vestibule = make();
    for (const token of ['', 'x', 'a.b.c', 'a'.repeat(9000)]) {
      expect((await refusalOf(vestibule.verify(token))).code).toBe('unauthenticated');
    }
    expect(network.readings).toBe(0);
  });

  it('are read for two new keys in a row, while tokens of both come at once', async () => {
    const vestibule = make();
    await vestibule.verify(await issuer.token());
    vi.advanceTimersByTime(1);
    const [second, third] = [await createTestIssuer(), await createTestIssuer()];
    const published = [...issuer.jwks.keys, ...second.jwks.keys];
    let finish = (): void => undefined;
    network.answer = async () => {
      await new Promise<void>((resolve) => (finish = resolve));
      return Response.json({ keys: published });
    };
    const first = vestibule.verify(await second.token());
    await vi.waitFor(() => expect(network.readings).toBe(2), { timeout: 60_000 });
    // The third key comes while the keys are read for the second one.
    vi.advanceTimersByTime(1);
    serve({ keys: [...published, ...third.jwks.keys] });
    const tokens = await Promise.all(
      Array.from({ length: 20 }, async (_each, index) => (index % 2 === 0 ? second : third).token()),
    );
    const others = tokens.map(async (token) => vestibule.verify(token));
    finish();
    await Promise.all([first, ...others]);
    expect(network.readings).toBe(3);
  });

  it('are read twice in 30 seconds at most, whatever keys 10,000 tokens name', async () => {
    const vestibule = make();
    await vestibule.verify(await issuer.token());
    const [, payload, signature] = (await issuer.token()).split('.');
    for (let index = 0; index < 10_000; index += 1) {
      vi.advanceTimersByTime(1);
      const header = btoa(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: `made-up-${index}` }));
      const made = `${header.replaceAll('=', '')}.${payload}.${signature}`;
      expect((await refusalOf(vestibule.verify(made))).reason).toBe('token_key_unknown');
    }
    expect(network.readings).toBe(3);
    const other = await createTestIssuer();
    serve({ keys: [...issuer.jwks.keys, ...other.jwks.keys] });
    expect((await refusalOf(vestibule.verify(await other.token()))).reason).toBe('token_key_unknown');
    vi.advanceTimersByTime(30_000);
    await vestibule.verify(await other.token());
    expect(network.readings).toBe(4);
  });

  it('that were withdrawn verify nothing a minute later, remembered tokens neither', async () => {
    const vestibule = make();
    const token = await issuer.token();
    await vestibule.verify(token);
    serve((await createTestIssuer()).jwks);
    vi.advanceTimersByTime(51_000);
    // This one makes them be read again.
    await vestibule.verify(token);
    await vi.waitFor(
      async () => expect((await refusalOf(vestibule.verify(token))).reason).toBe('token_key_unknown'),
      { timeout: 60_000 },
    );
    // If time has passed since they were read again, its key is looked for once more.
    expect([2, 3]).toContain(network.readings);
  });

  it('that were withdrawn while the service was idle verify nothing, for all who come at once', async () => {
    const vestibule = make();
    const token = await issuer.token({ exp: Math.floor(Date.now() / 1000) + 86_400 });
    await vestibule.verify(token);
    serve((await createTestIssuer()).jwks);
    vi.advanceTimersByTime(600_000);
    const fresh = await issuer.token();
    const refusals = await Promise.all(
      Array.from({ length: 50 }, async (_each, index) =>
        refusalOf(vestibule.verify(index % 2 === 0 ? token : fresh)),
      ),
    );
    expect(new Set(refusals.map(({ reason }) => reason))).toEqual(new Set(['token_key_unknown']));
    expect(network.readings).toBe(2);
  });

  it('stay in use for an hour while the gateway does not answer', async () => {
    const vestibule = make();
    const token = await issuer.token({ exp: Math.floor(Date.now() / 1000) + 86_400 });
    await vestibule.verify(token);
    network.answer = async () => Promise.reject(new TypeError('fetch failed'));
    vi.advanceTimersByTime(3_599_000);
    await vestibule.verify(token);
    await vestibule.verify(await issuer.token());
    vi.advanceTimersByTime(2000);
    expect(await refusalOf(vestibule.verify(token))).toMatchObject({
      status: 503,
      code: 'keys_unavailable',
      headers: { 'retry-after': '1' },
    });
    serve(issuer.jwks);
    vi.advanceTimersByTime(1000);
    await vestibule.verify(token);
  });

  it.each([
    ['no connection', async () => Promise.reject(new TypeError('fetch failed'))],
    ['an error', async () => new Response('', { status: 500 })],
    ['a page', async () => new Response('<html>')],
    ['a redirect', async () => Response.redirect('https://evil.example/')],
    ['something else', async () => Response.json({ keys: 'none' })],
    ['more than keys can be', async () => Response.json({ keys: [], more: 'x'.repeat(70_000) })],
  ])('that can not be read, because of %s, are asked for once a second', async (_what, answer) => {
    network.answer = answer;
    const vestibule = make();
    const token = await issuer.token();
    for (let count = 0; count < 5; count += 1) {
      expect((await refusalOf(vestibule.verify(token))).code).toBe('keys_unavailable');
    }
    expect(network.readings).toBe(1);
    serve(issuer.jwks);
    vi.advanceTimersByTime(1000);
    await vestibule.verify(token);
  });

  it('may be at another address', async () => {
    const asked: unknown[] = [];
    const fetch: typeof globalThis.fetch = async (input) => {
      asked.push(input);
      return Response.json(issuer.jwks);
    };
    await make({ fetch, jwksUri: 'http://gateway.internal:3000/.well-known/jwks.json' }).verify(
      await issuer.token(),
    );
    await make({ fetch }).verify(await issuer.token());
    expect(asked).toEqual([
      'http://gateway.internal:3000/.well-known/jwks.json',
      'https://auth.example.test/.well-known/jwks.json',
    ]);
  });
});

describe('a remembered token', () => {
  it('is refused when it expires', async () => {
    const vestibule = make();
    const token = await issuer.token();
    await vestibule.verify(token);
    vi.advanceTimersByTime(629_000);
    await vestibule.verify(token);
    vi.advanceTimersByTime(2000);
    expect((await refusalOf(vestibule.verify(token))).reason).toBe('token_expired');
  });

  it('is asked for each requirement anew', async () => {
    const vestibule = make();
    const token = await issuer.token();
    await vestibule.verify(token);
    expect((await refusalOf(vestibule.verify(token, { role: 'admin' }))).code).toBe('forbidden');
  });

  it('gives claims that no handler can change', async () => {
    const vestibule = make();
    const token = await issuer.token({ roles: ['support'] });
    const { roles } = await vestibule.verify(token);
    expect(() => Reflect.apply(Array.prototype.push, roles, ['admin'])).toThrow(TypeError);
    expect((await refusalOf(vestibule.verify(token, { role: 'admin' }))).code).toBe('forbidden');
  });

  it('makes room for others', async () => {
    const verify = vi.spyOn(crypto.subtle, 'verify');
    const vestibule = make({ remembered: 2 });
    const tokens = await Promise.all(Array.from({ length: 3 }, async () => issuer.token()));
    for (const token of [...tokens, ...tokens.slice(1), ...tokens.slice(0, 1)]) {
      await vestibule.verify(token);
    }
    expect(verify).toHaveBeenCalledTimes(4);
    verify.mockRestore();
  });
});

describe('options', () => {
  it.each([
    [{ issuer: 'auth.example.org' }, 'issuer'],
    [{ issuer: 'https://auth.example.org/tenant' }, 'issuer'],
    [{ issuer: 'https://user:pass@auth.example.org' }, 'issuer'],
    [{ issuer: 'ftp://auth.example.org' }, 'issuer'],
    [{ audience: '' }, 'audience'],
    [{ clockTolerance: 61 }, 'clockTolerance'],
    [{ cooldown: -1 }, 'cooldown'],
    [{ remembered: Number.NaN }, 'remembered'],
    [JSON.parse('{"apiKeys":"yes"}'), 'apiKeys'],
  ])('%j can not be', (options, name) => {
    expect(() => make(options)).toThrow(name);
  });

  it('take an issuer with a slash at its end for the same', async () => {
    const vestibule = make({ issuer: 'https://auth.example.test/' });
    expect((await vestibule.verify(await issuer.token())).iss).toBe('https://auth.example.test');
  });

  it('tell of refusals, with their reason', async () => {
    const reasons: string[] = [];
    const vestibule = make({
      audience: 'https://api.example.test',
      onRefused: ({ reason }) => reasons.push(reason),
    });
    const authorization = `Bearer ${await issuer.token()}`;
    const refusal = await refusalOf(vestibule.authenticate({ headers: new Headers({ authorization }) }));
    await refusalOf(vestibule.authenticate({ headers: new Headers() }));
    expect(reasons).toEqual(['token_claim_aud', 'token_missing']);
    expect(JSON.stringify(refusal)).not.toContain('aud');
    expect(inspect(refusal)).not.toContain('ada@example.test');
  });
});

describe('recall', () => {
  const requestWith = (token: string) => ({ headers: new Headers({ authorization: `Bearer ${token}` }) });

  it('knows whom a token admits once it was verified, and reads nothing', async () => {
    const vestibule = make();
    const request = requestWith(await issuer.token({ roles: ['admin'], scope: 'notes:read' }));
    const requirement = { role: 'admin', scope: 'notes:read' };
    expect(vestibule.recall(request, requirement)).toBeUndefined();
    expect(network.readings).toBe(0);
    const caller = await vestibule.authenticate(request, requirement);
    expect(vestibule.recall(request, requirement)).toEqual(caller);
    expect(network.readings).toBe(1);
  });

  it('leaves every refusal to `authenticate`, and reports none', async () => {
    const refused = vi.fn();
    const vestibule = make({ onRefused: refused, apiKeys: true });
    const token = await issuer.token({ scope: 'notes:read' });
    const request = requestWith(token);
    await vestibule.authenticate(request, { scope: [] });
    expect(vestibule.recall(request, { scope: [] })).toBeDefined();
    for (const requirement of [{}, { scope: 'notes:write' }, { role: 'admin' }, { maxAge: 0 }]) {
      vi.setSystemTime(Date.now() + 1000);
      expect([requirement, vestibule.recall(request, requirement)]).toEqual([requirement, undefined]);
    }
    const headers = new Headers({ authorization: `Bearer ${token}`, 'x-api-key': issuer.apiKey() });
    for (const other of [{ headers }, requestWith(`${token}x`), { headers: new Headers() }]) {
      expect(vestibule.recall(other, { scope: [] })).toBeUndefined();
    }
    vi.setSystemTime(Date.now() + 3600_000);
    expect(vestibule.recall(request, { scope: [] })).toBeUndefined();
    expect(refused).not.toHaveBeenCalled();
  });

  it('admits no token before the gateway was heard, where ended sessions are refused', async () => {
    const vestibule = make({ revocations: { key: 'vt_x', onChange: () => undefined } });
    const request = requestWith(await issuer.token());
    const lost = vestibule.authenticate(request, { scope: [] });
    vestibule.close();
    await lost;
    expect(vestibule.recall(request, { scope: [] })).toBeUndefined();
  });
});

describe('an API key of a test issuer', () => {
  const requestWith = (key: string) => ({ headers: new Headers({ 'x-api-key': key }) });

  it('is taken with its claims, where keys are taken', async () => {
    const vestibule = createVerifier({ ...issuer.options, apiKeys: true });
    const { claims } = await vestibule.authenticate(requestWith(issuer.apiKey({ roles: ['admin'] })));
    expect(claims).toMatchObject({ client_id: 'api-key', amr: ['api_key'], scope: 'api', roles: ['admin'] });
    const refusal = await refusalOf(
      createVerifier(issuer.options).authenticate(requestWith(issuer.apiKey())),
    );
    expect(refusal.reason).toBe('token_missing');
  });

  it('of another issuer is refused', async () => {
    const vestibule = createVerifier({ ...issuer.options, apiKeys: true });
    const { apiKey } = await createTestIssuer();
    expect((await refusalOf(vestibule.authenticate(requestWith(apiKey())))).reason).toBe('api_key_refused');
  });
});
