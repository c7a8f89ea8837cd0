import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { landingOf, OAuthApp } from '../../../../test/support/oauth.app.js';
import { OryAdmin } from '../../../../test/support/ory.admin.js';
import { logIn, newPerson } from '../../../../test/support/person.js';
import { enrolTotp } from '../../../../test/support/second.factor.js';
import { type Stack, startStack } from '../../../../test/support/stack.js';
import { UserAgent } from '../../../../test/support/user-agent.js';

/** Seconds. */
const grace = 3600;
const sessionSchema = z.looseObject({
  claims: z.looseObject({
    acr: z.string(),
    amr: z.array(z.string()),
    second_factor: z.looseObject({ missing: z.array(z.string()).optional() }).optional(),
  }),
});
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    env: { REQUIRE_SECOND_FACTOR: 'everyone', SECOND_FACTOR_GRACE: `${grace}s` },
  });
});

afterEach(() => stack.shiftClock(0));

afterAll(async () => {
  await stack?.stop();
});

async function arrive(): Promise<UserAgent> {
  const [agent, person] = [new UserAgent(stack.url), newPerson()];
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  await logIn(agent, person);
  return agent;
}

async function claimsOf(agent: UserAgent): Promise<z.output<typeof sessionSchema>['claims']> {
  return sessionSchema.parse((await agent.fetch('/auth/session')).json()).claims;
}

it('a factor that is removed after the login counts no more from the next renewal on [M08]', async () => {
  const agent = await arrive();
  expect(await claimsOf(agent)).toMatchObject({ acr: 'aal1', second_factor: { due: expect.any(Number) } });
  await enrolTotp(agent);
  await agent.navigate('/auth/login?acr_values=aal2');
  expect(await claimsOf(agent)).toMatchObject({ acr: 'aal2' });
  stack.shiftClock(grace + 120);
  expect((await agent.fetch('/api/v1/me')).status).toBe(200);
  expect((await claimsOf(agent)).second_factor).toBeUndefined();
  await agent.submit(await agent.navigate('/ui/settings'), {}, { name: 'totp_unlink', value: 'true' });
  stack.shiftClock(grace + 1200);
  const refused = await agent.fetch('/api/v1/me');
  expect([refused.status, refused.json()]).toMatchObject([401, { code: 'reauthentication_required' }]);
  const claims = await claimsOf(agent);
  expect(claims).toMatchObject({ acr: 'aal1', second_factor: { missing: ['session'] } });
  expect(claims.amr).not.toContain('mfa');
  // The way back in is the set-up, and it ends.
  const page = await agent.navigate('/api/v1/me');
  expect(page.html().querySelector('h1')?.text).toBe('A second step is needed');
});

it('a factor that was removed counts no more for the access tokens of its login [M08]', async () => {
  const agent = await arrive();
  await enrolTotp(agent);
  await agent.navigate('/auth/login?acr_values=aal2');
  const { access_token: accessToken } = await OAuthApp.spa(stack.url).login(agent);
  const open = async (): Promise<unknown> => {
    const device = new UserAgent(stack.url);
    expect((await device.post('/auth/login', { accessToken })).status).toBe(200);
    return (await claimsOf(device)).acr;
  };
  expect(await open()).toBe('aal2');
  await agent.submit(await agent.navigate('/ui/settings'), {}, { name: 'totp_unlink', value: 'true' });
  expect(await open()).toBe('aal1');
});

it('another application gets no login without the factor that is due, and goes on with it [M09]', async () => {
  const agent = await arrive();
  const spa = OAuthApp.spa(stack.url);
  await spa.login(agent);
  stack.shiftClock(grace + 120);
  const silent = landingOf(await agent.navigate(spa.authorize({ prompt: 'none' }).path));
  expect(silent.searchParams.get('error')).toBe('login_required');
  const page = await agent.navigate(spa.authorize().path);
  expect(page.html().querySelector('h1')?.text).toBe('A second step is needed');
  const link = page.html().querySelector('main a.button')?.getAttribute('href') ?? '';
  await enrolTotp(agent, await agent.navigate(link.replaceAll('&amp;', '&')));
  expect((await spa.login(agent)).access_token).not.toBe('');
});

it('a consent page that was opened before the factor was due leads to it, and to no code [M09]', async () => {
  const agent = await arrive();
  const back = 'https://wiki.example/callback';
  const client = await new OryAdmin(stack.env).createClient({
    client_id: 'wiki',
    client_name: 'Wiki',
    redirect_uris: [back],
    grant_types: ['authorization_code'],
    scope: 'openid',
  });
  const request = new OAuthApp(stack.url, client, back).authorize({ audience: undefined, scope: 'openid' });
  const consent = await agent.navigate(request.path);
  expect(new URL(consent.url).pathname).toBe('/ui/consent');
  stack.shiftClock(grace + 120);
  const page = await agent.submit(consent, {}, { name: 'decision', value: 'allow' });
  expect([page.status, page.html().querySelector('h1')?.text]).toEqual([200, 'A second step is needed']);
});
