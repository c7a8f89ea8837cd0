import type { ConnectionKind, ConnectionSettings } from './connection-kind.js';
import { connectionKindIn } from './connections.parser.js';

/** A connection of an organisation, as its owner describes it: `settings` are those of its kind, as `CONNECTIONS` has them. */
export interface OrgConnectionEntry {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly domains: readonly string[];
  readonly settings: Readonly<Record<string, unknown>>;
}

/** What is wrong with a setting. */
export interface SettingFault {
  readonly field: string;
  readonly message: string;
}

/** Characters of an organisation's settings, at most: large identity providers have metadata of 100,000. */
export const longestSettings = 200_000;

/** Settings that are members of the connection itself. */
const ownMembers: ReadonlySet<string> = new Set(['id', 'kind', 'name', 'domains']);

/**
 * The settings of an entry, or what is wrong with it. Files aren't read: only operators may name them.
 * @param kinds those that there are.
 */
export function parseOrgConnection(
  { id, kind, name, domains, settings }: OrgConnectionEntry,
  kinds: readonly ConnectionKind[],
): { readonly parsed: ConnectionSettings } | { readonly faults: readonly SettingFault[] } {
  const known = connectionKindIn(kinds, kind);
  if (known === undefined) {
    // Which of its settings are secrets isn't known: nothing may be stored.
    return { faults: [{ field: 'kind', message: 'is no longer served here' }] };
  }
  const faults: SettingFault[] = [];
  const complain = (problem: string, field?: string): void => {
    faults.push({ field: fieldOf(field), message: problem.replace('; see docs/connections.md', '') });
  };
  for (const key of Object.keys(settings)) {
    if (/_files?$/.test(key)) {
      const plain = key.replace(/_file(s?)$/, '$1');
      faults.push({ field: `settings.${key}`, message: `names a file of the server: give ${plain} instead` });
    } else if (ownMembers.has(key)) {
      faults.push({ field: `settings.${key}`, message: 'is a member of the connection itself' });
    }
  }
  if (faults.length > 0) {
    return { faults };
  }
  const entry = { ...settings, id: 'organisation', kind, name, domains };
  const parsed = known.parse(entry, complain);
  return parsed === undefined || faults.length > 0 ? { faults } : { parsed: { ...parsed, id } };
}

/** Settings apart from the secrets among them. */
export function withoutSecrets(
  kind: string,
  settings: Readonly<Record<string, unknown>>,
  kinds: readonly ConnectionKind[],
): {
  readonly shown: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, unknown>>;
} {
  const names = new Set(connectionKindIn(kinds, kind)?.secrets ?? []);
  const entries = Object.entries(settings);
  return {
    shown: Object.fromEntries(entries.filter(([name]) => !names.has(name))),
    secrets: Object.fromEntries(entries.filter(([name]) => names.has(name))),
  };
}

function fieldOf(setting: string | undefined): string {
  if (setting === undefined) {
    return 'settings';
  }
  return ownMembers.has(setting) ? setting : `settings.${setting}`;
}
