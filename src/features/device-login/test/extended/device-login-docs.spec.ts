import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { promote } from '../../../../../test/support/administrator.js';
import { verifiedPerson } from '../../../../../test/support/browser.api.js';
import { blockRunBy } from '../../../../../test/support/document.blocks.js';
import { GuideShell } from '../../../../../test/support/guide.shell.js';
import { logIn } from '../../../../../test/support/person.js';
import { type Stack, startStack } from '../../../../../test/support/stack.js';
import { UserAgent } from '../../../../../test/support/user-agent.js';

const spec = 'src/features/device-login/test/extended/device-login-docs.spec.ts';
const codesSchema = z.looseObject({ device_code: z.string(), verification_uri_complete: z.url() });
const allow = { name: 'decision', value: 'allow' } as const;

let stack: Stack;
let guide: GuideShell;

beforeAll(async () => {
  stack = await startStack();
  guide = await GuideShell.open(stack.url);
});

afterAll(async () => {
  await stack?.stop();
  await guide?.close();
});

/** What the commands of a block of the guide print. */
async function printed(name: string, more: Readonly<Record<string, string>> = {}): Promise<string> {
  const outcome = await guide.run(blockRunBy('docs/applications.md', spec, name), more);
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
  expect(await guide.logIn(browser)).toMatchObject({ code: 0 });

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
