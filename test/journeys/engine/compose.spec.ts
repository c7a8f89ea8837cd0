import { expect, it } from 'vitest';
import { upLimit, useSelfHoster } from '../../containers/self.hoster.js';
import { logInIn, logOutIn } from '../../support/browser.person.js';
import { blockRunBy } from '../../support/document.blocks.js';

const page = 'docs/production.md';
const self = 'test/journeys/engine/compose.spec.ts';
const host = useSelfHoster();

it(
  'a self-hoster follows docs/production.md from nothing to logged in, on a domain of theirs',
  async () => {
    // Their own values: the gateway refuses those of the documentation.
    const commands = blockRunBy(page, self, 'start')
      .replaceAll('example.org', 'kestrel.test')
      .replace('user:password', 'kestrel:eeth7Ohl3phuo5Ae');
    await host.shell(commands);

    const window = await host.page('auth.kestrel.test');
    const administrator = { email: 'you@kestrel.test', password: await host.secret('admin_password') };
    await logInIn(window, 'https://auth.kestrel.test', administrator);
    expect(await window.locator('body').innerText()).toContain('you@kestrel.test');
    await logOutIn(window);
  },
  upLimit,
);
