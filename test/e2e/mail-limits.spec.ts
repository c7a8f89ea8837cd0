import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { newPerson, signUp } from '../support/person.js';
import { type Stack, startStack, waitUntil } from '../support/stack.js';
import { type Page, UserAgent } from '../support/user-agent.js';

const countSchema = z.looseObject({ messages_count: z.number() });

let stack: Stack;
let lastHost = 0;

beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMIT: 'true', TRUST_PROXY: 'loopback' } });
});

afterAll(async () => {
  await stack?.stop();
});

/** Sends the profile form with another address, from an address of the network that no one used before. */
async function changeAddress(agent: UserAgent, email: string): Promise<Page> {
  lastHost += 1;
  const page = await agent.navigate('/ory/kratos/self-service/settings/browser');
  const form = page
    .html()
    .querySelectorAll('form')
    .find((candidate) => candidate.toString().includes('traits.email'));
  const token = form?.querySelector('[name=csrf_token]')?.getAttribute('value') ?? '';
  return agent.request(form?.getAttribute('action')?.replaceAll('&amp;', '&') ?? '', {
    method: 'POST',
    body: new URLSearchParams({
      csrf_token: token,
      method: 'profile',
      'traits.email': email,
      'traits.name': 'Ada',
    }),
    headers: {
      accept: 'text/html',
      origin: stack.url,
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'navigate',
      'x-forwarded-for': `203.0.113.${lastHost}`,
    },
  });
}

/** How many mails to addresses of this domain were sent. */
async function mailsTo(domain: string): Promise<number> {
  const query = new URLSearchParams({ query: `to:"${domain}"` });
  const answer = await fetch(`${stack.ory.mailboxUrl}/api/v1/search?${query}`);
  return countSchema.parse(await answer.json()).messages_count;
}

it('60 changes of address in the settings: ten mails to outsiders in an hour, whatever the network’s addresses [L25]', async () => {
  const agent = new UserAgent(stack.url);
  await signUp(agent, newPerson());
  const statuses: number[] = [];
  for (let index = 0; index < 60; index += 1) {
    statuses.push((await changeAddress(agent, `outsider${index}@mail-limits.example`)).status);
  }
  expect(statuses.filter((status) => status === 303)).toHaveLength(10);
  expect(statuses.filter((status) => status === 429)).toHaveLength(50);
  await waitUntil(async () => (await mailsTo('mail-limits.example')) >= 10, 'ten mails');
  expect(await mailsTo('mail-limits.example')).toBe(10);
});

it('saving the profile with the same address doesn’t count', async () => {
  const agent = new UserAgent(stack.url);
  const person = newPerson();
  await signUp(agent, person);
  for (let index = 0; index < 20; index += 1) {
    expect((await changeAddress(agent, person.email.toUpperCase())).status).toBe(303);
  }
});
