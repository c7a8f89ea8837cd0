import { expect, it } from 'vitest';
import { upLimit, useSelfHoster } from '../containers/self.hoster.js';
import { logInIn, logOutIn, signUpIn } from '../support/browser.person.js';
import { blockRunBy } from '../support/document.blocks.js';
import { newPerson } from '../support/person.js';
import { waitUntil } from '../support/stack.js';

const page = 'docs/production.md';
const self = 'test/journeys/compose.spec.ts';
const host = useSelfHoster();

it(
  'a self-hoster follows docs/production.md from nothing to logged in, on a domain of theirs',
  async () => {
    // Their own values: the gateway refuses those of the documentation.
    const commands = blockRunBy(page, self, 'start')
      .replaceAll('example.org', 'kestrel.test')
      .replace('user:password', 'kestrel:eeth7Ohl3phuo5Ae');
    await host.shell(commands);

    const chromium = await host.chromium('auth.kestrel.test');
    const context = await chromium.newContext({ ignoreHTTPSErrors: true });
    const window = await context.newPage();
    const administrator = { email: 'you@kestrel.test', password: await host.secret('admin_password') };
    await logInIn(window, 'https://auth.kestrel.test', administrator);
    expect(await window.locator('body').innerText()).toContain('you@kestrel.test');
    await logOutIn(window);
  },
  upLimit,
);

it(
  'the same without a domain and a mail server: sign up, and find the mail in the mailbox',
  async () => {
    await host.shell('cd docker && docker compose down --volumes && rm -r secrets .env');
    await host.shell(blockRunBy(page, self, 'trial'));

    const origin = 'https://localhost:8443';
    const chromium = await host.chromium('localhost');
    const context = await chromium.newContext({ ignoreHTTPSErrors: true });
    const window = await context.newPage();
    const person = newPerson();
    await signUpIn(window, origin, person);
    expect(await window.locator('body').innerText()).toContain(person.email);

    const mailbox = await context.newPage();
    const query = new URLSearchParams({ query: `to:"${person.email}"` });
    await waitUntil(async () => {
      await mailbox.goto(`http://127.0.0.1:8025/api/v1/search?${query}`);
      return (await mailbox.locator('body').innerText()).includes(person.email);
    }, 'the mail');
  },
  upLimit,
);
