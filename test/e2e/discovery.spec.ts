import { decodeJwt, decodeProtectedHeader } from 'jose';
import { allowInsecureRequests, discovery } from 'openid-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp, landingOf } from '../support/oauth.app.js';
import { registerApplication } from '../support/registered.application.js';
import { type Stack, startStack } from '../support/stack.js';
import { type Page, UserAgent, formOf } from '../support/user-agent.js';
import { arriveVerified } from '../support/verified.person.js';

const keySetSchema = z.object({ keys: z.array(z.object({ kid: z.string(), alg: z.literal('RS256') })) });
const names = z.array(z.string());
const announcedSchema = z.looseObject({
  response_modes_supported: names,
  scopes_supported: names,
  claims_supported: names,
  id_token_signing_alg_values_supported: names,
  prompt_values_supported: names,
  ui_locales_supported: names,
  acr_values_supported: names,
});

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

const insecure = { execute: [allowInsecureRequests] };

it('a client that is given the issuer of ID tokens discovers the login provider', async () => {
  const issuer = `${stack.url}/ory/hydra`;
  const metadata = (await discovery(new URL(issuer), 'any', undefined, undefined, insecure)).serverMetadata();
  expect(metadata).toMatchObject({
    issuer,
    authorization_endpoint: `${issuer}/oauth2/auth`,
    token_endpoint: `${issuer}/oauth2/token`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
  });
  const published = await keyIdsAt(metadata.jwks_uri ?? '');
  const admin = `${stack.env['HYDRA_ADMIN_URL']}/admin/keys`;
  const sets = await Promise.all(
    ['hydra.openid.id-token', 'hydra.jwt.access-token'].map((set) => keyIdsAt(`${admin}/${set}`)),
  );
  expect(sets.map((ids) => ids.length > 0)).toEqual([true, true]);
  expect(published).toEqual(sets.flat().sort());
});

it('a client that is given a discovery URL finds the same at the origin, from pages of other origins too', async () => {
  const [atOrigin, atIssuer] = await Promise.all(
    ['', '/ory/hydra'].map(async (path) => fetch(`${stack.url}${path}/.well-known/openid-configuration`)),
  );
  expect(atOrigin?.status).toBe(200);
  expect(atOrigin?.headers.get('access-control-allow-origin')).toBe('*');
  expect(await atOrigin?.json()).toEqual(await atIssuer?.json());
});

async function keyIdsAt(url: string): Promise<string[]> {
  const { keys } = keySetSchema.parse(await (await fetch(url)).json());
  return keys.map(({ kid }) => kid).sort();
}

describe('what the metadata announces works, and nothing else is announced', () => {
  const redirectUri = 'https://wiki.example.test/callback';
  let app: OAuthApp;
  let user: UserAgent;
  let metadata: z.output<typeof announcedSchema>;

  beforeAll(async () => {
    const client = await registerApplication(stack, {
      name: 'Wiki',
      redirectUris: [redirectUri],
      scope: 'openid profile email roles orgs groups offline_access',
      firstParty: true,
    });
    app = new OAuthApp(stack.url, client, redirectUri);
    user = new UserAgent(stack.url);
    await arriveVerified(user, stack);
    metadata = announcedSchema.parse((await user.fetch('/.well-known/openid-configuration')).json());
  });

  const asked = (changes: Readonly<Record<string, string | undefined>>): string =>
    app.authorize({ audience: undefined, ...changes }).path;

  it('response modes: each takes the code to the application, and another one is refused', async () => {
    expect(metadata.response_modes_supported).toEqual(['query', 'fragment', 'form_post']);
    const query = landingOf(await user.navigate(asked({ response_mode: 'query' })));
    const fragment = landingOf(await user.navigate(asked({ response_mode: 'fragment' })));
    const form = formOf(await user.navigate(asked({ response_mode: 'form_post' })), { code: '' });
    const answers = [query.searchParams, new URLSearchParams(fragment.hash.slice(1))];
    expect(answers.map((answer) => answer.has('code'))).toEqual([true, true]);
    expect([form.action, form.body.has('code')]).toEqual([redirectUri, true]);
    const other = landingOf(await user.navigate(asked({ response_mode: 'query.jwt' })));
    expect(other.searchParams.get('error')).toBe('unsupported_response_mode');
  });

  it('scopes, claims and signatures: all of them are in ID tokens and at userinfo, and no other claim is', async () => {
    expect(metadata.scopes_supported.toSorted()).toEqual(
      'email groups offline_access openid orgs profile roles'.split(' '),
    );
    const scope = metadata.scopes_supported.join(' ');
    const tokens = await app.login(user, { audience: undefined, scope, nonce: 'a-new-nonce' });
    const token = tokens.id_token ?? '';
    expect([decodeProtectedHeader(token).alg]).toEqual(metadata.id_token_signing_alg_values_supported);
    const stated = new Set(Object.keys(decodeJwt(token)));
    // Hydra's own, which no application needs: the id of the token, and the time of the request.
    const technical = new Set(['jti', 'rat']);
    const missing = metadata.claims_supported.filter((name) => !stated.has(name));
    expect(missing).toEqual(['picture']);
    expect(
      [...stated].filter((name) => !metadata.claims_supported.includes(name) && !technical.has(name)),
    ).toEqual([]);
    const userinfo = await user.fetch('/ory/hydra/userinfo', {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    });
    const names = Object.keys(z.looseObject({}).parse(userinfo.json()));
    expect(names.filter((name) => !metadata.claims_supported.includes(name) && !technical.has(name))).toEqual(
      [],
    );
  });

  it('prompts: none shows no page, login asks for the password, consent for the consent', async () => {
    expect(metadata.prompt_values_supported).toEqual(['none', 'login', 'consent']);
    const client = await registerApplication(stack, { name: 'Calendar', redirectUris: [redirectUri] });
    const calendar = new OAuthApp(stack.url, client, redirectUri);
    const openAt = async (prompt?: string): Promise<Page> =>
      user.navigate(calendar.authorize({ audience: undefined, scope: 'openid email', prompt }).path);
    const allow = { name: 'decision', value: 'allow' };
    await user.submit(await openAt(), { remember: 'true', grant_scope: 'email' }, allow);
    expect(landingOf(await openAt('none')).searchParams.has('code')).toBe(true);
    expect(new URL((await openAt('login')).url).pathname).toBe('/ui/login');
    expect(new URL((await openAt('consent')).url).pathname).toBe('/ui/consent');
    expect(landingOf(await openAt('create')).searchParams.get('error')).toBe('invalid_request');
  });

  it('languages: each page is in the one that the application asks for', async () => {
    expect(metadata.ui_locales_supported).toEqual(['en', 'de']);
    for (const tag of metadata.ui_locales_supported) {
      const page = await new UserAgent(stack.url).navigate(asked({ ui_locales: tag }));
      expect(page.html().querySelector('html')?.getAttribute('lang')).toBe(tag);
    }
  });

  it('levels of assurance: the one that a login has is in its ID token', async () => {
    expect(metadata.acr_values_supported).toEqual(['aal1', 'aal2']);
    const tokens = await app.login(user, { audience: undefined, acr_values: 'aal1' });
    expect(decodeJwt(tokens.id_token ?? '')['acr']).toBe('aal1');
    const second = await user.navigate(asked({ acr_values: 'aal2', prompt: 'none' }));
    expect(landingOf(second).searchParams.get('error')).toBe('login_required');
  });
});
