import type { ClientMetadata } from 'oidc-provider';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { type FaultyProxy, startFaultyProxy } from './faulty.proxy.js';
import { type OpenIdAccount, newAccount } from './openid.accounts.js';
import { type OpenIdProvider, startOpenIdProvider } from './openid.provider.js';
import { newPerson, type Person } from './person.js';
import type { SourceSide } from './source.driver.js';
import { startStack } from './stack.js';
import { sendForm, travel } from './travel.js';
import type { Page, UserAgent } from './user-agent.js';

const clientId = 'vestibule';
/** Of the gateway's client at a company's provider. */
export const companySecret = 'the secret of the company client';

/** Somebody with an account at a company's provider. */
export type Employee = Person & { readonly sub: string };

/** The OpenID provider of a company, behind a proxy that can misbehave. */
export interface CompanyServer {
  readonly provider: OpenIdProvider;
  readonly wire: FaultyProxy;
  /** Path of its token endpoint, for the proxy. */
  readonly tokenPath: string;
  /** Adds somebody. */
  employ(account?: Partial<OpenIdAccount>): Employee;
  stop(): Promise<void>;
}

/** A port for a company's provider, and one for the proxy before it: gateways need its address before it starts. */
export interface CompanyPorts {
  readonly issuer: string;
  readonly inner: number;
  readonly outer: number;
}

/** Picks the ports. */
export async function companyPorts(): Promise<CompanyPorts> {
  const [inner = 0, outer = 0] = await findFreePorts(2);
  return { issuer: `http://127.0.0.1:${outer}`, inner, outer };
}

/** A connection to a company's provider, as `CONNECTIONS` has it. */
export function openIdConnection(
  issuer: string,
  settings: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    id: 'staff',
    kind: 'oidc',
    name: 'Example Ltd.',
    domains: ['example.org'],
    issuer,
    client_id: clientId,
    client_secret: companySecret,
    ...settings,
  };
}

/** Starts a company's provider for connections of this gateway. */
export async function startCompany(
  gatewayUrl: string,
  { inner, outer }: CompanyPorts,
  { ids = ['staff'], metadata = {} }: { ids?: readonly string[]; metadata?: Partial<ClientMetadata> } = {},
): Promise<CompanyServer> {
  const wire = await startFaultyProxy(outer, `http://127.0.0.1:${inner}`);
  const provider = await startOpenIdProvider({
    flavour: 'plain',
    port: inner,
    origin: wire.url,
    audience: 'https://api.company.test',
    clients: [
      {
        client_id: clientId,
        client_secret: companySecret,
        redirect_uris: ids.map((id) => `${gatewayUrl}/auth/connections/${id}/callback`),
        grant_types: ['authorization_code', 'refresh_token'],
        backchannel_logout_uri: `${gatewayUrl}/auth/connections/${ids[0]}/backchannel-logout`,
        backchannel_logout_session_required: true,
        ...metadata,
      },
    ],
  });
  return {
    provider,
    wire,
    tokenPath: new URL(provider.endpoints.token).pathname,
    employ: (given = {}) => {
      const person = newPerson();
      const { email, name } = person;
      const account = newAccount({ email, name, password: person.password, ...given });
      provider.add(account);
      return { ...person, email: account.email, name: account.name, sub: account.sub };
    },
    stop: async () => {
      await wire.stop();
      await provider.stop();
    },
  };
}

/** The provider's page, or where the browser ends without one: from a page of the gateway that leads there. */
export async function goToCompany(agent: UserAgent, page: Page): Promise<Page> {
  const next = page.headers.get('refresh')?.replace(/^0;url=/, '');
  if (next === undefined) {
    throw new Error(`${page.url} (${page.status}) leads to no provider`);
  }
  return (await travel(agent, new URL(next, page.url).href)).page;
}

/** The page of the login to which an address leads. */
export async function pageOfAddress(agent: UserAgent, email: string, path = '/auth/login'): Promise<Page> {
  return agent.submit(await agent.navigate(path), { identifier: email });
}

/** Logs in at the provider's page, if it shows one. @returns the page at the end. */
export async function logInThere(
  agent: UserAgent,
  page: Page,
  { email, password }: Pick<Person, 'email' | 'password'>,
): Promise<Page> {
  return page.text.includes('at the provider')
    ? (await sendForm(agent, page, { login: email, password })).page
    : page;
}

/** Logs in at a company's provider by the pages: the address first. @returns the page at the end. */
export async function logInByCompany(
  agent: UserAgent,
  person: Pick<Person, 'email' | 'password'>,
  path?: string,
): Promise<Page> {
  const there = await goToCompany(agent, await pageOfAddress(agent, person.email, path));
  return logInThere(agent, there, person);
}

/** An OpenID provider as a source. */
export async function startOpenIdConnectionSide(): Promise<SourceSide> {
  const ports = await companyPorts();
  const connection = openIdConnection(ports.issuer, { offline_access: true });
  const stack = await startStack({ env: { CONNECTIONS: JSON.stringify([connection]) } });
  const company = await startCompany(stack.url, ports);
  const subs = new Map<string, string>();
  const remove = async ({ email }: Person): Promise<void> => company.provider.remove(subs.get(email) ?? '');
  return {
    stack,
    facts: { amr: [], emailVerified: true, confirmedFor: 0 },
    issuer: /^urn:vestibule:connection:staff$/,
    enrol: async () => {
      const person = company.employ();
      subs.set(person.email, person.sub);
      return person;
    },
    logIn: logInByCompany,
    // To others, an account that is disabled is one that isn't there.
    disable: remove,
    remove,
    down: async () => company.wire.down(),
    up: async () => company.wire.reset(),
    stop: async () => {
      await stack.stop();
      await company.stop();
    },
  };
}
