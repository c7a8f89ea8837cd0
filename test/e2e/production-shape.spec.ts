import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { buildLimit } from '../docker/docker.checks.js';
import { type ProductionTopology, startProductionTopology } from '../docker/production.topology.js';
import { codeOf, OAuthApp, tokensOf } from '../support/oauth.app.js';
import { OryAdmin } from '../support/ory.admin.js';
import { logIn, newPerson, type Person, signUp } from '../support/person.js';
import { waitUntil } from '../support/stack.js';
import type { UserAgent } from '../support/user-agent.js';

const lanes = 5;
const logins = 30;
let site: ProductionTopology;
let admin: OryAdmin;

beforeAll(async () => {
  site = await startProductionTopology({
    postgresUrl: inject('postgresUrl'),
    redis: inject('redisServerPath'),
    nginx: inject('nginxPath'),
  });
  admin = new OryAdmin(site.admin);
}, buildLimit);

afterAll(async () => {
  await site?.stop();
});

const sessionOf = async (agent: UserAgent): Promise<number> => (await agent.fetch('/auth/session')).status;

/** What each gateway says to this browser's cookies. */
const atEach = async (agent: UserAgent): Promise<number[]> =>
  Promise.all(site.gateways.map(async (gateway) => sessionOf(await site.at(gateway, agent))));

async function somebody(): Promise<Person> {
  const person = newPerson();
  await admin.createPerson(person);
  return person;
}

it('runs as production, with its secrets in files', () => {
  const { NODE_ENV, SECRETS, SECRETS_FILE, DATABASE_URL_FILE } = site.gatewayEnvironment;
  expect(NODE_ENV).toBe('production');
  expect(SECRETS).toBeUndefined();
  expect(existsSync(SECRETS_FILE ?? '')).toBe(true);
  expect(existsSync(DATABASE_URL_FILE ?? '')).toBe(true);
  expect(site.gatewayEnvironment['PUBLIC_URL']).toBe(site.origin);
});

it('sign-up, log-in and log-out pass through TLS, known on both gateways', async () => {
  const person = newPerson();
  const first = site.browser();
  const account = await signUp(first, person);
  expect(account.status).toBe(200);
  expect(account.text).toContain(person.name);
  expect(await first.cookie('__Host-vestibule')).toBeDefined();
  expect(await atEach(first)).toEqual([200, 200]);

  const second = site.browser();
  await logIn(second, person);
  expect(await atEach(second)).toEqual([200, 200]);
  const cookies = await second.jar.getCookies(site.origin);
  expect(cookies.filter(({ secure, httpOnly }) => !secure || !httpOnly)).toEqual([]);

  const kept = await Promise.all(site.gateways.map((gateway) => site.at(gateway, second)));
  const left = await second.navigate('/auth/logout', { method: 'POST', body: new URLSearchParams() });
  expect(left.url).toBe(`${site.origin}/`);
  expect(await second.cookie('__Host-vestibule')).toBeUndefined();
  await waitUntil(
    async () => (await Promise.all(kept.map(sessionOf))).every((status) => status === 401),
    'the logout to be known on both gateways',
    2000,
  );
  expect(await atEach(first)).toEqual([200, 200]);
});

it('a caller cannot say who it is in place of the proxy', async () => {
  const answer = await site.browser().navigate('/auth/login', {
    headers: {
      'x-forwarded-host': 'elsewhere.example',
      'x-forwarded-proto': 'http',
      forwarded: 'host=elsewhere.example',
    },
  });
  expect(answer.status).toBe(200);
  expect(new URL(answer.url).origin).toBe(site.origin);
  expect(answer.text).not.toContain('elsewhere.example');
});

