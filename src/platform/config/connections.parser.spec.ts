import { expect, it } from 'vitest';
import { z } from 'zod';
import { commonFields, domainsOf } from './connection-fields.js';
import { type ConnectionKind, parserOf } from './connection-kind.js';
import { connectionsOf } from './connections.parser.js';
import { parseOrgConnection } from './org-connection.parser.js';
import { oryVariablesWith } from './provider.variables.js';

/** A kind that has one setting. */
function kindOf(name: string, isForOwners = true): ConnectionKind {
  const schema = z.strictObject({ ...commonFields, kind: z.literal(name), url: z.string() });
  return {
    name,
    settings: Object.keys(schema.shape),
    parse: parserOf(schema, (entry, complain) => ({
      ...entry,
      domains: domainsOf(entry, complain),
      targets: [entry.url],
    })),
    secrets: [],
    destinations: [],
    routes: {},
    isForOwners,
    code: async () => ({ kind: name }),
  };
}

const kinds = [kindOf('cas'), kindOf('nis', false), kindOf('tacacs')];
const least = { id: 'staff', kind: 'cas', name: 'Example Ltd.', url: 'https://cas.example.org' };

/** What is wrong with entries, as the start shows it. */
function problemsOf(entries: readonly unknown[], among = kinds): readonly string[] {
  const result = connectionsOf(among).safeParse(JSON.stringify(entries));
  return result.success ? [] : result.error.issues.map(({ message }) => message);
}

it.each<[unknown, string]>([
  ['text', 'must have a kind: cas, nis or tacacs'],
  [{ ...least, kind: 'other' }, 'must have a kind: cas, nis or tacacs'],
  [{ ...least, kind: undefined }, 'must have a kind: cas, nis or tacacs'],
  [{ ...least, id: 'Staff' }, 'has an id that is missing or malformed; see docs/connections.md'],
  [{ ...least, other: 'x' }, 'has an unknown setting: other'],
])('%j is refused by the kinds that there are', (entry, problem) => {
  expect(problemsOf([entry])).toEqual([`entry 1 ${problem}`]);
});

it('an entry of a kind that was left out is refused', () => {
  expect(problemsOf([least], [kindOf('nis'), kindOf('tacacs')])).toEqual([
    'entry 1 must have a kind: nis or tacacs',
  ]);
  expect(problemsOf([least], [])).toEqual(['entry 1 must have a kind: there is none here']);
});

it('connections have ids and domains of their own', () => {
  const one = { ...least, domains: ['example.org'] };
  expect(problemsOf([one, { ...least, kind: 'nis', domains: ['EXAMPLE.org'] }])).toEqual([
    'entry 2 has the id of an entry before it',
    'entry 2 has a domain of an entry before it',
  ]);
});

it.each(['', 'x', '{}', '"x"'])('%j is no list', (text) => {
  const result = connectionsOf(kinds).safeParse(text);
  expect(result.error?.issues.map(({ message }) => message)).toEqual(['must be a JSON list of connections']);
});

it('owners may make the kinds for owners, or those that the setting names among all', () => {
  const { ORG_CONNECTION_KINDS: setting } = oryVariablesWith(kinds).shape;
  expect(setting.parse(undefined)).toEqual(['cas', 'tacacs']);
  expect(setting.parse('nis,cas')).toEqual(['nis', 'cas']);
  expect(setting.parse('none')).toEqual([]);
  expect(setting.safeParse('cas,other').error?.issues.map(({ message }) => message)).toEqual([
    'must be a list of cas, nis, tacacs; or none',
  ]);
});

it('a connection of an organisation of a kind that was left out can’t be used, or changed: its secrets aren’t known', () => {
  const entry = { ...least, domains: [], settings: { url: least.url } };
  expect(parseOrgConnection(entry, kinds)).toMatchObject({ parsed: { kind: 'cas', targets: [least.url] } });
  expect(parseOrgConnection(entry, [])).toEqual({
    faults: [{ field: 'kind', message: 'is no longer served here' }],
  });
});
