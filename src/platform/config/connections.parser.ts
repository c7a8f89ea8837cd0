import { z } from 'zod';
import type { Complain } from './connection-fields.js';
import type { ConnectionKind, ConnectionSettings } from './connection-kind.js';
import { parseJson } from './json.parser.js';

/** The kind with this name; undefined if there is none. */
export function connectionKindIn(
  kinds: readonly ConnectionKind[],
  name: unknown,
): ConnectionKind | undefined {
  return kinds.find((kind) => kind.name === name);
}

/** JSON list of connections → the list, with the files that they name read. @param kinds those that there are. */
export function connectionsOf(kinds: readonly ConnectionKind[]) {
  return z.string().transform((given, context): ConnectionSettings[] => {
    const listed = z.array(z.unknown()).max(50).safeParse(parseJson(given));
    if (!listed.success) {
      context.addIssue('must be a JSON list of connections');
      return z.NEVER;
    }
    const found: ConnectionSettings[] = [];
    for (const [index, item] of listed.data.entries()) {
      const complain = (problem: string): void => context.addIssue(`entry ${index + 1} ${problem}`);
      const settings = parseEntry(item, kinds, complain);
      if (settings === undefined) {
        continue;
      }
      for (const other of found) {
        if (other.id === settings.id) {
          complain('has the id of an entry before it');
        }
        if (other.domains.some((domain) => settings.domains.includes(domain))) {
          complain('has a domain of an entry before it');
        }
      }
      found.push(settings);
    }
    return found;
  });
}

/** The settings of an entry, by its kind; undefined if it has none that can be used. */
function parseEntry(
  item: unknown,
  kinds: readonly ConnectionKind[],
  complain: Complain,
): ConnectionSettings | undefined {
  const kind = connectionKindIn(kinds, Reflect.get(Object(item), 'kind'));
  if (kind === undefined) {
    const names = kinds.map(({ name }) => name).join(', ') || 'there is none here';
    complain(`must have a kind: ${names.replace(/, (?=\w+$)/, ' or ')}`);
    return undefined;
  }
  return kind.parse(item, complain);
}
