import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goToCompany, pageOfAddress } from './openid.connection.js';
import { newPerson, type Person } from './person.js';
import {
  type KeyPair,
  type SamlServer,
  type SamlUser,
  makeKeyPair,
  startSamlServer,
} from './simplesamlphp.server.js';
import type { SourceSide } from './source.driver.js';
import { startStack } from './stack.js';
import { type Arrival, sendForm, travel } from './travel.js';
import { type Page, UserAgent, formOf } from './user-agent.js';

/** A connection to a SAML provider, as `CONNECTIONS` has it. */
export function samlConnection(
  { metadataPath }: Pick<SamlServer, 'metadataPath'>,
  own: KeyPair | undefined,
  settings: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    id: 'staff',
    kind: 'saml',
    name: 'Example Ltd.',
    domains: ['example.org'],
    metadata_file: metadataPath,
    ...(own === undefined ? {} : { certificate_file: own.certificatePath, key_file: own.keyPath }),
    trust_email: true,
    ...settings,
  };
}

/** Makes the gateway known to the provider, by the gateway's own metadata. */
export async function introduce(
  server: SamlServer,
  gatewayUrl: string,
  id = 'staff',
  settings: Readonly<Record<string, unknown>> = { 'validate.authnrequest': true },
): Promise<void> {
  const answer = await fetch(`${gatewayUrl}/auth/connections/${id}/metadata`);
  if (answer.status !== 200) {
    throw new Error(`the gateway's metadata: ${answer.status}`);
  }
  await server.trust(await answer.text(), settings);
}

/** Adds a person to the provider. */
export async function employ(server: SamlServer, given: Partial<SamlUser> = {}): Promise<Person & SamlUser> {
  const person = newPerson();
  const user = { ...person, uid: person.email.split('@')[0] ?? '', ...given };
  await server.add(user);
  return user;
}

/** The page of the provider to which an address leads. */
export async function pageThere(agent: UserAgent, email: string, path?: string): Promise<Page> {
  return goToCompany(agent, await pageOfAddress(agent, email, path));
}

/**
 * Posts a form of the provider's page to the gateway as a browser does from another site: with the page's origin, and without cookies
 * that are `SameSite=Lax`.
 */
export async function postAcross(
  agent: UserAgent,
  page: Page,
  fields: Readonly<Record<string, string>> = {},
  stop?: (next: URL) => boolean,
): Promise<Arrival> {
  const { action, body } = formOf(page, {
    ...(fields['SAMLResponse'] === undefined ? { SAMLResponse: valueIn(page, 'SAMLResponse') } : {}),
    ...fields,
  });
  return sendAcross(agent, action, body, new URL(page.url).origin, stop);
}

/** The same with a form of the caller's own. */
export async function sendAcross(
  agent: UserAgent,
  action: string,
  body: URLSearchParams,
  origin: string,
  stop?: (next: URL) => boolean,
): Promise<Arrival> {
  const page = await new UserAgent(new URL(action).origin).request(action, {
    method: 'POST',
    body,
    headers: {
      accept: 'text/html,application/xhtml+xml',
      origin,
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    },
  });
  const location = page.headers.get('location');
  if (location === null) {
    return { page, next: undefined };
  }
  const next = new URL(location, page.url);
  return stop?.(next) === true ? { page, next } : travel(agent, next.href, stop);
}

/** The value of a field in a form of a page. */
export function valueIn(page: Page, name: string): string {
  const value = page.html().querySelector(`input[name=${name}]`)?.getAttribute('value');
  if (value === undefined) {
    throw new Error(`${page.url} (${page.status}) has no ${name}: ${page.text.slice(0, 500)}`);
  }
  return value;
}

/** Logs in at the provider's page, if it shows one. @returns the page with its answer, or that of a refusal. */
export async function logInThere(
  agent: UserAgent,
  page: Page,
  { email, password }: Pick<Person, 'email' | 'password'>,
): Promise<Page> {
  return page.text.includes('name="username"')
    ? (await sendForm(agent, page, { username: email, password })).page
    : page;
}

/** Logs in by the pages: the address first. @returns the page at the end. */
export async function logInBySaml(
  agent: UserAgent,
  person: Pick<Person, 'email' | 'password'>,
  path?: string,
): Promise<Page> {
  const page = await logInThere(agent, await pageThere(agent, person.email, path), person);
  return page.text.includes('name="SAMLResponse"') ? (await postAcross(agent, page)).page : page;
}

/** A SAML provider as a source. */
export async function startSamlSide(): Promise<SourceSide> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-saml-side-'));
  const own = await makeKeyPair(folder, 'gateway');
  const server = await startSamlServer();
  const connection = samlConnection(server, own, { session_ttl: '20m' });
  const stack = await startStack({ env: { CONNECTIONS: JSON.stringify([connection]) } });
  await introduce(server, stack.url);
  const remove = ({ email }: Person): Promise<void> => server.remove(email);
  return {
    stack,
    // What a provider said at the login holds until the session's end.
    facts: { amr: [], emailVerified: true, confirmedFor: 20 * 60 },
    issuer: /^urn:vestibule:connection:staff$/,
    enrol: () => employ(server),
    logIn: logInBySaml,
    disable: remove,
    remove,
    down: () => server.kill(),
    up: () => server.start(),
    stop: async () => {
      await stack.stop();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
