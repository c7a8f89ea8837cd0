import type { Abstract, Type } from '@nestjs/common';
import type { Migration } from 'kysely';
import { z } from 'zod';
import type { commonVariables } from '../config/common.variables.js';
import type { ConnectionKind, ConnectionSettings } from '../config/connection-kind.js';
import type { Database } from '../database/database.schema.js';
import type { FeatureProblem } from '../errors/problem.catalogue.js';
import type { FeatureTexts } from '../i18n/feature-texts.js';
import type { FeatureAuditEvent } from './audit-event.catalogue.js';
import type { AddCommands } from './command-line.js';
import { type FeatureSecret, secretsAmong } from './feature-secrets.js';
import type { FeatureScope } from './scope.catalogue.js';

/** Settings with which a feature's own are compared. */
export interface CoreSettings extends z.output<typeof commonVariables> {
  /** What settings of all features name; `contradictions` are told it. */
  readonly audiences?: readonly NamedAudience[];
  /** With `AUTH_PROVIDER=ory`, once the kinds of connections are known. */
  readonly CONNECTIONS?: readonly ConnectionSettings[];
  /** Likewise: the features of the deployment. */
  readonly features?: readonly { readonly feature: Pick<Feature, 'connectionKind'> }[];
}

/** A feature's settings: its environment variables, and the DI token of their values. */
export interface FeatureSettings<Shape extends z.ZodRawShape> {
  readonly token: symbol;
  readonly variables: z.ZodObject<Shape>;
}

/** The values of a feature's settings: `@Inject(signalSettings.token) settings: SettingsOf<typeof signalSettings>`. */
export type SettingsOf<Settings extends { readonly variables: z.ZodObject }> = z.output<
  Settings['variables']
>;

/** A host that is called because of a setting. */
export type CalledHost = readonly [variable: string, url: string];

/** An organisation that a setting names by its slug or id. The rule is the variable, a colon and whatever tells its entry from others. */
export type NamedOrg = readonly [rule: string, org: string];

/** An audience of tokens that a setting names. The rule is as with organisations. */
export type NamedAudience = readonly [rule: string, audience: string];

/** What a check of a feature found. */
export interface FeatureFinding {
  /** Stable name of the problem, in lower case with `_`; reports show it as `feature:code`. */
  readonly code: string;
  /** An error locks people out or is dangerous; with a warning the deployment still works. */
  readonly severity: 'error' | 'warning';
  /** What is wrong; the same text for every occurrence. */
  readonly title: string;
  /** What to do. */
  readonly fix: string;
  /** Specifics of this deployment: names, hosts, numbers. Never a secret or an e-mail address. */
  readonly detail?: string;
}

/** One check of `vestibule doctor` that a feature adds. It has no visible effect on the deployment. */
export interface FeatureCheck<Settings> {
  /** Noun that names the check. */
  readonly name: string;
  /** Whether the gateway also runs it after its start: it makes no calls to the gateway, no logins, and isn't slow. */
  readonly isCheap: boolean;
  /** @returns an empty list if nothing is wrong. */
  run(settings: Settings, core: CoreSettings): Promise<readonly FeatureFinding[]>;
}

/** A feature, as its folder's manifest states it. */
export interface FeatureDefinition<Shape extends z.ZodRawShape> {
  readonly name: string;
  /** Features that it imports. */
  readonly needs?: readonly string[];
  /** With what the names of its variables, tables and scopes begin, and codes of problems and types of events without its name. Default: its name, with `_` for `-`. */
  readonly prefixes?: readonly string[];
  /** The values of `AUTH_PROVIDER` with which it exists. Default: all. */
  readonly providers?: readonly CoreSettings['AUTH_PROVIDER'][];
  /** Its environment variables, whose values `contradictions`, `hosts`, `orgs`, `audiences`, `checks` and `isUsed` are told. Default: none. */
  readonly settings?: FeatureSettings<Shape>;
  /** Lines about settings that contradict each other, each begun by a variable's name and a colon. */
  readonly contradictions?: (settings: z.output<z.ZodObject<Shape>>, core: CoreSettings) => readonly string[];
  /** The hosts that its settings name. An air-gapped deployment starts only if they are inside. */
  readonly hosts?: (settings: z.output<z.ZodObject<Shape>>) => readonly CalledHost[];
  /** The organisations that its settings name. Only an administrator can give these names to another one. */
  readonly orgs?: (settings: z.output<z.ZodObject<Shape>>) => readonly NamedOrg[];
  /** The audiences of tokens that its settings name. No host that users log in for may have one. */
  readonly audiences?: (settings: z.output<z.ZodObject<Shape>>) => readonly NamedAudience[];
  readonly checks?: readonly FeatureCheck<z.output<z.ZodObject<Shape>>>[];
  /** The problems that it answers with, as `defineProblems` declares them. */
  readonly problems?: Readonly<Record<string, FeatureProblem>>;
  /** The events that it adds to the audit trail, as `defineAuditEvents` declares them. */
  readonly auditEvents?: Readonly<Record<string, FeatureAuditEvent>>;
  /** Scopes of its routes, as `defineScopes` declares them. */
  readonly scopes?: Readonly<Record<string, FeatureScope>>;
  /** Its tables. Nothing else writes them. */
  readonly tables?: readonly string[];
  /** DI token of the database with its tables, a class: `abstract class SignalDatabase extends Database<SignalTables> {}`. */
  readonly database?: Abstract<Database>;
  /** By names such as `0001-first`, in which order they run. One that has been released doesn't change. */
  readonly migrations?: Readonly<Record<string, Migration>>;
  /** The texts of its pages, whose keys begin with its name, as in `commandLine.title`. */
  readonly texts?: FeatureTexts;
  /** Groups of its operations in the API reference, with what each is. */
  readonly groups?: Readonly<Record<string, string>>;
  /** The kind of connections that it serves, with code that extends `CompanyCode`: one of this program's own features does. */
  readonly connectionKind?: ConnectionKind;
  /** Whether its module is loaded with these settings. Default: always. */
  readonly isUsed?: (settings: z.output<z.ZodObject<Shape>>) => boolean;
  /** Brings its module, when the feature is used. Declarations alone are read by programs that don't run it. */
  readonly module?: () => Promise<Type>;
  /**
   * Brings what it adds to the command line `vestibule`, from a file `*.program.ts`: other programs don't have it. A command is there with
   * every provider, because help needs no deployment; it refuses those that it isn't for when it runs.
   */
  readonly commands?: () => Promise<AddCommands>;
}

