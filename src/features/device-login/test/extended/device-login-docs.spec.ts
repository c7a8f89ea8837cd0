import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../../../../../test/support/administrator.js';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import { startCli } from '../../../../../test/support/cli.process.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { logIn } from '../../../../../test/support/person.js';
import { shell } from '../../../../../test/support/shell.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const spec = 'src/features/device-login/test/extended/device-login-docs.spec.ts';
const program = fileURLToPath(new URL('../../../../../dist/cli/main.js', import.meta.url));
const codesSchema = z.looseObject({ device_code: z.string(), verification_uri_complete: z.url() });
const allow = { name: 'decision', value: 'allow' } as const;

let stack: Stack;
let folder: string;

beforeAll(async () => {
  stack = await startStack();
  folder = await mkdtemp(join(tmpdir(), 'vestibule-devices-'));
  const npx = join(folder, 'npx');
  await writeFile(npx, `#!/bin/sh\nshift\nexec '${process.execPath}' '${program}' "$@"\n`);
  await chmod(npx, 0o755);
});

afterAll(async () => {
  await stack?.stop();
  await rm(folder, { recursive: true, force: true });
});

const env = (): Record<string, string> => ({
  XDG_CONFIG_HOME: folder,
  HOME: folder,
  VESTIBULE_URL: stack.url,
});

/** What the commands of a block of the guide print. */
async function printed(name: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const commands = blockRunBy('docs/applications.md', spec, name).replaceAll(
    'http://localhost:3000',
    stack.url,
  );
  const PATH = `${folder}:${process.env['PATH']}`;
  const outcome = await shell(commands, folder, { ...env(), PATH, ...more });
  expect([outcome.status, outcome.stderr]).toEqual([0, '']);
  return outcome.stdout;
}

it('an administrator registers a device’s application, and the device logs in, by the commands of the guide', async () => {
  const person = await verifiedPerson(stack);
  const user = new UserAgent(stack.url);
  await logIn(user, person);
  await promote(
    stack.app(),
    z.looseObject({ id: z.string() }).parse((await user.fetch('/api/v1/me')).json()).id,
  );
  const browser = new UserAgent(stack.url);
  await logIn(browser, person);
  const cli = startCli(env(), 'login', '--no-browser');
  const answer = await browser.submit(await browser.navigate(await cli.address()), {}, allow);
  await browser.request(answer.headers.get('location') ?? '');
  expect(await cli.end()).toMatchObject({ code: 0 });

  const registered = await printed('command line');
  expect(registered).toMatch(/^devices +may log users in$/m);
  const [, CLIENT_ID = ''] = /^client id +(\S+)$/m.exec(registered) ?? [];
  const codes = codesSchema.parse(JSON.parse(await printed('codes', { CLIENT_ID })));
  const consent = await browser.submit(await browser.navigate(codes.verification_uri_complete), {}, allow);
  const done = await browser.submit(consent, {}, allow);
  expect(done.text).toContain('You can go back to your device');
  const tokens: unknown = JSON.parse(await printed('tokens', { CLIENT_ID, DEVICE_CODE: codes.device_code }));
  expect(tokens).toMatchObject({
    access_token: expect.any(String),
    id_token: expect.any(String),
    token_type: 'bearer',
  });
});
