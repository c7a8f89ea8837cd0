import { randomUUID } from 'node:crypto';
import { BusyError, EqualityFilter, ResultCodeError, UnavailableError } from 'ldapts';
import type { LdapConnectionSettings } from './ldap-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Clock } from '../../platform/time/clock.service.js';
import { inTime } from '../../platform/time/deadline.js';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import type { ChosenHosts } from '../../platform/upstream/chosen-hosts.js';
import { unavailable } from '../../platform/upstream/vendor-call.js';
import { foldIdentifier } from '../../platform/core/account-identifier.js';
import {
  CompanyDirectory,
  type CountGuess,
  type DirectoryUser,
  type PasswordOutcome,
  type UserState,
} from '../connections/company-directory.js';
import type { ConnectionStep } from '../connections/connection-step.js';
import { subjectOf, valuesOf } from './ldap-entry.js';
import { testLdap } from './ldap-examination.js';
import { comparable } from './ldap-groups.js';
import { KnownCapabilities, LdapSession, anyOf } from './ldap-session.js';
import { openLdapSocket } from './ldap-socket.js';
import { LdapUsers, misconfigured } from './ldap-users.js';

/** Longest login and password that are sent to a directory. */
const longestLogin = 320;
const longestPassword = 1024;

/** The domain in a down-level logon name. A name itself has no backslash. */
const downLevelDomain = /^[^\\@]{1,255}\\(?=[^\\]+$)/;

/** Active Directory's reasons in the text of a refused bind (`data 533`), for accounts whose password may be right. */
const refusals: Readonly<Record<string, UserState>> = {
  '532': 'must_change_password',
  '533': 'disabled',
  '701': 'expired',
  '773': 'must_change_password',
};

/**
 * The code by which 389 and others refuse an inactive account: unwillingToPerform. Their constraintViolation (19) is a temporary lock
 * after wrong passwords. It is the answer to any password, so it counts as a wrong one: otherwise it would reveal that there is an account.
 */
const inactive = 53;

interface Server {
  readonly url: string;
  readonly breaker: CircuitBreaker;
  /** What it said that it is able to do. */
  readonly known: KnownCapabilities;
}

/** An LDAP directory, or Active Directory: a connection for each question, to the first server that answers. */
export class LdapDirectory extends CompanyDirectory {
  readonly #hosts: ChosenHosts | undefined;
  readonly #servers: readonly Server[];
  readonly #users: LdapUsers;

  /** @param hosts decides where the servers may be; undefined: anywhere. */
  readonly #settings: LdapConnectionSettings;

  constructor(settings: LdapConnectionSettings, clock: Clock, hosts?: ChosenHosts) {
    super();
    this.#settings = settings;
    this.#hosts = hosts;
    this.#servers = settings.servers.map((url, index) => ({
      url,
      breaker: new CircuitBreaker(`connection_${settings.id}_${index + 1}`, { isAway }),
      known: new KnownCapabilities(),
    }));
    this.#users = new LdapUsers(settings, clock);
  }

  /** Active Directory's users also type the domain before the name: `CORP\alice`. The search is in one domain, and the password decides. */
  nameOf(login: string): string {
    const name = login.trim();
    return this.#settings.loginAttributes.some((attribute) => attribute.toLowerCase() === 'samaccountname')
      ? name.replace(downLevelDomain, '')
      : name;
  }

  async checkPassword(
    login: string,
    password: string,
    count: CountGuess = async () => undefined,
  ): Promise<PasswordOutcome> {
    const name = this.nameOf(login);
    if (name === '' || name.length > longestLogin || password === '' || password.length > longestPassword) {
      return { outcome: 'wrong' };
    }
    const filter = anyOf(this.#settings.loginAttributes, [name]);
    return this.#ask(async (session) => {
      const entry = await this.#users.find(session, filter);
      const isNamed =
        entry !== undefined &&
        this.#settings.loginAttributes.some((attribute) =>
          valuesOf(entry, attribute).some((value) => foldIdentifier(value) === foldIdentifier(name)),
        );
      await count(isNamed ? comparable(entry.dn) : `no user: ${foldIdentifier(name)}`);
      // Without such a user the password is tried all the same, so that the time reveals no names.
      const dn = isNamed ? entry.dn : `cn=${randomUUID()},${this.#settings.baseDn}`;
      const bound = await session.bind(dn, password);
      if (bound !== true || !isNamed) {
        const state = bound === true || !isNamed ? undefined : refusalOf(bound);
        return state === undefined ? { outcome: 'wrong' } : { outcome: 'refused', state };
      }
      // The user's own rights may not suffice to read groups.
      await this.#bindOwn(session);
      return { outcome: 'user', user: await this.#users.read(session, entry) };
    });
  }

  async findUser(subject: string): Promise<DirectoryUser | undefined> {
    const { subjectAttribute: attribute } = this.#settings;
    const value = this.#users.hasBinarySubjects ? Buffer.from(subject, 'hex') : subject;
    return this.#ask(async (session) => {
      const entry = await this.#users.find(session, new EqualityFilter({ attribute, value }));
      // Without a readable id, an entry can't be read as a user: the reason is told there.
      if (entry !== undefined && (subjectOf(entry, this.#settings) ?? subject) === subject) {
        return this.#users.read(session, entry);
      }
      await this.#users.requireAny(session);
      return undefined;
    });
  }

  async test(address: string | undefined): Promise<readonly ConnectionStep[]> {
    return testLdap({ settings: this.#settings, users: this.#users, hosts: this.#hosts, address });
  }

  async #bindOwn(session: LdapSession): Promise<void> {
    const { bindDn, bindPassword } = this.#settings;
    if ((await session.bind(bindDn, bindPassword)) !== true) {
      throw misconfigured('directory_refuses_bind_dn');
    }
  }

  /** Asks the servers in order, until one answers. @throws {Problem} `provider_unavailable`, `provider_misconfigured` */
  async #ask<T>(act: (session: LdapSession) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const server of this.#servers) {
      try {
        return await server.breaker.run(() =>
          inTime(this.#settings.timeout, (signal) => this.#askServer(server, signal, act)),
        );
      } catch (error) {
        if (error instanceof Problem && error.code === 'rate_limited') {
          throw error;
        }
        last = error;
      }
    }
    throw last instanceof Problem ? last : unavailable('directory_unreachable', last);
  }

  async #askServer<T>(
    { url, known }: Server,
    signal: AbortSignal,
    act: (session: LdapSession) => Promise<T>,
  ): Promise<T> {
    const { authorities, timeout } = this.#settings;
    const socket = await openLdapSocket({ url, authorities, lookup: this.#hosts?.lookupFor(url) }, signal);
    const session = new LdapSession(socket, timeout, known);
    const end = (): void => void socket.destroy();
    signal.addEventListener('abort', end, { once: true });
    try {
      await this.#bindOwn(session);
      return await act(session);
    } finally {
      signal.removeEventListener('abort', end);
      await session.close();
      socket.destroy();
    }
  }
}

/** Whether a failure means that a server is unavailable. A refusal is an answer. */
function isAway(outcome: unknown): boolean {
  if (outcome instanceof BusyError || outcome instanceof UnavailableError) {
    return true;
  }
  return outcome instanceof Error && !(outcome instanceof ResultCodeError) && !(outcome instanceof Problem);
}

/** The state of an account that a directory doesn't let in although its password may be right; undefined if it is wrong. */
function refusalOf({ code, message }: ResultCodeError): UserState | undefined {
  return code === inactive ? 'disabled' : refusals[/\bdata ([\da-f]{1,8})\b/i.exec(message)?.[1] ?? ''];
}
