// A login by password on the gateway's pages, as a browser without scripts.
import { parse } from 'node-html-parser';
import { openBrowser } from '../servers/browser.mjs';

/**
 * From the start to the session's cookie and the page that follows.
 * @param roundTrip as of `openBrowser`.
 * @returns round trips, and milliseconds of all of them.
 */
export async function timedLogin({ origin, email, password, roundTrip }) {
  const began = performance.now();
  let trips = 0;
  const browser = openBrowser({ roundTrip, onTrip: () => (trips += 1) });
  await logIn(browser, { origin, email, password });
  await browser.send(`${origin}/`);
  return { trips, time: performance.now() - began };
}

/** From the start to the session's cookie. */
export const loginAt = async (person) => logIn(openBrowser(), person);

async function logIn(browser, { origin, email, password }) {
  const { url, response } = await browser.follow(`${origin}/auth/login`);
  const form = formOf(await response.text());
  const fields = new URLSearchParams({ ...form.hidden, identifier: email, password, method: 'password' });
  await browser.follow(new URL(form.action, url).href, (next) => next === `${origin}/`, {
    method: 'POST',
    body: fields,
    headers: { origin, 'content-type': 'application/x-www-form-urlencoded' },
  });
  if (!(await browser.cookies(origin)).includes('vestibule=')) {
    throw new Error('a login by password ended without a session');
  }
}

/** The form with a password, and what it carries along. */
export function formOf(html) {
  const form = parse(html)
    .querySelectorAll('form')
    .find((candidate) => candidate.querySelector('input[name="password"]') !== null);
  if (form === undefined) {
    throw new Error('the login page has no form for a password');
  }
  const hidden = form
    .querySelectorAll('input[type="hidden"]')
    .map((input) => [input.getAttribute('name'), input.getAttribute('value') ?? '']);
  return { action: form.getAttribute('action') ?? '', hidden: Object.fromEntries(hidden) };
}
