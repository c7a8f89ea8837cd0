import { afterAll, beforeAll, expect, it } from 'vitest';
import { Canary, NotingAgent } from '../support/canary.js';
import { codeOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

const canary = new Canary();
let stack: Stack;

beforeAll(async () => {
  stack = await startStack();
});

afterAll(async () => {
  await stack?.stop();
});

it('after logins, refusals and faults of every kind, no secret and no e-mail address is in the log [W11]', async () => {
  const person = newPerson();
  canary.note('password', person.password);
  canary.note('e-mail address', person.email);
  canary.note('name', person.name);
  canary.note('wrong password', 'a-wrong-password-of-the-canary');
  stack.secrets.gateway.forEach((secret) => canary.note('SECRETS', secret));

  const agent = new NotingAgent(stack.url, canary);
  await signUp(agent, person, '/docs');
  await agent.post('/auth/logout', {});
  await logIn(agent, { email: person.email, password: 'a-wrong-password-of-the-canary' });
  await logIn(agent, person);

  const spa = OAuthApp.spa(stack.url);
  const { path, verifier } = spa.authorize();
  canary.note('code verifier', verifier);
  const code = codeOf(await agent.navigate(path));
  const tokens = tokensOf(await spa.exchange(agent, code, verifier));
  canary.note('access token', tokens.access_token);
  canary.note('ID token', tokens.id_token);
  const visitor = new NotingAgent(stack.url, canary);
  await visitor.post('/auth/login', { accessToken: tokens.access_token });
  await spa.exchange(agent, code, verifier);
  await visitor.post('/auth/login', { accessToken: tokens.access_token });
  await visitor.request('/auth/login', { method: 'POST', body: `{"accessToken":"${tokens.access_token}"` });
  await visitor.post('/auth/login', { accessToken: { nested: tokens.access_token }, email: person.email });
  await visitor.post('/auth/login', { accessToken: tokens.access_token }, { origin: 'https://evil.example' });

  const app = new OAuthApp(
    stack.url,
    await new OryAdmin(stack.env).createClient({ redirect_uris: ['https://app.example/back'] }),
    'https://app.example/back',
  );
  canary.note('client secret', app.client.secret);
  const consent = await agent.navigate(app.authorize({ audience: undefined }).path);
  const allowed = await agent.submit(consent, {}, { name: 'decision', value: 'allow' });
  await app.exchange(agent, codeOf(allowed), 'v'.repeat(43));

  // Faults: answers that aren't right, routes that aren't there, a provider that's away.
  const callback = await agent.followUntil('/auth/login', ({ pathname }) => pathname === '/auth/callback');
  await new NotingAgent(stack.url, canary).navigate(callback.href);
  await agent.navigate(`${callback.href}&error=${person.email}`);
  await agent.navigate(`/nowhere?email=${person.email}&token=${tokens.access_token}`);
  await agent.navigate(`/auth/ory/login?login_challenge=${code}`);
  await agent.navigate(`/ui/error?error=${person.email}&id=${code}`);
  const headers = { authorization: `Bearer ${tokens.access_token}`, 'user-agent': person.email };
  await agent.fetch('/auth/session', { headers });
  await Promise.all([stack.ory.children.kratos.stop(), stack.ory.children.hydra.stop()]);
  await visitor.post('/auth/login', { accessToken: tokens.access_token });
  await visitor.navigate('/auth/login');
  await agent.navigate(callback.href);
  await agent.post('/auth/logout', {});

  const log = stack.log.join('\n');
  expect(canary.secrets.size).toBeGreaterThan(40);
  expect(log).toContain('login_succeeded');
  expect(canary.found(log)).toEqual([]);
  // Codes and challenges travel in addresses, as OAuth has it; nothing else does.
  const lasting = canary.lasting.filter(([, what]) => !what.startsWith('e-mail'));
  expect(canary.addresses.length).toBeGreaterThan(40);
  expect(canary.found(canary.addresses.join('\n'), lasting)).toEqual([]);
});

it('a line break or an escape sequence that somebody sends stays inside one line of the log [W10]', async () => {
  const before = stack.log.length;
  const agent = new UserAgent(stack.url);
  await agent.fetch('/auth/session%0d%0a{"level":"info","msg":"forged"}%1b[31m');
  await agent.fetch('/nowhere', { headers: { 'user-agent': 'x\u009B2J', referer: 'a%0ab%1b[2J' } });
  const lines = stack.log.slice(before);
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) {
    expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
    expect(JSON.parse(line)).not.toMatchObject({ msg: 'forged' });
  }
});
