import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../support/administrator.js';
import { OAuthApp, codeOf, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const back = 'https://large.example/callback';
const scope = 'openid offline_access';
/** More than a page of consents with this client has room for. */
const consents = 27;
/** A client of 44 kB, which only an operator can register, at Hydra itself. */
const redirectUris = [
  back,
  ...Array.from({ length: 22 }, (_, index) => `${back}/${'x'.repeat(1950)}${index}`),
];
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });

let stack: Stack;
let ory: OryAdmin;
let administrator: UserAgent;
let app: OAuthApp;

beforeAll(async () => {
  stack = await startStack({ ownOry: true });
  ory = new OryAdmin(stack.env);
  const person = newPerson();
  const before = new UserAgent(stack.url);
  await signUp(before, person);
  await promote(stack.app(), await idOf(before));
  administrator = new UserAgent(stack.url);
  await logIn(administrator, person);
  const client = await ory.createClient({
    client_name: 'Large',
    redirect_uris: redirectUris,
    scope,
    grant_types: ['authorization_code', 'refresh_token'],
  });
  app = new OAuthApp(stack.url, client, back);
});

afterAll(async () => {
  await stack?.stop();
});

const idOf = async (agent: UserAgent): Promise<string> =>
  sessionSchema.parse((await agent.fetch('/auth/session')).json()).user.id;

/** A user who has given the application access many times. @returns the last access token, too. */
async function userWithConsents(): Promise<{ user: UserAgent; token: string }> {
  const user = new UserAgent(stack.url);
  await signUp(user, newPerson());
  let token = '';
  for (let count = 0; count < consents; count += 1) {
    const { path, verifier } = app.authorize({ audience: undefined, scope });
    const page = await user.navigate(path);
    const landed =
      page.status === 200
        ? await user.submit(page, { grant_scope: 'offline_access' }, { name: 'decision', value: 'allow' })
        : page;
    token = tokensOf(await app.exchange(user, codeOf(landed), verifier)).access_token;
  }
  return { user, token };
}

it('an application of any size is listed and revoked', async () => {
  const { user, token } = await userWithConsents();
  const list = await user.fetch('/api/v1/me/connected-apps');
  expect([list.status, list.text]).toEqual([200, expect.stringContaining(app.client.id)]);
  expect((await user.send('DELETE', `/api/v1/me/connected-apps/${app.client.id}`)).status).toBe(204);
  expect(await ory.isActive(token)).toBe(false);
});

it('an application of any size loses its access to a user who is disabled', async () => {
  const { user, token } = await userWithConsents();
  const disabled = await administrator.send('POST', `/api/v1/users/${await idOf(user)}/disable`);
  expect(disabled.status).toBeLessThan(300);
  expect(await ory.isActive(token)).toBe(false);
});
