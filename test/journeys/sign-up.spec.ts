import { beforeAll, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { signUpIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { Mailbox } from '../support/mailbox.js';
import { newPerson } from '../support/person.js';

const stage = useStage();
let mailbox: Mailbox;

beforeAll(() => {
  mailbox = new Mailbox(stage.stack);
});

it('sign up, open the link in the mail, Continue, Continue: the account page says verified', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await signUpIn(page, stack.url, person);
  expect(await shows(page.getByText('Not verified', { exact: true }))).toBe(true);

  const { link } = await mailbox.next(person.email, /verify/i);
  await page.goto(link ?? '');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'E-mail address verified' }).waitFor();
  await page.getByRole('link', { name: 'Continue' }).click();

  await page.waitForURL(`${stack.url}/`);
  expect(await shows(page.getByRole('heading', { name: person.name }))).toBe(true);
  expect(await shows(page.getByText('Verified', { exact: true }))).toBe(true);
});
