import { AndFilter, EqualityFilter, type Entry, OrFilter, PresenceFilter } from 'ldapts';
import { textOf, valuesOf } from './ldap-entry.js';
import { type LdapSession, anyOf } from './ldap-session.js';

/** Steps from group to group, and groups of one user, after which no more are read. */
const deepest = 10;
const mostGroups = 500;
/** Members, or names, that one search asks about. */
const atOnce = 50;

/** What is a group, also one that has no members now. */
const isGroup = new OrFilter({
  filters: [
    new PresenceFilter({ attribute: 'member' }),
    new PresenceFilter({ attribute: 'uniqueMember' }),
    ...['group', 'groupOfNames', 'groupOfUniqueNames', 'groupOfMembers', 'posixGroup'].map(
      (value) => new EqualityFilter({ attribute: 'objectClass', value }),
    ),
  ],
});

/**
 * Groups by their distinguished names, with the names that rules and programs compare: the `cn`, or the whole distinguished name where
 * the `cn` could mean another group.
 */
export type LdapGroups = ReadonlyMap<string, string>;

/** A distinguished name in the form that is compared: case, and how many blanks there are, don't matter. */
export function comparable(dn: string): string {
  return dn
    .toLowerCase()
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?([,=+]) ?/g, '$1');
}

/**
 * The groups of which an entry is a member, directly or through other groups. They are found from the member upwards, which every
 * directory answers from an index; a circle of groups ends where it began.
 */
export async function groupsOf(session: LdapSession, base: string, dn: string): Promise<LdapGroups> {
  const found = new Map<string, Entry>();
  let members = [dn];
  for (let depth = 0; depth < deepest && members.length > 0 && found.size < mostGroups; depth += 1) {
    const next: string[] = [];
    for (let index = 0; index < members.length; index += atOnce) {
      const groups = await groupsWith(session, base, members.slice(index, index + atOnce));
      for (const group of groups) {
        if (!found.has(comparable(group.dn))) {
          found.set(comparable(group.dn), group);
          next.push(group.dn);
        }
      }
    }
    members = next;
  }
  return namesOf(session, base, found);
}

/** Whether the directory shows any group below a base. */
export async function showsGroups(session: LdapSession, base: string): Promise<boolean> {
  return (await session.search({ base, filter: isGroup, attributes: ['cn'], atMost: 1 })).length > 0;
}

/** Names of groups. Anyone who may make groups in one place below the base must not come to the rights of a group in another. */
async function namesOf(
  session: LdapSession,
  base: string,
  groups: ReadonlyMap<string, Entry>,
): Promise<LdapGroups> {
  const names = [...groups.values()].flatMap((group) => textOf(group, 'cn') ?? []);
  const holders = await holdersOf(session, base, [...new Set(names)]);
  return new Map(
    [...groups].map(([key, group]) => {
      const name = textOf(group, 'cn');
      const isShared = [...(holders.get(comparable(name ?? '')) ?? [])].some((holder) => holder !== key);
      // A name with `=` could be the distinguished name of another group.
      return [key, name === null || name.includes('=') || isShared ? group.dn : name];
    }),
  );
}

async function groupsWith(session: LdapSession, base: string, members: readonly string[]): Promise<Entry[]> {
  const filter = anyOf(['member', 'uniqueMember'], members);
  return session.search({ base, filter, attributes: ['cn'], atMost: mostGroups });
}

/** The groups below the base that have each of some names, by the names in comparable form. */
async function holdersOf(
  session: LdapSession,
  base: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const holders = new Map<string, Set<string>>();
  const add = (name: string, dn: string): void => {
    holders.set(comparable(name), (holders.get(comparable(name)) ?? new Set<string>()).add(comparable(dn)));
  };
  for (let index = 0; index < names.length; index += atOnce) {
    const asked = names.slice(index, index + atOnce);
    const filter = new AndFilter({ filters: [isGroup, anyOf(['cn'], asked)] });
    const groups = await session.search({ base, filter, attributes: ['cn'], atMost: mostGroups });
    for (const group of groups) {
      for (const name of valuesOf(group, 'cn')) {
        add(name, group.dn);
      }
    }
    // There may be more of them.
    for (const name of groups.length < mostGroups ? [] : asked) {
      add(name, '');
    }
  }
  return holders;
}
