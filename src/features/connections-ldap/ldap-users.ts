import { AndFilter, type Entry, type Filter, FilterParser, NoSuchObjectError, PresenceFilter } from 'ldapts';
import type { LdapConnectionSettings } from './ldap-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Clock } from '../../platform/time/clock.service.js';
import type { DirectoryUser } from '../connections/company-directory.js';
import { stateAttributes, stateOf, statesControl, subjectOf, textOf } from './ldap-entry.js';
import { comparable, groupsOf, showsGroups } from './ldap-groups.js';
import type { LdapSession } from './ldap-session.js';

/** Matches of a search for one user: a second one makes it ambiguous, and a login with it impossible. */
const matches = 2;

/** Capabilities by which Active Directory, and its lightweight edition, tell what they are (MS-ADTS section 3.1.1.3.4.3). */
const activeDirectory = '1.2.840.113556.1.4.800';
const lightweightEdition = '1.2.840.113556.1.4.1851';

/** The users of a directory, as its settings describe them. */
export class LdapUsers {
  readonly #filter: Filter;
  readonly #admitting: ReadonlySet<string>;

  readonly #settings: LdapConnectionSettings;

  constructor(
    settings: LdapConnectionSettings,
    private readonly clock: Clock,
  ) {
    this.#settings = settings;
    this.#filter = FilterParser.parseString(settings.userFilter);
    this.#admitting = new Set(settings.allowedGroups.map(comparable));
  }

  /** Whether the ids of users are bytes. */
  get hasBinarySubjects(): boolean {
    return this.#settings.subjectAttribute.toLowerCase() === 'objectguid';
  }

  /** Any user, with nothing but the id and the state; undefined if there is none. */
  async any(session: LdapSession, filter = this.#filter): Promise<Entry | undefined> {
    const { baseDn, subjectAttribute } = this.#settings;
    const [entry] = await session.search({
      base: baseDn,
      filter,
      attributes: [subjectAttribute, ...stateAttributes],
      binary: this.#binary,
      atMost: 1,
    });
    return entry;
  }

  /** A user that matches a filter too; undefined for none, and for several. @throws {Problem} `provider_misconfigured` */
  async find(session: LdapSession, filter: Filter): Promise<Entry | undefined> {
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
        filter: new AndFilter({ filters: [this.#filter, filter] }),
        attributes: [...new Set(attributes)],
        binary: this.#binary,
        atMost: matches,
      })
      .catch((error: unknown) => {
        throw error instanceof NoSuchObjectError ? misconfigured('directory_without_base', error) : error;
      });
    return found.length === 1 ? found[0] : undefined;
  }

  /**
   * Requires that the directory shows some user with an id. A directory hides what the account that searches may not read, and a base to
   * which nobody belongs any more is empty: only where others are seen is the one who isn't gone.
   * @throws {Problem} `provider_misconfigured`
   */
  async requireAny(session: LdapSession): Promise<void> {
    const hasId = new PresenceFilter({ attribute: this.#settings.subjectAttribute });
    const entry = await this.any(session, new AndFilter({ filters: [this.#filter, hasId] }));
    if (entry === undefined || subjectOf(entry, this.#settings) === null) {
      throw misconfigured('directory_without_users');
    }
  }

  /**
   * Whether an Active Directory hides from the account that searches whether a user is disabled: each of its users has
   * `userAccountControl`, so that one without it isn't active, but unknown.
   */
  async hidesState(session: LdapSession, entry: Entry): Promise<boolean> {
    if (statesControl(entry)) {
      return false;
    }
    const capabilities = await session.capabilities();
    return (
      capabilities.includes(activeDirectory) ||
      (this.#settings.isActiveDirectory && !capabilities.includes(lightweightEdition))
    );
  }

  /** The user of an entry that was found, with the groups. @throws {Problem} `provider_misconfigured` */
  async read(session: LdapSession, entry: Entry): Promise<DirectoryUser> {
    const { groupBaseDn, emailAttribute, nameAttribute } = this.#settings;
    const subject = subjectOf(entry, this.#settings);
    if (subject === null) {
      throw misconfigured('directory_without_subject');
    }
    if (await this.hidesState(session, entry)) {
      throw misconfigured('directory_without_state');
    }
    const groups = groupBaseDn === undefined ? undefined : await groupsOf(session, groupBaseDn, entry.dn);
    const isAdmitted =
      this.#admitting.size === 0 || [...(groups?.keys() ?? [])].some((dn) => this.#admitting.has(dn));
    // As with users: where no groups are seen at all, nobody has left one.
    const isUnclear = !isAdmitted && groupBaseDn !== undefined && groups?.size === 0;
    if (isUnclear && !(await showsGroups(session, groupBaseDn))) {
      throw misconfigured('directory_without_groups');
    }
    return {
      subject,
      email: textOf(entry, emailAttribute),
      name: textOf(entry, nameAttribute),
      groups: [...(groups?.values() ?? [])].toSorted(),
      state: isAdmitted ? stateOf(entry, this.clock.now()) : 'not_admitted',
    };
  }

  get #binary(): readonly string[] {
    return this.hasBinarySubjects ? [this.#settings.subjectAttribute] : [];
  }
}

/** A failure that only the connection's settings, or the gateway's rights at the directory, can end. */
export const misconfigured = (reason: string, cause?: unknown): Problem =>
  new Problem('provider_misconfigured', { reason, cause });
