import type { z } from 'zod';
import type { Complain } from './connection-fields.js';

/** The settings that connections of every kind have. A kind adds its own. */
export interface ConnectionSettings {
  readonly kind: string;
  /** Part of its users' identities: a new id makes new users. */
  readonly id: string;
  /** As the login page calls it. */
  readonly name: string;
  /** Domains whose addresses are sent to it, in lower case and ASCII. Addresses in other domains never count as verified. */
  readonly domains: readonly string[];
  /** The URLs to which the gateway itself connects; browsers go to the other addresses of a provider. */
  readonly targets: readonly string[];
}

/** The code of a kind. Who opens connections knows what it can do. */
export abstract class ConnectionCode {
  /** Name of the kind. */
  abstract readonly kind: string;
}

/** A kind of connection, as its feature declares it: how its entries are read, and what organisations' ones need to be known by. */
export interface ConnectionKind {
  readonly name: string;
  /** Names of its settings. */
  readonly settings: readonly string[];
  /** The settings of an entry; undefined if it has none that can be used. */
  readonly parse: (item: unknown, complain: Complain) => ConnectionSettings | undefined;
  /** Settings that are shown nowhere. */
  readonly secrets: readonly string[];
  /** Settings that decide where secrets are sent. */
  readonly destinations: readonly string[];
  /** This gateway's routes that the provider needs to know: below the connection's own path. */
  readonly routes: {
    readonly redirect?: string;
    readonly logout?: string;
    readonly metadata?: string;
  };
  /** Whether owners may make such connections for their organisation, unless `ORG_CONNECTION_KINDS` says otherwise. */
  readonly isForOwners: boolean;
  /** Brings its code, when connections are opened. Settings are read by programs that open none. */
  readonly code: () => Promise<ConnectionCode>;
}

/**
 * Reads entries of a kind.
 * @param toSettings makes settings of an entry that has the schema's form.
 * @param remedies what is said of a setting, by its name, instead of that it is missing or malformed.
 */
export function parserOf<Schema extends z.ZodType>(
  schema: Schema,
  toSettings: (entry: z.output<Schema>, complain: Complain) => ConnectionSettings | undefined,
  remedies: Readonly<Record<string, string>> = {},
): ConnectionKind['parse'] {
  return (item, complain) => {
    const entry = schema.safeParse(item);
    if (!entry.success) {
      complain(problemOf(entry.error, remedies), entry.error.issues[0]?.path.map(String)[0]);
      return undefined;
    }
    return toSettings(entry.data, complain);
  };
}

/** What is wrong with an entry, by the setting's name and never with its value. */
function problemOf(error: z.ZodError, remedies: Readonly<Record<string, string>>): string {
  const [issue] = error.issues;
  const name = issue?.path.map(String)[0];
  if (issue?.code === 'unrecognized_keys') {
    return `has an unknown setting: ${issue.keys.map((key) => key.slice(0, 40)).join(', ')}`;
  }
  if (name === undefined) {
    return 'must be an object';
  }
  return (
    remedies[name] ??
    `has ${/^[aeiou]/.test(name) ? 'an' : 'a'} ${name} that is missing or malformed; see docs/connections.md`
  );
}
