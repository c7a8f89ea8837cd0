import {
  ClientSecretPost,
  type Configuration,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrlWithPAR,
  calculatePKCECodeChallenge,
  discovery,
  randomPKCECodeVerifier,
} from 'openid-client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { z } from 'zod';
import { databaseKinds } from '../../../../../test/support/database.kinds.js';
import { landingOf } from '../../../../../test/support/oauth.app.js';
import { OryAdmin, type RegisteredClient } from '../../../../../test/support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../../../../test/support/person.js';
import { registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { type Page, UserAgent } from '../../../../../test/support/user-agent.js';

const redirectUri = 'https://wiki.example.test/callback';
const pushedSchema = z.strictObject({
  request_uri: z.string().regex(/^urn:ietf:params:oauth:request_uri:[\w-]{43}$/),
  expires_in: z.literal(60),
});
const errorSchema = z.looseObject({ error: z.string(), error_description: z.string() });

describe.each(databaseKinds)('pushed authorization requests, on %s', (database) => {
  let stack: Stack;
  let person: Person;
  let browser: UserAgent;
  let wiki: RegisteredClient;
  let other: RegisteredClient;

  beforeAll(async () => {
    stack = await startStack({ database, postgresUrl: inject('postgresUrl'), sharedOry: true });
    person = newPerson();
    await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
    browser = new UserAgent(stack.url);
    await logIn(browser, person);
    const register = async (name: string): Promise<RegisteredClient> =>
      registerApplication(stack, { name, firstParty: true, redirectUris: [redirectUri] });
    wiki = await register('Wiki');
    other = await register('Other');
  });

  afterAll(async () => {
    await stack?.stop();
  });

  afterEach(() => {
    stack.shiftClock(0);
  });

  const configured = async (): Promise<Configuration> =>
    discovery(new URL(`${stack.url}/ory/hydra`), wiki.id, undefined, ClientSecretPost(wiki.secret), {
      execute: [allowInsecureRequests],
    });

  /** Pushes a request as a program without a library does. */
  async function push(
    changes: Readonly<Record<string, string>> = {},
    secret = wiki.secret,
    id = wiki.id,
  ): Promise<Page> {
    return new UserAgent(stack.url).request('/ory/hydra/oauth2/par', {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({
        response_type: 'code',
        redirect_uri: redirectUri,
        scope: 'openid',
        state: 'state-of-the-wiki',
        code_challenge: 'x'.repeat(43),
        code_challenge_method: 'S256',
        ...changes,
      }),
    });
  }

  async function pushed(changes: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await push(changes);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([201, 'no-store']);
    return pushedSchema.parse(answer.json()).request_uri;
  }

  const pathTo = (uri: string, clientId = wiki.id, more: Readonly<Record<string, string>> = {}): string =>
    `/ory/hydra/oauth2/auth?${new URLSearchParams({ client_id: clientId, request_uri: uri, ...more })}`;

  const refusalOf = (page: Page): string => `${page.status} ${errorSchema.parse(page.json()).error}`;

  it('a certified library pushes its request by the metadata, and logs a user in who has to enter a password', async () => {
    const configuration = await configured();
    const verifier = randomPKCECodeVerifier();
    const url = await buildAuthorizationUrlWithPAR(configuration, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      state: 'of-the-library',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    expect([...url.searchParams.keys()].toSorted()).toEqual(['client_id', 'request_uri']);
    const agent = new UserAgent(stack.url);
    const form = await agent.navigate(url.href);
    const landing = landingOf(
      await agent.submit(form, { identifier: person.email, password: person.password }),
    );
    const tokens = await authorizationCodeGrant(configuration, landing, {
      pkceCodeVerifier: verifier,
      expectedState: 'of-the-library',
    });
    expect(tokens.claims()).toMatchObject({ aud: [wiki.id], email: person.email });
  });

  it('what a browser adds to the reference counts for nothing', async () => {
    const more = {
      scope: 'openid email',
      redirect_uri: 'https://evil.example/',
      state: 'other',
      prompt: 'none',
    };
    const landing = landingOf(await browser.navigate(pathTo(await pushed(), wiki.id, more)));
    expect([landing.origin + landing.pathname, landing.searchParams.get('state')]).toEqual([
      redirectUri,
      'state-of-the-wiki',
    ]);
    expect(landing.searchParams.has('code')).toBe(true);
  });

  it('a reference is good once, also for two browsers at once', async () => {
    const path = pathTo(await pushed());
    const pages = await Promise.all(Array.from({ length: 5 }, async () => browser.request(path)));
    expect(pages.filter(({ status }) => status === 400)).toHaveLength(4);
    const again = await browser.navigate(path);
    expect([again.status, again.text]).toEqual([400, expect.stringContaining('was opened before')]);
  });

  it('a reference is good for a minute, and for its application', async () => {
    const late = await pushed();
    stack.shiftClock(61);
    expect((await browser.request(pathTo(late))).status).toBe(400);
    stack.shiftClock(0);
    const foreign = await pushed();
    expect((await browser.request(pathTo(foreign, other.id))).status).toBe(400);
    // It wasn't used up by that.
    expect(landingOf(await browser.navigate(pathTo(foreign))).searchParams.has('code')).toBe(true);
    expect(
      (await browser.request(pathTo(`urn:ietf:params:oauth:request_uri:${'x'.repeat(43)}`))).status,
    ).toBe(400);
  });

  it('request objects stay refused, in the query and in a push', async () => {
    const foreign = await browser.navigate(pathTo('https://wiki.example.test/request.jwt'));
    expect(landingOf(foreign).searchParams.get('error')).toBe('request_uri_not_supported');
    const twice = `${pathTo(await pushed())}&request_uri=urn%3Aother`;
    expect((await browser.request(twice)).status).toBe(400);
    expect(refusalOf(await push({ request_uri: await pushed() }))).toBe('400 invalid_request');
    expect(refusalOf(await push({ request: 'eyJ.e30.' }))).toBe('400 invalid_request');
  });

  it('a push is refused before the user sees anything: the secret, the redirect URI, the response type, the length', async () => {
    expect(refusalOf(await push({}, 'vsc_wrong'))).toBe('401 invalid_client');
    expect(refusalOf(await push({ client_id: other.id }))).toBe('400 invalid_request');
    expect(refusalOf(await push({ redirect_uri: 'https://evil.example/' }))).toBe('400 invalid_request');
    expect(refusalOf(await push({ response_type: 'token' }))).toBe('400 invalid_request');
    expect((await push({ state: 's'.repeat(2100) })).status).toBe(414);
    for (const changes of [
      { code_challenge: '' },
      { code_challenge_method: 'plain' },
      { code_challenge_method: '' },
      { nonce: 'short' },
    ]) {
      expect(refusalOf(await push(changes))).toBe('400 invalid_request');
    }
    const lax = await registerApplication(stack, {
      name: 'Lax',
      codeProtection: 'nonce',
      redirectUris: [redirectUri],
    });
    const unprotected = { code_challenge: '', code_challenge_method: '' };
    const refused = await push({ ...unprotected }, lax.secret, lax.id);
    expect(errorSchema.parse(refused.json()).error_description).toContain('new nonce for each login');
    expect((await push({ ...unprotected, nonce: 'n'.repeat(20) }, lax.secret, lax.id)).status).toBe(201);
    const unknown = await new UserAgent(stack.url).request('/ory/hydra/oauth2/par', {
      method: 'POST',
      body: new URLSearchParams({ client_id: 'nobody', response_type: 'code' }),
    });
    expect(refusalOf(unknown)).toBe('401 invalid_client');
  });

  it('an error of Hydra about a pushed request goes to the application, with its state', async () => {
    const landing = landingOf(
      await browser.navigate(pathTo(await pushed({ scope: 'openid no-such-scope' }))),
    );
    expect([
      landing.origin + landing.pathname,
      landing.searchParams.get('error'),
      landing.searchParams.get('state'),
    ]).toEqual([redirectUri, 'invalid_scope', 'state-of-the-wiki']);
  });

  it('the secret of a push isn’t kept with it, nor is the request readable in the database or the log', async () => {
    await pushed({ login_hint: 'secret-hint@example.org' });
    expect(stack.log.join('')).not.toMatch(/secret-hint|urn:ietf:params:oauth:request_uri:\w/);
    expect(stack.log.join('')).not.toContain(wiki.secret);
  });
});
