import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { shows } from '../support/browser.js';
import { verifiedPerson } from '../support/browser.api.js';
import { fillLogin } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { registerApplication } from '../support/registered.application.js';

const stage = useStage();
let origin: string;
let server: Server;

/** A single-page application with no server behind it, as its maker writes it from the specifications. */
const script = (issuer: string, clientId: string): string => `
  const find = async () => (await fetch('${issuer}/.well-known/openid-configuration')).json();
  const encode = (bytes) => btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/[+]/g, '-').replace(/[/]/g, '_').replace(/=/g, '');
  const asked = new URLSearchParams(location.search);
  const show = (text) => { document.querySelector('h1').textContent = text; };
  if (asked.has('code')) {
    const { token_endpoint, userinfo_endpoint, revocation_endpoint } = await find();
    const answer = await fetch(token_endpoint, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'authorization_code', client_id: '${clientId}', redirect_uri: location.origin + '/',
        code: asked.get('code'), code_verifier: sessionStorage.verifier,
      }),
    });
    const { access_token } = await answer.json();
    const headers = { authorization: 'Bearer ' + access_token };
    const user = await (await fetch(userinfo_endpoint, { headers })).json();
    const body = new URLSearchParams({ client_id: '${clientId}', token: access_token });
    await fetch(revocation_endpoint, { method: 'POST', body });
    const after = await fetch(userinfo_endpoint, { headers });
    show(user.email + ', then ' + after.status);
  } else {
    sessionStorage.verifier = encode(crypto.getRandomValues(new Uint8Array(32)));
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(sessionStorage.verifier));
    const { authorization_endpoint } = await find();
    location = authorization_endpoint + '?' + new URLSearchParams({
      client_id: '${clientId}', redirect_uri: location.origin + '/', response_type: 'code', scope: 'openid email',
      state: crypto.randomUUID(), code_challenge: encode(digest), code_challenge_method: 'S256',
    });
  }`;

beforeAll(async () => {
  const [port = 0] = await findFreePorts(1);
  origin = `http://localhost:${port}`;
  const { id } = await registerApplication(stage.stack, {
    name: 'Board',
    kind: 'single_page',
    redirectUris: [`${origin}/`],
  });
  const page = `<!doctype html><title>Board</title><h1></h1><script type="module">${script(`${stage.stack.url}/ory/hydra`, id)}</script>`;
  server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html; charset=utf-8').end(page);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(() => {
  server?.close();
  server?.closeAllConnections();
});

beforeEach(() => {
  stage.welcome.push(origin);
});

it('a single-page application of another origin logs a user in, and takes its token back', async () => {
  const { page, stack } = stage;
  const person = await verifiedPerson(stack);
  await page.goto(origin);
  await fillLogin(page, person);
  await page.getByRole('button', { name: 'Allow' }).click();
  expect(await shows(page.getByRole('heading', { name: `${person.email}, then 401` }))).toBe(true);
});

it('answers without cookies, and nothing else, to pages of other origins', async () => {
  const { url } = stage.stack;
  const ask = async (path: string, method: string): Promise<readonly unknown[]> => {
    const headers = { origin, 'access-control-request-method': 'POST' };
    const answer = await fetch(`${url}/ory${path}`, { method, headers, redirect: 'manual' });
    const allowed = ['origin', 'credentials'].map((name) =>
      answer.headers.get(`access-control-allow-${name}`),
    );
    return [answer.status, ...allowed];
  };
  expect(await ask('/hydra/oauth2/token', 'OPTIONS')).toEqual([204, '*', null]);
  expect(await ask('/hydra/userinfo', 'GET')).toEqual([401, '*', null]);
  expect((await ask('/hydra/oauth2/auth', 'GET')).slice(1)).toEqual([null, null]);
  expect((await ask('/kratos/sessions/whoami', 'GET')).slice(1)).toEqual([null, null]);
});

it('a program in a page of another origin reaches what registers it and gives it tokens, never with the user’s session', async () => {
  const { page, stack } = stage;
  const { url } = stack;
  stage.mishaps.push(/CORS/);
  await page.goto(origin);
  await fillLogin(page, await verifiedPerson(stack));
  await page.getByRole('button', { name: 'Allow' }).click();
  await page.getByRole('heading', { name: /, then 401$/ }).waitFor();
  /** What a script of the other origin's page can read. */
  const ask = async (
    path: string,
    type: string,
    body: string,
    more: { readonly credentials?: 'include'; readonly authorization?: string } = {},
  ): Promise<unknown> =>
    page.evaluate(
      async ([target, contentType, text, credentials, authorization]) => {
        try {
          const answer = await fetch(target, {
            method: 'POST',
            credentials: credentials === 'include' ? 'include' : 'omit',
            headers: {
              'content-type': contentType,
              ...(authorization === '' ? {} : { authorization }),
            },
            body: text,
          });
          const { error, code } = await answer.json();
          return [answer.status, error ?? code];
        } catch {
          return 'not readable';
        }
      },
      [url + path, type, body, more.credentials ?? 'omit', more.authorization ?? ''] as const,
    );
  const form = 'application/x-www-form-urlencoded';
  const session = 'grant_type=urn:ietf:params:oauth:grant-type:token-exchange&subject_token_type=';
  const ofCookie = `${session}urn:vestibule:params:oauth:token-type:session`;
  expect(await ask('/auth/token', form, 'grant_type=password')).toEqual([400, 'unsupported_grant_type']);
  expect(await ask('/auth/token', form, ofCookie)).toEqual([400, 'invalid_request']);
  // Registration is off here: what counts is that the browser lets the page ask, and read the answer.
  expect(await ask('/oauth2/register', 'application/json', '{}')).toEqual([404, 'not_found']);
  for (const path of ['/auth/token', '/oauth2/register']) {
    expect(await ask(path, form, ofCookie, { credentials: 'include' })).toBe('not readable');
    expect(await ask(path, form, ofCookie, { authorization: 'Bearer x' })).toBe('not readable');
  }
  expect(await ask('/auth/logout', form, '')).toBe('not readable');
});
