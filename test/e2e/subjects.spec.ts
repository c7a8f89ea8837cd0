import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { registerApplication } from '../support/registered.application.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const redirectUri = 'https://wiki.example.test/callback';
const exchange = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
};
const meSchema = z.looseObject({ id: z.string() });

let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

it('a user has one subject at every application, in whatever it is told, and the augmented token names it', async () => {
  const [agent, person] = [new UserAgent(stack.url), newPerson()];
  await signUp(agent, person);
  const applications = ['Wiki', 'Calendar'].map(async (name) => {
    const client = await registerApplication(stack, {
      name,
      redirectUris: [redirectUri],
      scope: 'openid offline_access',
      firstParty: true,
    });
    return new OAuthApp(stack.url, client, redirectUri);
  });
  const told: unknown[] = [];
  for (const app of await Promise.all(applications)) {
    const tokens = await app.login(agent, { audience: undefined, scope: 'openid offline_access' });
    const refreshed = tokensOf(
      await app.token(agent, { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
    );
    const userinfo = await agent.fetch('/ory/hydra/userinfo', {
      headers: { authorization: `Bearer ${refreshed.access_token}` },
    });
    told.push(
      decodeJwt(tokens.id_token ?? '').sub,
      decodeJwt(refreshed.id_token ?? '').sub,
      z.looseObject({ sub: z.string() }).parse(userinfo.json()).sub,
      (await new OryAdmin(stack.env).introspect(refreshed.access_token)).sub,
    );
  }
  // Another browser of theirs, another session.
  const elsewhere = new UserAgent(stack.url);
  await logIn(elsewhere, person);
  const { access_token: subject_token } = await OAuthApp.spa(stack.url).login(elsewhere);
  const answer = await elsewhere.fetch('/auth/token', {
    method: 'POST',
    body: new URLSearchParams({ ...exchange, subject_token }),
  });
  const { sub, idp_sub } = decodeJwt(tokensOf(answer).access_token);
  expect(new Set(told)).toEqual(new Set([idp_sub]));
  expect(meSchema.parse((await agent.fetch('/api/v1/me')).json()).id).toBe(sub);
  expect(sub).not.toBe(idp_sub);
});
