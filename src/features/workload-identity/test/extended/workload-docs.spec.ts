import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../../../../../test/support/administrator.js';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import type { Outcome } from '../../../../../test/support/cli.process.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { GuideShell } from '../../../../../test/support/guide.shell.js';
import { logIn } from '../../../../../test/support/person.js';
import { registerApplication } from '../../../../../test/support/registered.application.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';
import { WorkloadIssuer } from '../../../../../test/support/workload.issuer.js';

const spec = 'src/features/workload-identity/test/extended/workload-docs.spec.ts';
const github = 'https://token.actions.githubusercontent.com';

let stack: Stack;
let guide: GuideShell;
let ci: WorkloadIssuer;
let machine: string;

beforeAll(async () => {
  ci = await WorkloadIssuer.start();
  stack = await startStack({ env: { ORG_CONNECTION_HOSTS: ci.host } });
  guide = await GuideShell.open(stack.url);
  const person = await verifiedPerson(stack);
  const user = new UserAgent(stack.url);
  await logIn(user, person);
  const { id } = z.looseObject({ id: z.string() }).parse((await user.fetch('/api/v1/me')).json());
  await promote(stack.app(), id);
  const browser = new UserAgent(stack.url);
  await logIn(browser, person);
  expect(await guide.logIn(browser)).toMatchObject({ code: 0 });
  const definition = { name: 'Robot', kind: 'machine', redirectUris: [], scope: 'shop:read' } as const;
  machine = (await registerApplication(stack, definition)).id;
});

afterAll(async () => {
  await stack?.stop();
  await ci?.stop();
  await guide?.close();
});

const run = async (...args: readonly string[]): Promise<Outcome> => guide.start('workloads', ...args).end();

/** What the commands of a block of the guide print. */
async function printed(name: string, more: Readonly<Record<string, string>>): Promise<string> {
  const commands = blockRunBy('docs/workload-identity.md', spec, name).replaceAll(github, ci.url);
  const outcome = await guide.run(commands, more);
  expect([outcome.status, outcome.stderr]).toEqual([0, '']);
  return outcome.stdout;
}

it('a workload is trusted, and exchanges its token, by the commands of the guide', async () => {
  const [made, listed] = (await printed('trust', { MACHINE: machine })).trim().split('\n');
  expect(made).toBe(listed);
  expect(made).toContain(`${ci.url}  aud=${stack.url}  repository_id=1296269  ref=refs/heads/main`);
  const TOKEN = await ci.keys.sign(
    ci.claims(stack.url, { repository_id: '1296269', ref: 'refs/heads/main' }),
  );
  const answer: unknown = JSON.parse(await printed('exchange', { MACHINE: machine, TOKEN }));
  expect(answer).toMatchObject({ access_token: expect.any(String), scope: 'shop:read' });

  const [rule = ''] = (made ?? '').split(' ');
  expect(await run('remove', machine, rule)).toEqual({
    code: 0,
    out: '',
    err: 'The workload is no longer trusted.\n',
  });
  expect(await run('list', machine)).toEqual({ code: 0, out: '', err: '' });
});

it('the command line says what is wrong with a rule', async () => {
  const issuer = ['--issuer', ci.url];
  expect(await run('trust', machine, ...issuer, '--claim', 'repository_id=1')).toMatchObject({
    code: 1,
    out: '',
    err: expect.stringMatching(/^--claim must have sub; or /),
  });
  expect(await run('trust', machine, ...issuer, '--claim', 'sub=repo:acme/*')).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^--claim must not have a pattern/),
  });
  expect(await run('trust', machine, ...issuer, '--claim', 'sub')).toMatchObject({
    code: 1,
    err: expect.stringContaining('It must be a name and a value'),
  });
  const elsewhere = ['--audience', 'https://elsewhere.example', '--claim', 'sub=a'];
  expect(await run('trust', machine, ...issuer, ...elsewhere)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^--audience must be PUBLIC_URL/),
  });
  expect(await run('list', 'no-such-machine')).toMatchObject({
    code: 1,
    err: 'There is no machine no-such-machine, or no such workload of it.\n',
  });
  const json = await run('trust', machine, ...issuer, '--claim', 'sub=a', '--json');
  expect(JSON.parse(json.out)).toMatchObject({ issuer: ci.url, claims: { sub: 'a' } });
  expect(JSON.parse((await run('list', machine, '--json')).out)).toEqual([JSON.parse(json.out)]);
});
