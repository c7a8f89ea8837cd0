import { expect, it } from 'vitest';
import { namelessIn, shows } from '../../support/browser.js';
import { logInIn } from '../../support/browser.person.js';
import { useStage } from '../../support/browser.stage.js';
import { newPerson, signUp } from '../../support/person.js';
import { UserAgent } from '../../support/user-agent.js';

const stage = useStage();
const script = encodeURIComponent('"><script>document.title="taken"</script>');

it.each([
  ['', 'unknown_error'],
  ['?id=', 'unknown_error'],
  [`?id=${crypto.randomUUID()}`, 'unknown_error'],
  ['?id=..%2F..%2Fadmin', 'unknown_error'],
  ['?id=%00%ff', 'unknown_error'],
  ['?id=a&id=b', 'unknown_error'],
  ['?error=access_denied&error_description=No', 'access_denied'],
  [`?error=${script}&error_description=${script}`, 'unknown_error'],
  ['?error=a&error=b', 'unknown_error'],
  ['?error[a]=b&__proto__[a]=b', 'unknown_error'],
])(
  '/ui/error%s shows a page with the code %s, and nothing of what the address says [W12]',
  async (query, code) => {
    const { page, stack } = stage;
    const answer = await page.goto(`${stack.url}/ui/error${query}`);
    expect(answer?.status()).toBe(400);
    expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('That did not work');
    expect(await page.getByRole('main').innerText()).toContain(code);
    expect(await page.title()).toBe('That did not work · Vestibule');
    expect(await page.locator('script:not([src^="/assets/page."])').count()).toBe(0);
    expect(await namelessIn(page)).toEqual([]);
  },
);

it.each(['', '?state=unknown&code=x', `?state=${script}`, '?error=access_denied'])(
  '/auth/callback%s is refused with a page from which a login can be started again',
  async (query) => {
    const { page, stack } = stage;
    const answer = await page.goto(`${stack.url}/auth/callback${query}`);
    expect(answer?.status()).toBe(403);
    expect(await page.getByRole('main').innerText()).toContain('login_state_invalid');
    await page.getByRole('link', { name: 'Start again' }).click();
    expect(await shows(page.getByRole('heading', { name: 'Log in' }))).toBe(true);
  },
);

it('an unknown address shows a page that leads back', async () => {
  const { page, stack } = stage;
  const answer = await page.goto(`${stack.url}/nowhere/${script}`);
  expect(answer?.status()).toBe(404);
  await page.getByRole('link', { name: 'Back to the start' }).click();
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
});

it('a login form whose flow has expired gives a new form instead of an error', async () => {
  const { page, stack } = stage;
  await page.goto(`${stack.url}/auth/login`);
  await page.context().clearCookies();
  await page.getByLabel('E-mail').fill('somebody@example.org');
  await page.getByLabel('Password').fill('something or other');
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'Start again' }).click();
  expect(await shows(page.getByRole('heading', { name: 'Log in' }))).toBe(true);
});

it('a logged-in user is recognised on a missing page and on the example, and isn’t asked to retry a forbidden page', async () => {
  const { page, stack } = stage;
  const person = newPerson();
  await signUp(new UserAgent(stack.url), person);
  await logInIn(page, stack.url, person);
  for (const path of ['/nowhere', '/demo']) {
    await page.goto(stack.url + path);
    expect(await shows(page.getByRole('banner').getByRole('button', { name: 'Log out' }))).toBe(true);
    expect(await page.getByRole('banner').getByRole('link', { name: 'Log in' }).count()).toBe(0);
  }
  const answer = await page.goto(`${stack.url}/admin/users`);
  expect(answer?.status()).toBe(403);
  const words = await page.getByRole('main').innerText();
  expect(words).toContain('for people with another role');
  expect(words).not.toContain('try again');
});

it('another name of this machine is answered with a page that names the right address and leads there', async () => {
  const { page, stack } = stage;
  const other = stack.url.replace('localhost', '127.0.0.1');
  stage.welcome.push(other);
  const answer = await page.goto(`${other}/auth/login`);
  expect(answer?.status()).toBe(421);
  expect(await page.getByRole('main').innerText()).toContain(`The right address is ${stack.url}.`);
  // A login under that name would lead nowhere.
  for (const name of ['Log in', 'Sign up']) {
    expect([name, await page.getByRole('banner').getByRole('link', { name }).count()]).toEqual([name, 0]);
  }
  // Its style sheet is served under that name too.
  expect(await page.locator('article.card').evaluate((node) => getComputedStyle(node).borderRadius)).toBe(
    '14px',
  );
  await page.getByRole('link', { name: `Go to ${stack.url}` }).click();
  await page.waitForURL(`${stack.url}/`);
  expect(await shows(page.getByRole('heading', { name: 'Welcome' }))).toBe(true);
});
