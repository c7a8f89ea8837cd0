import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Stack, startStack } from '../support/stack.js';

/** As bcrypt would write it at its lowest cost; nobody logs in with it. */
const hash = `$2a$04$${'a'.repeat(53)}`;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ ownOry: true });
});

afterAll(async () => {
  await stack?.stop();
});

const addressOf = (number: number): string => `person${number}@example.org`;

async function addIdentities(from: number, to: number): Promise<void> {
  const identities = Array.from({ length: to - from }, (_, index) => ({
    create: {
      schema_id: 'default',
      traits: { email: addressOf(from + index) },
      credentials: { password: { config: { hashed_password: hash } } },
    },
  }));
  const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ identities }),
  });
  expect(answer.status).toBe(200);
  await answer.body?.cancel();
}

/** How long Kratos takes to find an identity by its address: the median of nine, in milliseconds. */
async function lookUp(): Promise<number> {
  const times: number[] = [];
  for (let count = 0; count < 9; count += 1) {
    const query = new URLSearchParams({ credentials_identifier: addressOf(7) });
    const began = performance.now();
    const answer = await fetch(`${stack.env['KRATOS_ADMIN_URL']}/admin/identities?${query}`);
    expect(await answer.json()).toHaveLength(1);
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b)[4] ?? Infinity;
}

it('the embedded Kratos finds one of 2,000 users about as fast as one of 200', async () => {
  await addIdentities(0, 200);
  const few = await lookUp();
  for (let count = 200; count < 2000; count += 450) {
    await addIdentities(count, count + 450);
  }
  expect((await lookUp()) / few).toBeLessThan(10);
});
