import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Stack, startStack } from '../support/stack.js';
import { UserAgent } from '../support/user-agent.js';
import { arriveVerified } from '../support/verified.person.js';

const redirectUri = 'http://127.0.0.1:4321/callback';

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ env: { RATE_LIMIT: 'true', RATE_LIMIT_POLICIES: 'creation-address=3/1h' } });
});

afterAll(async () => {
  await stack?.stop();
});

it('a user makes no more organisations and applications of them than a limit allows', async () => {
  const user = new UserAgent(stack.url);
  await arriveVerified(user, stack);
  const made = await user.send('POST', '/api/v1/orgs', { name: 'Pencils' });
  const { id } = z.looseObject({ id: z.string() }).parse(made.json());
  const path = `/api/v1/orgs/${id}/applications`;
  const body = { name: 'Diary', kind: 'native', redirectUris: [redirectUri] };
  const statuses: number[] = [];
  for (const [target, given] of [
    [path, body],
    [path, { ...body, name: 'Notes' }],
    [path, { ...body, name: 'Tasks' }],
    ['/api/v1/orgs', { name: 'Brushes' }],
  ] as const) {
    statuses.push((await user.send('POST', target, given)).status);
  }
  expect([made.status, ...statuses]).toEqual([201, 201, 201, 429, 429]);
});
