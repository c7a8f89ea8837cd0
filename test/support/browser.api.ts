import type { Page } from 'playwright-core';
import { z } from 'zod';
import { OryAdmin } from './ory.admin.js';
import { newPerson, type Person } from './person.js';
import type { Stack } from './stack.js';

const sessionSchema = z.looseObject({
  claims: z.looseObject({
    sub: z.string(),
    org: z.looseObject({ id: z.string(), role: z.string() }).optional(),
  }),
});

/** Somebody whose e-mail address is verified. @param domain of the address. */
export async function verifiedPerson(stack: Stack, domain = 'example.org'): Promise<Person> {
  const fresh = newPerson();
  const person = { ...fresh, email: fresh.email.replace('example.org', domain) };
  await new OryAdmin(stack.env).createPerson(person, { isVerified: true });
  return person;
}

async function cookiesOf(page: Page): Promise<string> {
  const cookies = await page.context().cookies();
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ');
}

/** The claims of the user of this window. */
export async function claimsIn(
  page: Page,
  gateway: string,
): Promise<z.output<typeof sessionSchema>['claims']> {
  const answer = await fetch(`${gateway}/auth/session`, { headers: { cookie: await cookiesOf(page) } });
  return sessionSchema.parse(await answer.json()).claims;
}

/** Sends a form that is on no page, as the user of this window. */
export async function postAs(
  page: Page,
  address: string,
  form: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(address, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie: await cookiesOf(page), origin: new URL(address).origin, accept: 'text/html' },
    body: new URLSearchParams(form),
  });
}
