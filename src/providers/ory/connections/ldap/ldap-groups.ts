import type { Entry } from 'ldapts';
import { textOf } from './ldap-entry.js';
import { type LdapSession, anyOf } from './ldap-session.js';

/** Steps from group to group, and groups of one user, after which no more are read. */
const deepest = 10;
const mostGroups = 500;
/** Members that one search asks about. */
const membersAtOnce = 50;

/** Groups by their distinguished names, with the names that people know them by. */
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
  const found = new Map<string, string>();
  let members = [dn];
  for (let depth = 0; depth < deepest && members.length > 0 && found.size < mostGroups; depth += 1) {
    const next: string[] = [];
    for (let index = 0; index < members.length; index += membersAtOnce) {
      const groups = await groupsWith(session, base, members.slice(index, index + membersAtOnce));
      for (const group of groups) {
        if (!found.has(comparable(group.dn))) {
          found.set(comparable(group.dn), textOf(group, 'cn') ?? group.dn);
          next.push(group.dn);
        }
      }
    }
    members = next;
  }
  return found;
}

async function groupsWith(session: LdapSession, base: string, members: readonly string[]): Promise<Entry[]> {
  const filter = anyOf(['member', 'uniqueMember'], members);
  return session.search({ base, filter, attributes: ['cn'], atMost: mostGroups });
}
