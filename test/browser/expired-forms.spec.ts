import { describe, expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { logInIn } from '../support/browser.person.js';
import { useStage } from '../support/browser.stage.js';
import { expireFlows } from '../support/expired.flows.js';
import { newPerson, signUp } from '../support/person.js';
import { UserAgent } from '../support/user-agent.js';

const stage = useStage({ context: { javaScriptEnabled: false } });

describe('a form that was open until its flow was over starts again with what was typed, save secrets', () => {
  it('log in', async () => {
    const { page, stack } = stage;
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    await page.goto(`${stack.url}/auth/login?return_to=/?from=login`);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Password').fill(person.password);
    expireFlows(stage.stack.oryDataDir, 'login');
    await page.keyboard.press('Enter');
    expect(await shows(page.getByText('This page was open for too long'))).toBe(true);
    expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    expect(await page.content()).not.toContain(person.password);
    const cookies = await page.context().cookies();
    expect(JSON.stringify(cookies)).not.toContain(encodeURIComponent(person.email));
    expect(JSON.stringify(cookies)).not.toContain(person.email);
    await page.getByLabel('Password').fill(person.password);
    await page.keyboard.press('Enter');
    await page.waitForURL(`${stack.url}/?from=login`);
    // The next form is nobody's.
    const again = await page.context().newPage();
    await page.context().clearCookies({ name: 'vestibule' });
    await page.context().clearCookies({ name: 'ory_kratos_session' });
    await again.goto(`${stack.url}/auth/login`);
    expect(await again.getByLabel('E-mail').inputValue()).toBe('');
  });

  it('sign up', async () => {
    const { page, stack } = stage;
    const person = newPerson();
    await page.goto(`${stack.url}/auth/signup`);
    await page.getByLabel('E-mail').fill(person.email);
    await page.getByLabel('Name').fill('<b>Ada</b> "Lovelace"');
    await page.getByLabel('Password').fill(person.password);
    expireFlows(stage.stack.oryDataDir, 'registration');
    await page.getByRole('main').getByRole('button', { name: 'Sign up', exact: true }).click();
    expect(await shows(page.getByText('This page was open for too long'))).toBe(true);
    expect(await page.getByLabel('E-mail').inputValue()).toBe(person.email);
    expect(await page.getByLabel('Name').inputValue()).toBe('<b>Ada</b> "Lovelace"');
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    await page.getByLabel('Password').fill(person.password);
    await page.getByRole('main').getByRole('button', { name: 'Sign up', exact: true }).click();
    await page.waitForURL(`${stack.url}/`);
  });

  it('recover', async () => {
    const { page, stack } = stage;
    const { email } = newPerson();
    await page.goto(`${stack.url}/ui/recovery`);
    await page.getByLabel('E-mail').fill(email);
    expireFlows(stage.stack.oryDataDir, 'recovery');
    await page.keyboard.press('Enter');
    expect(await shows(page.getByText('This page was open for too long'))).toBe(true);
    expect(await page.getByLabel('E-mail').inputValue()).toBe(email);
  });

  it('settings', async () => {
    const { page, stack } = stage;
    const person = newPerson();
    await signUp(new UserAgent(stack.url), person);
    await logInIn(page, stack.url, person);
    await page.goto(`${stack.url}/ui/settings`);
    await page.getByLabel('Picture URL').fill('https://example.org/ada.png');
    expireFlows(stage.stack.oryDataDir, 'settings');
    await page.getByRole('button', { name: 'Save' }).first().click();
    expect(await shows(page.getByText('This page was open for too long'))).toBe(true);
    expect(await page.getByLabel('Picture URL').inputValue()).toBe('https://example.org/ada.png');
  });
});
