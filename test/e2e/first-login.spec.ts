import { afterAll, beforeAll, expect, it } from 'vitest';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ withoutKeys: true });
});

afterAll(async () => {
  await stack?.stop();
});

it('the first login after the first start works: Hydra has its signing keys before the gateway is ready', async () => {
  const keys = await fetch(`${stack.env['HYDRA_ADMIN_URL']}/admin/keys/hydra.openid.id-token`);
  expect(keys.status).toBe(200);
  const person = newPerson();
  const agent = new UserAgent(stack.url);
  expect((await signUp(agent, person)).url).toBe(`${stack.url}/`);
  expect((await agent.fetch('/auth/session')).json()).toMatchObject({ user: { email: person.email } });
});
