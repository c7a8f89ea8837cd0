import { randomUUID } from 'node:crypto';
import {
  AndFilter,
  BusyError,
  type Entry,
  EqualityFilter,
  type Filter,
  FilterParser,
  NoSuchObjectError,
  ResultCodeError,
  UnavailableError,
} from 'ldapts';
import { ConfigurationError } from '../../../../platform/config/configuration.js';
import type { LdapConnectionSettings } from '../../../../platform/config/connections.parser.js';
import { Problem } from '../../../../platform/errors/problem.error.js';
import type { Clock } from '../../../../platform/time/clock.service.js';
import { inTime } from '../../../../platform/time/deadline.js';
import { CircuitBreaker } from '../../../../platform/upstream/circuit.breaker.js';
import { type ChosenHosts, ForbiddenHostError } from '../../../../platform/upstream/chosen.hosts.js';
import { unavailable } from '../../../../platform/upstream/vendor.call.js';
import {
  CompanyDirectory,
  type DirectoryUser,
  type PasswordOutcome,
  type UserState,
} from '../company.directory.js';
import type { ConnectionStep } from '../../../../accounts/org-connections.port.js';
import { StepError, TestReport, isOfTls } from '../test.report.js';
import { stateAttributes, stateOf, subjectOf, textOf, valuesOf } from './ldap.entry.js';
import { comparable, groupsOf } from './ldap.groups.js';
import { LdapSession, anyOf } from './ldap.session.js';
import { LdapProtocolError, openLdapSocket } from './ldap.socket.js';

/** Milliseconds that a test gives a server at least. */
const leastTestTime = 3000;

/** Longest login and password that are sent to a directory. */
const longestLogin = 320;
const longestPassword = 1024;
/** Matches of a search for one user: a second one makes it ambiguous, and a login with it impossible. */
const matches = 2;

/** Active Directory's reasons in the text of a refused bind (`data 533`), for accounts whose password may be right. */
const refusals: Readonly<Record<string, UserState>> = {
  '532': 'must_change_password',
  '533': 'disabled',
  '701': 'expired',
  '773': 'must_change_password',
};

/** Codes by which 389 and others refuse an account that is locked or inactive: constraintViolation, unwillingToPerform. */
const locked: ReadonlySet<number> = new Set([19, 53]);

interface Server {
  readonly url: string;
  readonly breaker: CircuitBreaker;
}

/** An LDAP directory, or Active Directory: a connection for each question, to the first server that answers. */
export class LdapDirectory extends CompanyDirectory {
  readonly #settings: LdapConnectionSettings;
  readonly #clock: Clock;
  readonly #hosts: ChosenHosts | undefined;
  readonly #servers: readonly Server[];
  readonly #userFilter: Filter;
  readonly #admitting: ReadonlySet<string>;

