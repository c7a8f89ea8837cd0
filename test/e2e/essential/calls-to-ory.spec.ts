import { afterAll, beforeAll, expect, it } from 'vitest';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../support/person.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { UserAgent } from '../../support/user-agent.js';

/** What a login by password asks of Ory (docs/adr/0046). The revocation may follow the answer. */
const perLogin = { kratos: 4, hydra: 9 };

let stack: Stack;
let person: Person;

beforeAll(async () => {
  stack = await startStack({ env: { METRICS: 'on' } });
  person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
});

afterAll(() => stack?.stop());

/** How often Kratos and Hydra have been asked so far. */
async function callsSoFar(): Promise<typeof perLogin> {
  const metrics = await (await fetch(`${stack.url}/metrics`)).text();
  const countOf = (upstream: string): number => {
    const line = new RegExp(
      `^vestibule_upstream_request_duration_seconds_count\\{upstream="${upstream}"\\} (\\d+)$`,
      'm',
    );
    return Number(line.exec(metrics)?.[1] ?? 0);
  };
  return { kratos: countOf('kratos'), hydra: countOf('hydra') };
}

/** Calls of a login, with the revocation that follows it. */
async function callsOf(login: () => Promise<unknown>): Promise<typeof perLogin> {
  const before = await callsSoFar();
  await login();
  const calls = { kratos: 0, hydra: 0 };
  await waitUntil(async () => {
    const now = await callsSoFar();
    calls.kratos = now.kratos - before.kratos;
    calls.hydra = now.hydra - before.hydra;
    return calls.hydra >= perLogin.hydra;
  }, 'the calls of a login');
  return calls;
}

// The account page asks for more: how its user logs in, and with which applications.
const log = async (agent: UserAgent): Promise<unknown> => logIn(agent, person, '/docs');

it('a login by password asks Ory 13 times', async () => {
  // The first login also reads Hydra's keys.
  await log(new UserAgent(stack.url));
  expect(await callsOf(async () => log(new UserAgent(stack.url)))).toEqual(perLogin);
});