it('a logout at another application arrives by the back channel, on both gateways', async () => {
  const redirectUri = 'https://calendar.example/back';
  const client = await admin.createClient({
    client_name: 'Calendar',
    redirect_uris: [redirectUri],
    post_logout_redirect_uris: ['https://calendar.example/bye'],
  });
  const calendar = new OAuthApp(site.origin, client, redirectUri);
  const agent = site.browser();
  await logIn(agent, await somebody());
  const { path, verifier } = calendar.authorize({ audience: undefined, scope: 'openid' });
  const back = await agent.submit(await agent.navigate(path), {}, { name: 'decision', value: 'allow' });
  const { id_token: idToken = '' } = tokensOf(await calendar.exchange(agent, codeOf(back), verifier));
  const kept = await Promise.all(site.gateways.map((gateway) => site.at(gateway, agent)));
  const before = site.answersToHydra.length;

  const query = new URLSearchParams({
    id_token_hint: idToken,
    post_logout_redirect_uri: 'https://calendar.example/bye',
  });
  const asked = await agent.navigate(`/ory/hydra/oauth2/sessions/logout?${query}`);
  await agent.submit(asked, {}, { name: 'decision', value: 'logout' });
  await waitUntil(() => site.answersToHydra.length > before, 'Hydra to tell a gateway', 5000);
  expect(site.answersToHydra.slice(before)).toEqual(['HTTP/1.1 200 OK']);
  await waitUntil(
    async () => (await Promise.all(kept.map(sessionOf))).every((status) => status === 401),
    'the logout to be known on both gateways',
    2000,
  );
  expect(await sessionOf(agent)).toBe(401);
});

it('one gateway killed and started again during 30 logins: only requests that it was answering fail, no session is lost', async () => {
  const [killed] = site.gateways;
  const earlier = site.browser();
  await logIn(earlier, await somebody());
  const people = await Promise.all(Array.from({ length: logins }, somebody));
  const before = (await site.proxyLog()).length;
  const waiting = [...people];
  const done: UserAgent[] = [];
  /** Attempts that ended otherwise. */
  const interrupted: { readonly beganAt: number; readonly saw: string }[] = [];

  const lane = async (): Promise<void> => {
    for (let person = waiting.shift(); person !== undefined; person = waiting.shift()) {
      const agent = site.browser();
      const beganAt = Date.now();
      const saw = await logIn(agent, person).then(
        async (page) => (page.status === 200 ? `session ${await sessionOf(agent)}` : `page ${page.status}`),
        (error: unknown) => String(error),
      );
      if (saw === 'session 200') {
        done.push(agent);
      } else {
        // Anyone who saw an error tries again.
        interrupted.push({ beganAt, saw });
        waiting.push(person);
      }
    }
  };
  const all = Promise.all(Array.from({ length: lanes }, lane));
  await waitUntil(() => done.length >= logins / 5, 'a fifth of the logins');
  await killed?.kill();
  const diedAt = Date.now();
  const atDeath = done.length;
  await waitUntil(() => done.length >= atDeath + logins / 5, 'more logins on the other gateway');
  await killed?.start();
  const restarted = (await site.proxyLog()).length;
  await all;

  expect(atDeath).toBeLessThan(logins);
  expect(done).toHaveLength(logins);
  const address = new URL(killed?.url ?? '').port;
  const lines = (await site.proxyLog()).slice(before);
  const failed = lines.filter((line) => Number(line.split(' ')[4]) >= 500);
  expect(
    failed.filter((line) => !line.includes(` 502 `) || !line.includes(`127.0.0.1:${address} 502`)),
  ).toEqual([]);
  expect(failed.length).toBeLessThanOrEqual(lanes);
  // At most one request of each lane was being answered. nginx repeats one that only reads, and what it had begun may be used up.
  expect(interrupted.filter(({ beganAt }) => beganAt > diedAt)).toEqual([]);
  expect(interrupted.length, JSON.stringify(interrupted)).toBeLessThanOrEqual(lanes);
  // The gateway that was killed takes part again.
  await waitUntil(async () => {
    await sessionOf(earlier);
    const since = (await site.proxyLog()).slice(restarted);
    return since.some((line) => line.endsWith(`127.0.0.1:${address} 200`));
  }, 'the gateway to be asked again');
  for (const agent of [earlier, ...done]) {
    expect(await atEach(agent)).toEqual([200, 200]);
  }
}, 240_000);

it('no query, with its codes and challenges, is in the logs of the proxy, Kratos and Hydra', async () => {
  const written = `${(await site.proxyLog()).join('\n')}\n${await site.errorLog()}`;
  // Requests whose query has a challenge or a flow.
  expect(written).toContain('GET /ory/hydra/oauth2/auth 3');
  expect(written).toContain('GET /ui/login 200');
  expect(written).not.toMatch(/[?&](?:code|state|flow|\w+_verifier|\w+_challenge|id_token_hint)=/);
});