  /**
   * @param hosts decides where the servers may be; undefined: anywhere.
   * @throws {ConfigurationError} for a filter that can't be parsed.
   */
  constructor(settings: LdapConnectionSettings, clock: Clock, hosts?: ChosenHosts) {
    super();
    this.#hosts = hosts;
    this.#settings = settings;
    this.#clock = clock;
    this.#servers = settings.servers.map((url, index) => ({
      url,
      breaker: new CircuitBreaker(`connection_${settings.id}_${index + 1}`, { isAway }),
    }));
    this.#userFilter = parseFilter(settings);
    this.#admitting = new Set(settings.allowedGroups.map(comparable));
  }

  async checkPassword(login: string, password: string): Promise<PasswordOutcome> {
    const name = login.trim();
    if (name === '' || name.length > longestLogin || password === '' || password.length > longestPassword) {
      return { outcome: 'wrong' };
    }
    const filter = anyOf(this.#settings.loginAttributes, [name]);
    return this.#ask(async (session) => {
      const entry = await this.#find(session, filter);
      const isNamed =
        entry !== undefined &&
        this.#settings.loginAttributes.some((attribute) =>
          valuesOf(entry, attribute).some((value) => value.toLowerCase() === name.toLowerCase()),
        );
      // Without such a user the password is tried all the same, so that the time reveals no names.
      const dn = isNamed ? entry.dn : `cn=${randomUUID()},${this.#settings.baseDn}`;
      const bound = await session.bind(dn, password);
      if (bound !== true || !isNamed) {
        const state = bound === true || !isNamed ? undefined : refusalOf(bound);
        return state === undefined ? { outcome: 'wrong' } : { outcome: 'refused', state };
      }
      // The user's own rights may not suffice to read groups.
      await this.#bindOwn(session);
      return { outcome: 'user', user: await this.#userOf(session, entry) };
    });
  }

  async findUser(subject: string): Promise<DirectoryUser | undefined> {
    const { subjectAttribute: attribute } = this.#settings;
    const value = this.#isBinary ? Buffer.from(subject, 'hex') : subject;
    return this.#ask(async (session) => {
      const entry = await this.#find(session, new EqualityFilter({ attribute, value }));
      return entry === undefined || subjectOf(entry, this.#settings) !== subject
        ? undefined
        : this.#userOf(session, entry);
    });
  }

  async test(address: string | undefined): Promise<readonly ConnectionStep[]> {
    const reports = await Promise.all(this.#servers.map(async ({ url }) => this.#testServer(url, address)));
    return reports.flat();
  }

  async #testServer(url: string, address: string | undefined): Promise<readonly ConnectionStep[]> {
    const { authorities, timeout, baseDn, loginAttributes, subjectAttribute } = this.#settings;
    const report = new TestReport();
    const controller = new AbortController();
    const late = setTimeout(() => controller.abort(), Math.max(timeout, leastTestTime));
    const socket = await report.run(
      'reach',
      url,
      async () => {
        const lookup = this.#hosts?.lookupFor(url);
        return openLdapSocket({ url, authorities, lookup }, controller.signal);
      },
      faultOf,
    );
    clearTimeout(late);
    if (socket === undefined) {
      return report.steps;
    }
    const session = new LdapSession(socket, timeout);
    try {
      await report.run('bind', this.#settings.bindDn, async () => {
        const { bindDn, bindPassword } = this.#settings;
        if ((await session.bind(bindDn, bindPassword)) !== true) {
          throw new StepError('bind_refused');
        }
      });
      await report.run(
        'base',
        baseDn,
        async () => {
          const [any] = await session.search({
            base: baseDn,
            filter: this.#userFilter,
            attributes: [subjectAttribute],
            binary: this.#isBinary ? [subjectAttribute] : [],
            atMost: 1,
          });
          if (any === undefined || subjectOf(any, this.#settings) === null) {
            throw new StepError(any === undefined ? 'base_absent' : 'subject_absent');
          }
        },
        () => 'base_absent',
      );
      if (address !== undefined) {
        await report.run('user', address, async () => {
          const entry = await this.#find(session, anyOf(loginAttributes, [address]));
          if (entry === undefined) {
            throw new StepError('user_absent');
          }
          if ((await this.#userOf(session, entry)).state !== 'active') {
            throw new StepError('user_not_admitted');
          }
        });
      }
      return report.steps;
    } finally {
      await session.close();
      socket.destroy();
    }
  }

  /** A user that matches the filter too; undefined for none, and for several. */
  async #find(session: LdapSession, filter: Filter): Promise<Entry | undefined> {
    const { baseDn, loginAttributes, subjectAttribute, emailAttribute, nameAttribute } = this.#settings;
    const attributes = [
      subjectAttribute,
      emailAttribute,
      nameAttribute,
      ...loginAttributes,
      ...stateAttributes,
    ];
    const found = await session
      .search({
        base: baseDn,
        filter: new AndFilter({ filters: [this.#userFilter, filter] }),
        attributes: [...new Set(attributes)],
        binary: this.#isBinary ? [subjectAttribute] : [],
        atMost: matches,
      })
      .catch((error: unknown) => {
        throw error instanceof NoSuchObjectError ? misconfigured('directory_without_base', error) : error;
      });
    return found.length === 1 ? found[0] : undefined;
  }

  async #userOf(session: LdapSession, entry: Entry): Promise<DirectoryUser> {
    const { groupBaseDn, emailAttribute, nameAttribute } = this.#settings;
    const subject = subjectOf(entry, this.#settings);
    if (subject === null) {
      throw misconfigured('directory_without_subject');
    }
    const groups = groupBaseDn === undefined ? undefined : await groupsOf(session, groupBaseDn, entry.dn);
    const isAdmitted =
      this.#admitting.size === 0 || [...(groups?.keys() ?? [])].some((dn) => this.#admitting.has(dn));
    return {
      subject,
      email: textOf(entry, emailAttribute),
      name: textOf(entry, nameAttribute),
      groups: [...(groups?.values() ?? [])].toSorted(),
      state: isAdmitted ? stateOf(entry, this.#clock.now()) : 'not_admitted',
    };
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
    for (const { url, breaker } of this.#servers) {
      try {
        return await breaker.run(() =>
          inTime(this.#settings.timeout, (signal) => this.#askServer(url, signal, act)),
        );
      } catch (error) {
        last = error;
      }
    }
    throw last instanceof Problem ? last : unavailable('directory_unreachable', last);
  }

  async #askServer<T>(
    url: string,
    signal: AbortSignal,
    act: (session: LdapSession) => Promise<T>,
  ): Promise<T> {
    const { authorities, timeout } = this.#settings;
    const socket = await openLdapSocket({ url, authorities, lookup: this.#hosts?.lookupFor(url) }, signal);
    const session = new LdapSession(socket, timeout);
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

  get #isBinary(): boolean {
    return this.#settings.subjectAttribute.toLowerCase() === 'objectguid';
  }
}

/** A failure that only the connection's settings, or the gateway's rights at the directory, can end. */
const misconfigured = (reason: string, cause?: unknown): Problem =>
  new Problem('provider_misconfigured', { reason, cause });

/** What a failed connection to a server means. */
function faultOf(error: unknown): 'certificate' | 'not_public' | 'starttls_refused' | 'unreachable' {
  if (error instanceof ForbiddenHostError) {
    return 'not_public';
  }
  if (error instanceof LdapProtocolError) {
    return 'starttls_refused';
  }
  return isOfTls(error) ? 'certificate' : 'unreachable';
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
  return locked.has(code) ? 'disabled' : refusals[/\bdata ([\da-f]{1,8})\b/i.exec(message)?.[1] ?? ''];
}

function parseFilter({ id, userFilter }: LdapConnectionSettings): Filter {
  try {
    return FilterParser.parseString(userFilter);
  } catch {
    throw new ConfigurationError([`CONNECTIONS: the user_filter of ${id} is no filter (RFC 4515)`]);
  }
}
