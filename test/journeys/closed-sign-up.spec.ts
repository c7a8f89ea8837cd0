import { expect, it } from 'vitest';
import { shows } from '../support/browser.js';
import { fillLogin, signUpIn } from '../support/browser.person.js';
import { newPerson } from '../support/person.js';
import { useJourney } from './journey.js';

const journey = useJourney();

it('a self-hoster closes sign-up: a new visitor gets a friendly page, and existing users log in', async () => {
  const early = newPerson();
  await signUpIn(await journey.browser(), journey.url, early);

  await journey.restart({ SIGNUP: 'closed' });

  const stranger = await journey.browser();
  await stranger.goto(journey.url);
  expect(await stranger.getByRole('link', { name: 'Sign up' }).count()).toBe(0);
  await stranger.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  expect(await shows(stranger.getByText("New accounts can't be created here"))).toBe(true);
  expect(await stranger.getByRole('link', { name: 'Sign up' }).count()).toBe(0);
  // An address that someone kept from before.
  const answer = await stranger.goto(`${journey.url}/auth/signup`);
  expect(answer?.status()).toBe(403);
  expect(await shows(stranger.getByRole('heading', { name: "You can't create an account here" }))).toBe(true);

  await stranger.getByRole('main').getByRole('link', { name: 'Log in' }).click();
  await fillLogin(stranger, early);
  expect(await shows(stranger.getByRole('heading', { name: early.name }))).toBe(true);

  const { administrator } = journey;
  const admin = await journey.browser();
  await admin.goto(`${journey.url}/auth/login`);
  await fillLogin(admin, administrator);
  await admin.waitForURL(`${journey.url}/`);
}, 120_000);
