import type { SessionKey } from '../../src/providers/ory/sources/identity-source.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { startFaultyProxy } from './faulty.proxy.js';
import { OryAdmin } from './ory.admin.js';
import { logIn, newPerson, type Person } from './person.js';
import { type EntryAttributes, type SlapdServer, directoryNames, startSlapd } from './slapd.server.js';
import { type Stack, startStack } from './stack.js';
import type { Page, UserAgent } from './user-agent.js';

/** What is expected of every user of a source. */
export interface SourceFacts {
  readonly amr: readonly string[];
  readonly emailVerified: boolean;
  /** Seconds for which a login holds without the source being asked; 0 if every renewal asks it. */
  readonly confirmedFor: number;
}

/** One source of identities with a gateway, as the contract of sources drives it. */
export interface SourceSide {
  readonly stack: Stack;
  readonly facts: SourceFacts;
  /** The form of the issuers of its identities. */
  readonly issuer: RegExp;
  /** Makes somebody who can log in. */
  enrol(): Promise<Person>;
  /** Logs in by the pages. @returns the page at the end. */
  logIn(agent: UserAgent, person: Person): Promise<Page>;
  /** Forbids a user to log in. */
  disable(person: Person): Promise<void>;
  /** Removes a user from the source. */
  remove(person: Person): Promise<void>;
  /** From now on, the source can't be reached. */
  down(): Promise<void>;
  /** Well again. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

/** Kratos as a source. */
export async function startKratosSide(): Promise<SourceSide> {
  const stack = await startStack();
  const admin = new OryAdmin(stack.env);
  const [port = 0] = await findFreePorts(1);
  const proxy = await startFaultyProxy(port, stack.ory.env['KRATOS_ADMIN_URL'] ?? '');
  await stack.restartGateway({ KRATOS_ADMIN_URL: proxy.url });
  return {
    stack,
    facts: { amr: ['pwd'], emailVerified: false, confirmedFor: 0 },
    issuer: /^urn:ory:kratos$/,
    enrol: async () => {
      const person = newPerson();
      await admin.createPerson(person);
      return person;
    },
    logIn,
    disable: ({ email }) => admin.disableIdentity(email),
    remove: ({ email }) => admin.deleteIdentity(email),
    down: async () => proxy.down(),
    up: async () => proxy.reset(),
    stop: async () => {
      await stack.stop();
      await proxy.stop();
    },
  };
}

/** What the newest session of a user is found by at its source. */
export async function sessionKeyOf(stack: Stack, { email }: Person): Promise<SessionKey> {
  const row = await stack
    .app()
    .get(Database, { strict: false })
    .query.selectFrom('sessions')
    .innerJoin('users', 'users.id', 'sessions.user_id')
    .select(['sessions.subject', 'sessions.provider_session_id'])
    .where('users.email', '=', email)
    .orderBy('sessions.created_at', 'desc')
    .executeTakeFirstOrThrow();
  return { id: row.provider_session_id ?? '', subject: row.subject };
}

/** The Cookie header of a browser. */
export async function cookiesOf(stack: Stack, agent: UserAgent): Promise<string> {
  return agent.jar.getCookieString(stack.url);
}

/** A connection to a directory, as `CONNECTIONS` has it. */
export function ldapConnection(
  { url, authorityPath }: Pick<SlapdServer, 'url' | 'authorityPath'>,
  settings: Readonly<Record<string, unknown>> = {},
): Readonly<Record<string, unknown>> {
  return {
    id: 'staff',
    kind: 'ldap',
    name: 'Example Ltd.',
    domains: ['example.org'],
    servers: [url],
    ca_file: authorityPath,
    bind_dn: directoryNames.reader,
    bind_password: directoryNames.readerPassword,
    base_dn: directoryNames.people,
    ...settings,
  };
}

/** Adds somebody to a directory. @returns who can log in with their address. */
export async function addPerson(
  slapd: SlapdServer,
  attributes: EntryAttributes = {},
): Promise<Person & { readonly uid: string; readonly dn: string }> {
  const { email, password, name } = newPerson();
  const [uid = ''] = email.split('@');
  const dn = dnOf(email);
  await slapd.add(dn, {
    objectClass: ['inetOrgPerson', 'shadowAccount'],
    uid,
    cn: name,
    sn: name,
    mail: email,
    userPassword: password,
    ...attributes,
  });
  return { email, password, name, uid, dn };
}

/** The entry of somebody in a directory. */
function dnOf(email: string): string {
  return `uid=${email.split('@')[0]},${directoryNames.people}`;
}

/** Logs in at a directory by the pages: the address first. @param login what is typed with the password. @returns the page at the end. */
export async function logInByDirectory(
  agent: UserAgent,
  { email, password }: Pick<Person, 'email' | 'password'>,
  login = email,
): Promise<Page> {
  const start = await agent.navigate('/auth/login');
  // What an organisation connects doesn't change the first page: from there, a link leads to where the address is asked.
  const link = start.html().querySelector('a[href^="/ui/identify"]')?.getAttribute('href');
  const first = link === undefined ? start : await agent.navigate(link);
  const second = await agent.submit(first, { identifier: email });
  return agent.submit(second, { login, password });
}

/** An LDAP directory as a source. */
export async function startLdapSide(): Promise<SourceSide> {
  const slapd = await startSlapd();
  const stack = await startStack({ env: { CONNECTIONS: JSON.stringify([ldapConnection(slapd)]) } });
  return {
    stack,
    facts: { amr: ['pwd'], emailVerified: true, confirmedFor: 0 },
    issuer: /^urn:vestibule:connection:staff$/,
    enrol: () => addPerson(slapd),
    logIn: logInByDirectory,
    disable: ({ email }) => slapd.set(dnOf(email), { pwdAccountLockedTime: '000001010000Z' }),
    remove: ({ email }) => slapd.remove(dnOf(email)),
    down: () => slapd.kill(),
    up: () => slapd.start(),
    stop: async () => {
      await stack.stop();
      await slapd.stop();
    },
  };
}