/** A manifest as the rest of the program reads it. */
export interface Feature extends Omit<
  FeatureDefinition<z.ZodRawShape>,
  | 'settings'
  | 'contradictions'
  | 'hosts'
  | 'orgs'
  | 'audiences'
  | 'isUsed'
  | 'checks'
  | 'needs'
  | 'auditEvents'
  | 'problems'
  | 'scopes'
  | 'tables'
  | 'migrations'
  | 'groups'
> {
  readonly needs: readonly string[];
  readonly tables: readonly string[];
  readonly migrations: Readonly<Record<string, Migration>>;
  readonly groups: Readonly<Record<string, string>>;
  readonly auditEvents: Readonly<Record<string, FeatureAuditEvent>>;
  readonly problems: Readonly<Record<string, FeatureProblem>>;
  readonly scopes: Readonly<Record<string, FeatureScope>>;
  /** Its environment variables. */
  readonly variables: z.ZodObject;
  /** Reads its settings from values by name. */
  read(values: Readonly<Record<string, string>>): FeatureReading;
}

/** The settings of a feature, as one environment has them. */
export interface FeatureReading {
  readonly issues: readonly z.core.$ZodIssue[];
  /** Undefined if there are issues. */
  readonly settings?: ReadSettings;
}

/** Settings that can be used, under the token of who may have them. */
export interface ReadSettings {
  readonly token: symbol;
  readonly values: object;
  contradictions(core: CoreSettings): readonly string[];
  hosts(): readonly CalledHost[];
  orgs(): readonly NamedOrg[];
  audiences(): readonly NamedAudience[];
  /** Whether the feature's module is loaded. */
  isUsed(): boolean;
  /** What is never shown, and no placeholder in production. */
  secrets(): readonly FeatureSecret[];
  /** Its checks for these values. */
  checks(): readonly BoundCheck[];
}

/** A check that has the settings that it looks at. */
export interface BoundCheck extends Pick<FeatureCheck<never>, 'name' | 'isCheap'> {
  run(core: CoreSettings): Promise<readonly FeatureFinding[]>;
}

/** Declares the settings of a feature. @param name of the token, for messages. */
export function defineSettings<Shape extends z.ZodRawShape>(
  name: string,
  shape: Shape,
): FeatureSettings<Shape> {
  return { token: Symbol(name), variables: z.object(shape) };
}

/** Declares a feature: all that the rest of the program must know about a folder. */
export function defineFeature<Shape extends z.ZodRawShape = Record<never, never>>(
  definition: FeatureDefinition<Shape>,
): Feature;
export function defineFeature({
  settings,
  contradictions,
  hosts,
  orgs,
  audiences,
  checks = [],
  isUsed,
  ...others
}: FeatureDefinition<z.ZodRawShape>): Feature {
  const { token, variables } = settings ?? defineSettings<z.ZodRawShape>(others.name, {});
  return {
    needs: [],
    tables: [],
    migrations: {},
    groups: {},
    auditEvents: {},
    problems: {},
    scopes: {},
    ...others,
    variables,
    read: (values) => {
      const { data, error } = variables.safeParse(values);
      return data === undefined
        ? { issues: error?.issues ?? [] }
        : {
            issues: [],
            settings: {
              token,
              values: data,
              contradictions: (core) => contradictions?.(data, core) ?? [],
              hosts: () => hosts?.(data) ?? [],
              orgs: () => orgs?.(data) ?? [],
              audiences: () => audiences?.(data) ?? [],
              isUsed: () => isUsed?.(data) ?? true,
              secrets: () => secretsAmong(variables, values, data),
              checks: () =>
                checks.map(({ name, isCheap, run }) => ({
                  name,
                  isCheap,
                  run: async (core) => run(data, core),
                })),
            },
          };
    },
  };
}
