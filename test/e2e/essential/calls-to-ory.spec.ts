import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway.process.js';
import { OryAdmin } from '../../support/ory.admin.js';
import { type Person, logIn, newPerson } from '../../support/person.js';
import { type Stack, startStack, waitUntil } from '../../support/stack.js';
import { formOf, UserAgent } from '../../support/user-agent.js';

/** What a login by password asks of Ory (docs/adr/0046). */
const perLogin = { kratos: 4, hydra: 9 };
const refused = '<title>Error: Log in';

let stack: Stack;
let person: Person;

beforeAll(async () => {
  stack = await startStack({ env: { METRICS: 'on' } });
  person = newPerson();
  await new OryAdmin(stack.env).createPerson(person);
});

afterAll(() => stack?.stop());

// The account page asks for more: how its user logs in, and with which applications.
const log = async (agent: UserAgent): Promise<unknown> => logIn(agent, person, '/docs');

/** How often Kratos and Hydra have been asked so far. */
async function callsSoFar(): Promise<typeof perLogin> {
  const metrics = await (await fetch(`${stack.url}/metrics`)).text();
  const countOf = (upstream: string): number => {
    const name = `vestibule_upstream_request_duration_seconds_count{upstream="${upstream}"} `;
    const line = metrics.split('\n').find((text) => text.startsWith(name));
    return Number(line?.slice(name.length) ?? 0);
  };
  return { kratos: countOf('kratos'), hydra: countOf('hydra') };
}

/** Calls of a login, with the revocation that may follow its answer. */
async function callsOf(login: () => Promise<unknown>): Promise<typeof perLogin> {
  const before = await callsSoFar();
  await login();
  let calls = before;
  await waitUntil(async () => {
    const now = await callsSoFar();
    calls = { kratos: now.kratos - before.kratos, hydra: now.hydra - before.hydra };
    return calls.hydra >= perLogin.hydra;
  }, 'the calls of a login');
  return calls;
}

it('a login by password asks Ory 13 times', async () => {
  // The first login also reads Hydra's keys.
  await log(new UserAgent(stack.url));
  expect(await callsOf(async () => log(new UserAgent(stack.url)))).toEqual(perLogin);
});

describe('the login page of a flow that was begun on the way', () => {
  const pageLoad = {
    accept: 'text/html',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    'sec-fetch-site': 'none',
  };
  let other: GatewayProcess;

  beforeAll(async () => {
    other = await startGatewayProcess(stack.env);
  });

  afterAll(() => other?.stop());

  /** Begins a login, and doesn't open its page yet. @returns the page's address. */
  async function begun(agent: UserAgent): Promise<string> {
    const { headers } = await agent.request('/auth/login?return_to=/docs', { headers: pageLoad });
    expect(headers.get('location')).toMatch(/\/ui\/login\?flow=[\w-]+&new=1$/);
    return headers.get('location') ?? '';
  }

  it('is shown by another replica too, and tells there what was wrong', async () => {
    const agent = new UserAgent(stack.url);
    const address = await begun(agent);
    const page = await agent.turnTo(other.url).navigate(address);
    const again = await agent.submit(page, { identifier: person.email, password: 'wrong' });
    expect(again.text).toContain(refused);
    // The replica that began it has seen nothing of this.
    expect((await agent.turnTo(stack.url).navigate(again.url)).text).toContain(refused);
    const { action, body } = formOf(again, { identifier: person.email, password: person.password });
    expect((await agent.navigate(action, { method: 'POST', body })).url).toBe(`${stack.url}/docs`);
  });

  it('is shown again after a reload', async () => {
    const agent = new UserAgent(stack.url);
    const address = await begun(agent);
    for (const page of [await agent.navigate(address), await agent.navigate(address)]) {
      expect(formOf(page, {}).action).toContain(new URL(address).searchParams.get('flow'));
    }
  });

  it('is not shown to another browser, with or without a flow of its own', async () => {
    const address = await begun(new UserAgent(stack.url));
    const flow = new URL(address).searchParams.get('flow') ?? '';
    const stranger = new UserAgent(stack.url);
    for (const agent of [new UserAgent(stack.url), stranger]) {
      await begun(stranger);
      const page = await agent.request(address, { headers: pageLoad });
      expect(page.text).not.toContain(flow);
      expect([page.status, page.headers.get('location')]).toEqual([302, expect.not.stringContaining(flow)]);
    }
  });
});
