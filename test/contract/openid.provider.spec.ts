import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { newAccount } from '../support/openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from '../support/openid.provider.js';
import { sendForm, travel } from '../support/travel.js';
import { UserAgent } from '../support/user-agent.js';

const redirectUri = 'http://localhost:9/callback';
const secret = 'secret-of-this-test';
const account = newAccount();

// A suite that runs against a provider proves only what that provider would have refused.
describe.each(['auth0', 'plain'] as const)('the OpenID provider of the tests, %s', (flavour) => {
  let provider: OpenIdProvider;

  beforeAll(async () => {
    const [port = 0] = await findFreePorts(1);
    const common = {
      redirect_uris: [redirectUri],
      token_endpoint_auth_method: 'client_secret_post',
    } as const;
    provider = await startOpenIdProvider({
      flavour,
      port,
      audience: 'https://api.example.test',
      accounts: [account],
      clients: [
        { ...common, client_id: 'web', client_secret: secret },
        { ...common, client_id: 'other', client_secret: secret },
      ],
    });
  });

  afterAll(async () => {
    await provider?.stop();
  });

  const verifier = randomBytes(32).toString('base64url');

  /** Runs an authorization request. @returns the answer's parameters; undefined when none reached the redirect URI. */
  async function authorize(changes: Record<string, string | undefined> = {}) {
    const parameters = {
      client_id: 'web',
      redirect_uri: redirectUri,
      response_type: 'code',
      scope: 'openid',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    };
    const query = new URLSearchParams(
      Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
    );
    const agent = new UserAgent(provider.origin);
    const stop = (next: URL): boolean => next.href.startsWith(redirectUri);
    let arrival = await travel(agent, `${provider.endpoints.authorization}?${query}`, stop);
    if (arrival.next === undefined && arrival.page.status === 200) {
      arrival = await sendForm(agent, arrival.page, { login: account.sub }, stop);
    }
    return { status: arrival.page.status, answer: arrival.next?.searchParams };
  }

  /** Exchanges a code. @returns the error, or undefined when there are tokens. */
  async function exchange(code: string, changes: Record<string, string> = {}): Promise<unknown> {
    const body = new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: 'web',
      client_secret: secret,
      redirect_uri: redirectUri,
      code_verifier: verifier,
      code,
      ...changes,
    });
    const answer: unknown = await (await fetch(provider.endpoints.token, { method: 'POST', body })).json();
    return Reflect.get(Object(answer), 'error');
  }

  async function newCode(): Promise<string> {
    const { answer } = await authorize();
    expect(answer?.has('code')).toBe(true);
    return answer?.get('code') ?? '';
  }

  it('takes a code once', async () => {
    const code = await newCode();
    expect(await exchange(code)).toBeUndefined();
    expect(await exchange(code)).toBe('invalid_grant');
  });

  it.each([
    ['wrong secret', { client_secret: 'wrong' }, 'invalid_client'],
    ['another client', { client_id: 'other' }, 'invalid_grant'],
    ['wrong code verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no code verifier', { code_verifier: '' }, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: `${redirectUri}/` }, 'invalid_grant'],
  ])('gives no tokens for a code with %s', async (_case, changes, error) => {
    expect(await exchange(await newCode(), changes)).toBe(error);
  });

  it.each([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }],
    ['with plain PKCE', { code_challenge: verifier, code_challenge_method: 'plain' }],
  ])('gives no code %s', async (_case, changes) => {
    const { answer } = await authorize(changes);
    expect(answer?.get('error')).toBe('invalid_request');
    expect(answer?.has('code')).toBe(false);
  });

  it('sends nobody to a redirect URI that is only similar', async () => {
    for (const similar of [`${redirectUri}/`, `${redirectUri}?x=1`, 'http://localhost:90/callback']) {
      expect(await authorize({ redirect_uri: similar })).toEqual({ status: 400, answer: undefined });
    }
  });
});
