import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type Person, newPerson, signUp } from '../support/person.js';
import { type RedisServer, startRedis } from '../support/redis.server.js';
import { type Replica, startReplicas } from '../support/replicas.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent, formOf } from '../support/user-agent.js';

let redis: RedisServer;
let stack: Stack;
let replicas: Replica[];
let lastHost = 0;

beforeAll(async () => {
  redis = await startRedis(inject('redisServerPath'));
  stack = await startStack({
    database: 'postgres',
    postgresUrl: inject('postgresUrl'),
    sharedOry: true,
    env: {
      REDIS_URL: redis.url,
      RATE_LIMIT: 'true',
      TRUST_PROXY: 'loopback',
      RATE_LIMIT_POLICIES: 'login-pair=4/1h',
    },
  });
  replicas = await startReplicas(stack, 2);
});

afterAll(async () => {
  await Promise.all((replicas ?? []).map((replica) => replica.stop()));
  await stack?.stop();
  await redis?.remove();
});

async function member(): Promise<{ person: Person; address: string }> {
  const person = newPerson();
  await signUp(new UserAgent(stack.url), person);
  lastHost += 1;
  return { person, address: `203.0.113.${lastHost}` };
}

/** Sends the login form to one of the replicas. @returns status, and whether it logged in. */
async function tryAt(
  index: number,
  { email, password }: Pick<Person, 'email' | 'password'>,
  address: string,
): Promise<string> {
  const agent = new UserAgent(stack.url, replicas[index % 2]?.url);
  const page = await agent.navigate('/auth/login');
  const { action, body } = formOf(page, { identifier: email, password });
  const { status } = await agent.request(action, {
    method: 'POST',
    body,
    headers: {
      accept: 'text/html',
      origin: stack.url,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
      'x-forwarded-for': address,
    },
  });
  return (await agent.cookie('ory_kratos_session')) === undefined ? `${status}` : 'in';
}

const wrong = (person: Person): Person => ({ ...person, password: 'not the password' });

it('guesses at two replicas are counted together, and a successful login at one resets them for both', async () => {
  const { person, address } = await member();
  const seen: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    seen.push(await tryAt(index, wrong(person), address));
  }
  seen.push(await tryAt(0, person, address));
  for (let index = 0; index < 5; index += 1) {
    seen.push(await tryAt(index, wrong(person), address));
  }
  expect(seen).toEqual(['303', '303', '303', 'in', '303', '303', '303', '303', '429']);
});

it('Redis killed in the middle: logins go on, guesses still end, nothing fails', async () => {
  const { person, address } = await member();
  expect(await tryAt(0, wrong(person), address)).toBe('303');
  await redis.kill();
  const seen: string[] = [];
  for (let index = 0; index < 10; index += 1) {
    seen.push(await tryAt(index, wrong(person), address));
  }
  expect(seen).toEqual([...Array.from({ length: 8 }, () => '303'), '429', '429']);
  const other = await member();
  expect(await tryAt(1, other.person, other.address)).toBe('in');
  await redis.start();
  expect(await tryAt(0, other.person, other.address)).toBe('in');
});
