import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { GuideShell } from '../../../../../test/support/guide.shell.js';
import { OryAdmin } from '../../../../../test/support/ory.admin.js';
import { logIn, newPerson } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const spec = 'src/features/dpop/test/extended/dpop-docs.spec.ts';
const local = 'http://localhost:3000';
const block = (name: string): string => blockRunBy('docs/dpop.md', spec, name);

let stack: Stack;
let guide: GuideShell;

beforeAll(async () => {
  const [, audience = ''] = /^DPOP_AUDIENCES=(\S+) npm start\n$/.exec(block('start')) ?? [];
  expect(audience).toBe(local);
  // The stack finds its own free port: its audience is named as the guide's is, by a value that it has anywhere.
  stack = await startStack({ env: { DPOP_AUDIENCES: audience, TOKEN_AUDIENCE: audience } });
  guide = await GuideShell.open(stack.url);
});

afterAll(async () => {
  await guide?.close();
  await stack?.stop();
});

it('a program gets a bound token for an API key, and calls the gateway’s API, by the code of the guide', async () => {
  const person = newPerson();
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  const browser = new UserAgent(stack.url);
  await logIn(browser, person);
  const made = await browser.fetch('/api/v1/api-keys', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Program', scope: 'profile:read' }),
  });
  const { key } = z.looseObject({ key: z.string() }).parse(await made.json());
  await symlink(join(process.cwd(), 'node_modules'), join(guide.folder, 'node_modules'));
  await writeFile(join(guide.folder, 'client.mjs'), block('client').replaceAll(local, stack.url));
  const outcome = await guide.run('node client.mjs', { KEY: key });
  expect([outcome.status, outcome.stderr]).toEqual([0, '']);
  expect(outcome.stdout).toContain(person.email);
});
