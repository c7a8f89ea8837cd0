import type { Locator, Page } from 'playwright-core';
import { logIn, type Person } from './person.js';
import { UserAgent } from './user-agent.js';

/** Signs up by the pages, from the welcome page or wherever "Sign up" is; ends where the gateway sends the browser. */
export async function signUpIn(page: Page, gateway: string, person: Person): Promise<void> {
  await page.goto(`${gateway}/auth/signup`);
  await fillSignUp(page, person);
  await arriveAt(page, `${gateway}/`);
}

/** Fills in the sign-up page that is open. */
export async function fillSignUp(page: Page, person: Person): Promise<void> {
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Name').fill(person.name);
  await page.getByLabel('Password').fill(person.password);
  await page.getByRole('main').getByRole('button', { name: 'Sign up', exact: true }).click();
}

/** Fills in the login page that is open and presses Enter. */
export async function fillLogin(page: Page, person: Pick<Person, 'email' | 'password'>): Promise<void> {
  await page.getByLabel('E-mail').fill(person.email);
  await page.getByLabel('Password').fill(person.password);
  await page.keyboard.press('Enter');
}

/** Logs in by the pages and ends at the account page. */
export async function logInIn(
  page: Page,
  gateway: string,
  person: Pick<Person, 'email' | 'password'>,
): Promise<void> {
  await page.goto(`${gateway}/auth/login`);
  await fillLogin(page, person);
  await arriveAt(page, `${gateway}/`);
}

/** Logs in without the pages: a window gets the cookies of a login that a browser without a screen made. Opens nothing. */
export async function letIn(
  page: Page,
  gateway: string,
  person: Pick<Person, 'email' | 'password'>,
): Promise<void> {
  const agent = new UserAgent(gateway);
  await logIn(agent, person);
  const cookies = await agent.jar.getCookies(gateway);
  if (!cookies.some(({ key }) => key === 'vestibule')) {
    throw new Error(`${person.email} could not log in`);
  }
  await page
    .context()
    .addCookies(cookies.map(({ key, value, httpOnly }) => ({ name: key, value, httpOnly, url: gateway })));
}

/** Waits until a page is at an address. @throws with what the page says instead. */
async function arriveAt(page: Page, url: string): Promise<void> {
  try {
    await page.waitForURL(url);
  } catch (cause) {
    throw new Error(`not at ${url}: "${await page.locator('body').innerText()}"`, { cause });
  }
}

/** Opens a section of the settings page that is open, where it isn't open yet. */
export async function openSection(page: Page, name: string): Promise<Locator> {
  const heading = page.getByRole('heading', { name, exact: true });
  const section = page.locator('.settings > details').filter({ has: heading });
  await heading.waitFor();
  if ((await section.getAttribute('open')) === null) {
    await heading.click();
  }
  return section;
}

/** Presses "Log out" on the account page and ends at the welcome page. */
export async function logOutIn(page: Page): Promise<void> {
  await page.getByRole('main').getByRole('button', { name: 'Log out', exact: true }).click();
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
}

/** Creates an organisation from the account page, and ends at its page. */
export async function createOrganisationIn(page: Page, name: string): Promise<void> {
  await page.getByRole('link', { name: 'Create an organisation' }).click();
  await page.getByLabel('Name', { exact: true }).fill(name);
  await page.getByRole('button', { name: 'Create organisation' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
}

/** Invites a person by mail from the page of an organisation. */
export async function inviteIn(page: Page, email: string): Promise<void> {
  await page.getByRole('link', { name: 'Invitations' }).click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByText('The invitation has been sent.').waitFor();
}
