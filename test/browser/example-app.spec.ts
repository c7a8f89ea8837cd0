import { expect, it } from 'vitest';
import { z } from 'zod';
import { fillLogin } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { newPerson, signUp } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage();
const tokensSchema = z.looseObject({ access_token: z.string() });

it('logs in at Hydra as a public client, trades the token for a cookie, calls, logs out; the token leaves no trace', async () => {
  const { page, stack, watch } = stage;
  const person = newPerson();
  await signUp(new UserAgent(stack.url), person);
  const step = (name: string, state: string) => page.locator(`[data-step=${name}][data-state=${state}]`);

  await page.goto(`${stack.url}/demo`);
  await page.getByRole('button', { name: 'Log in as a single-page app' }).click();
  await page.getByRole('heading', { name: 'Log in', exact: true }).waitFor();
  const exchange = page.waitForResponse(`${stack.url}/ory/hydra/oauth2/token`);
  await fillLogin(page, person);
  const { access_token: token } = tokensSchema.parse(await (await exchange).json());

  await step('login', 'done').waitFor();
  expect(page.url()).toBe(`${stack.url}/demo`);
  expect(await step('login', 'done').innerText()).toContain(person.email);
  const header = page.getByRole('banner');
  await header.getByRole('button', { name: 'Log out' }).waitFor();
  expect(await header.getByRole('link', { name: 'Log in' }).count()).toBe(0);
  await page.getByRole('button', { name: 'Call the endpoint' }).click();
  await step('me', 'done').waitFor();
  expect(await step('me', 'done').innerText()).toContain(person.name);

  expect(watch.urls.filter((url) => url.includes(token))).toEqual([]);
  expect(await page.content()).not.toContain(token);
  expect(await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).toBe('[{},{}]');
  expect(await page.evaluate('document.cookie')).toBe('');
  for (const { httpOnly } of await page.context().cookies()) {
    expect(httpOnly).toBe(true);
  }

  await page.reload();
  await step('login', 'done').waitFor();
  expect(await step('login', 'done').innerText()).toContain('You are logged in already');
  await page.getByRole('main').getByRole('button', { name: 'Log out', exact: true }).click();
  await step('logout', 'done').waitFor();
  await header.getByRole('link', { name: 'Log in' }).waitFor();
  await page.getByRole('button', { name: 'Call the endpoint' }).click();
  await step('me', 'failed').waitFor();
  expect(await step('me', 'failed').innerText()).toContain('unauthenticated');
  expect(await page.getByRole('button', { name: 'Log in as a single-page app' }).isVisible()).toBe(true);
});

it('a response that this tab did not request is refused, and its code not used', async () => {
  const { page, stack, watch } = stage;
  await page.goto(`${stack.url}/demo?code=somebody-elses&state=unknown`);
  await page.getByText('This answer belongs to another login').waitFor();
  expect(page.url()).toBe(`${stack.url}/demo`);
  expect(watch.urls.filter((url) => url.includes('/oauth2/token'))).toEqual([]);
});
