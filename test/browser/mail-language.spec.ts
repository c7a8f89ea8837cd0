import { parse } from 'node-html-parser';
import { beforeAll, expect, it } from 'vitest';
import { useStage } from '../support/browser.stage.js';
import { type Mail, Mailbox } from '../support/mailbox.js';
import { newPerson } from '../support/person.js';

const stage = useStage({ context: { locale: 'de-DE' } });
let mailbox: Mailbox;

beforeAll(() => {
  mailbox = new Mailbox(stage.stack);
});

/** German in both parts, and no address but our own. */
function expectGerman({ html, text }: Mail): void {
  expect(parse(html).querySelector('html')?.getAttribute('lang')).toBe('de');
  for (const part of [html, text]) {
    expect(part).toContain('15 Minuten');
    const addresses = part.match(/\bhttps?:\/\/[^\s"<>]+/g) ?? [];
    expect(addresses.filter((address) => !address.startsWith(`${stage.stack.url}/`))).toEqual([]);
  }
}

it('anyone who reads the pages in German gets German mail, and its codes work', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await page.goto(`${stack.url}/auth/signup`);
  expect(await page.locator('html').getAttribute('lang')).toBe('de');
  await page.locator('[name="traits.email"]').fill(person.email);
  await page.locator('[name=password]').fill(person.password);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${stack.url}/`);
  const verification = await mailbox.next(person.email, /^Bestätigen Sie Ihre E-Mail-Adresse$/);
  expectGerman(verification);
  await page.goto(verification.link ?? '');
  await page.locator('[name=code]').press('Enter');
  await page.locator('h1').filter({ hasText: 'bestätigt' }).waitFor();

  const elsewhere = await stage.other();
  await elsewhere.goto(`${stack.url}/ui/recovery`);
  await elsewhere.locator('[name=email]').fill(person.email);
  await elsewhere.keyboard.press('Enter');
  const recovery = await mailbox.next(person.email, /^Stellen Sie Ihr Konto wieder her$/);
  expectGerman(recovery);
  await elsewhere.locator('[name=code]').fill(recovery.code);
  await elsewhere.keyboard.press('Enter');
  await elsewhere.waitForURL(/\/ui\/settings/);

  await elsewhere.locator('[name=password]').fill(`another ${person.password}`);
  await elsewhere.keyboard.press('Enter');
  await elsewhere.locator('main a[href="/auth/login"]').click();
  await elsewhere.waitForURL(`${stack.url}/`);

  // A changed address has to be verified too.
  await elsewhere.goto(`${stack.url}/ui/settings`);
  const next = newPerson().email;
  await elsewhere.locator('[name="traits.email"]').fill(next);
  await elsewhere.keyboard.press('Enter');
  expectGerman(await mailbox.next(next, /^Bestätigen/));
});
