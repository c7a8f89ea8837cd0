import { Injectable } from '@nestjs/common';
import type { ConnectionStep } from '../connection-step.js';
import type { OrgConnection, OrgConnectionContent } from './org-connection.js';
import type { ConnectionKind, ConnectionSettings } from '../../../platform/config/connection-kind.js';
import { connectionKindIn } from '../../../platform/config/connections.parser.js';
import {
  longestSettings,
  parseOrgConnection,
  withoutSecrets,
} from '../../../platform/config/org-connection.parser.js';
import { DatabaseLocks } from '../../../platform/database/database-locks.js';
import type { TransactionPart } from '../../../platform/database/transaction-part.js';
import { type FieldError, Problem } from '../../../platform/errors/problem.error.js';
import { ConnectionRepository } from '../connection.repository.js';
import type { Connection } from '../connection.js';
import { ConnectionMaker } from '../connection-maker.js';
import { ConnectionSetting } from '../connection-setting.js';
import { OrgConnectionRepository, type StoredConnection } from './org-connection.repository.js';
import { OrgConnections, rulesIn, settingsIn } from './org-connections.js';

/** Connections that an organisation may have. */
const mostConnections = 10;

type Settings = Readonly<Record<string, unknown>>;

/**
 * Administers the connections of organisations: stored, with their secrets encrypted, and checked when they are saved. Callers decide who
 * may: also in the transaction of a change.
 */
@Injectable()
export class OwnedConnections {
  /** Kinds of connections that owners may make. */
  readonly kinds: readonly string[];

  constructor(
    private readonly setting: ConnectionSetting,
    private readonly maker: ConnectionMaker,
    private readonly repository: OrgConnectionRepository,
    private readonly orgs: OrgConnections,
    /** Of the users and sessions of all connections. */
    private readonly sessions: ConnectionRepository,
    private readonly locks: DatabaseLocks,
  ) {
    this.kinds = setting.configuration.ORG_CONNECTION_KINDS;
  }

  /** An organisation's connections, oldest first; all of them, as they are few. */
  async list(orgId: string): Promise<readonly OrgConnection[]> {
    const proven = await this.#provenDomains(orgId);
    return (await this.repository.listOf(orgId)).map((stored) => this.#shown(stored, proven));
  }

  /** @throws {Problem} `not_found` */
  async get(orgId: string, id: string): Promise<OrgConnection> {
    return this.#shown(await this.#require(orgId, id), await this.#provenDomains(orgId));
  }

  /** @throws {Problem} `validation_failed`; `conflict` when there are too many, or a domain is another connection's. */
  async create(
    orgId: string,
    kind: string,
    content: OrgConnectionContent,
    { id: createdBy, requireAuthor }: { readonly id: string; readonly requireAuthor: TransactionPart },
  ): Promise<OrgConnection> {
    if (!this.kinds.includes(kind)) {
      throw invalid([{ field: 'kind', message: `must be one of: ${this.kinds.join(', ') || 'none'}` }]);
    }
    const { repository, orgs } = this;
    const id = await this.#exclusively(orgId, async () => {
      if ((await repository.listOf(orgId)).length >= mostConnections) {
        throw new Problem('conflict', {
          reason: 'too_many_connections',
          detail: `There are ${mostConnections} connections already.`,
        });
      }
      await this.#requireValid(orgId, kind, content);
      return repository.create({ orgId, kind, createdBy }, this.#stored(kind, content), requireAuthor);
    });
    orgs.noteChange();
    return this.get(orgId, id);
  }

  /** Changes what is given. @throws {Problem} `not_found`, `validation_failed`, `conflict` */
  async change(
    orgId: string,
    id: string,
    changes: Partial<OrgConnectionContent>,
    requireAuthor: TransactionPart,
  ): Promise<OrgConnection> {
    await this.#exclusively(orgId, async () => {
      const stored = await this.#require(orgId, id);
      const secrets = (await this.orgs.secretsOf(stored)) ?? {};
      const content: OrgConnectionContent = {
        name: changes.name ?? stored.name,
        domains: changes.domains ?? stored.domains,
        required: changes.required ?? stored.required === 1,
        rules: changes.rules ?? rulesIn(stored),
        settings: changedSettings(stored, this.#kindOf(stored.kind), secrets, changes.settings),
      };
      await this.#requireValid(orgId, stored.kind, content, stored);
      const isDone = await this.repository.update(
        id,
        stored.version,
        this.#stored(stored.kind, content),
        requireAuthor,
      );
      if (!isDone) {
        throw new Problem('conflict', { reason: 'connection_changed', detail: 'It was changed meanwhile.' });
      }
    });
    this.orgs.noteChange();
    return this.get(orgId, id);
  }

  /** Removes a connection, and ends the sessions that began by it. @throws {Problem} `not_found` */
  async remove(orgId: string, id: string, requireAuthor: TransactionPart): Promise<void> {
    const { repository, sessions } = this;
    if (!(await repository.delete(orgId, id, requireAuthor))) {
      throw noSuchConnection();
    }
    await sessions.endAllOf(id);
  }

  /** Tries a connection out, step by step. @param address of a user who should be found. @throws {Problem} `not_found` */
  async test(orgId: string, id: string, address: string | undefined): Promise<readonly ConnectionStep[]> {
    const stored = await this.#require(orgId, id);
    const secrets = await this.orgs.secretsOf(stored);
    const target = stored.name;
    if (secrets === undefined) {
      return [{ step: 'settings', target, fault: 'secrets_unreadable' }];
    }
    const { kind, name, domains } = stored;
    const settings = { ...settingsIn(stored), ...secrets };
    const entry = parseOrgConnection({ id, kind, name, domains, settings }, this.maker.kinds);
    if ('faults' in entry) {
      return [{ step: 'settings', target, fault: 'settings_invalid' }];
    }
    if (entry.parsed.targets.some((url) => this.maker.hosts.faultOf(url) !== undefined)) {
      return [{ step: 'settings', target, fault: 'not_public' }];
    }
    const proven = await this.#provenDomains(orgId);
    const isServing = domains.every((domain) => proven.includes(domain));
    const first: ConnectionStep = { step: 'settings', target, fault: isServing ? null : 'domain_unproven' };
    return [
      first,
      ...(await testConnection(this.maker.ofOrg(entry.parsed), this.setting.publicUrl, address)),
    ];
  }

  /** @throws {Problem} `validation_failed` */
  async #requireValid(
    orgId: string,
    kind: string,
    content: OrgConnectionContent,
    known?: StoredConnection,
  ): Promise<void> {
    const { name, domains, settings, required } = content;
    const entry = this.#read(kind, content);
    const faults: FieldError[] = 'faults' in entry ? [...entry.faults] : this.#faultsOf(entry.parsed);
    if (Object.hasOwn(settings, 'second_factor_classes')) {
      faults.push({
        field: 'settings.second_factor_classes',
        message: 'is for operators: a second factor counts in every organisation',
      });
    }
    if (this.orgs.isDeceptive(name)) {
      faults.push({ field: 'name', message: 'must not look like the name of a connection of this site' });
    }
    if (JSON.stringify(settings).length > longestSettings) {
      faults.push({ field: 'settings', message: 'are too long' });
    }
    const proven = await this.#provenDomains(orgId);
    for (const domain of 'parsed' in entry ? entry.parsed.domains : []) {
      const bound = known?.bound_domain ?? domain;
      if (domain !== bound) {
        // The former domain may be another organisation's now, with the same people.
        faults.push({
          field: 'domains',
          message: `must be ${bound}, or none: its users belong to that domain. Make a new connection for ${domain}`,
        });
      } else if (this.orgs.hasTaken(domain)) {
        faults.push({
          field: 'domains',
          message: `must not have ${domain}: it leads to a connection of this site`,
        });
      } else if (!proven.includes(domain) && known?.domains.includes(domain) !== true) {
        faults.push({
          field: 'domains',
          message: `must not have ${domain}: the organisation has not confirmed it`,
        });
      }
    }
    if (required && domains.length === 0) {
      faults.push({ field: 'required', message: 'must be false without a domain' });
    }
    if (faults.length > 0) {
      throw invalid(faults);
    }
  }

  /** What is wrong with settings that can be read. */
  #faultsOf(settings: ConnectionSettings): FieldError[] {
    const name = this.#kindOf(settings.kind)?.destinations[0] ?? 'settings';
    return settings.targets.flatMap((url) => {
      const fault = this.maker.hosts.faultOf(url);
      return fault === undefined ? [] : [{ field: `settings.${name}`, message: fault }];
    });
  }

  #stored(kind: string, content: OrgConnectionContent) {
    const { settings, required, rules, name } = content;
    const { shown, secrets } = withoutSecrets(kind, settings, this.maker.kinds);
    const entry = this.#read(kind, content);
    return {
      name,
      settings: JSON.stringify(shown),
      sealed: Object.keys(secrets).length === 0 ? null : this.setting.ofOrgs.encrypt(JSON.stringify(secrets)),
      isRequired: required,
      rules: JSON.stringify(rules),
      domains: 'parsed' in entry ? [...new Set(entry.parsed.domains)] : [],
    };
  }

  #shown(stored: StoredConnection, proven: readonly string[]): OrgConnection {
    const { id, kind, name, domains } = stored;
    const { routes, secrets = [] } = this.#kindOf(kind) ?? {};
    const urlOf = (route: string | undefined): string | null =>
      route === undefined ? null : `${this.setting.publicUrl}/auth/connections/${id}/${route}`;
    return {
      id,
      kind,
      name,
      domains,
      serves: domains.filter((domain) => proven.includes(domain) && !this.orgs.hasTaken(domain)),
      required: stored.required === 1,
      rules: rulesIn(stored),
      settings: settingsIn(stored),
      secrets: stored.sealed === null ? [] : secrets,
      redirectUri: urlOf(routes?.redirect),
      logoutUri: urlOf(routes?.logout),
      metadataUrl: urlOf(routes?.metadata),
      createdBy: stored.created_by,
      createdAt: Number(stored.created_at),
      updatedAt: Number(stored.updated_at),
    };
  }

  #kindOf(kind: string): ConnectionKind | undefined {
    return connectionKindIn(this.maker.kinds, kind);
  }

  #read(kind: string, { name, domains, settings }: OrgConnectionContent) {
    const entry = { id: 'organisation', kind, name, domains, settings };
    return parseOrgConnection(entry, this.maker.kinds);
  }

  async #provenDomains(orgId: string): Promise<readonly string[]> {
    return this.repository.provenDomains(orgId);
  }

  async #require(orgId: string, id: string): Promise<StoredConnection> {
    const stored = await this.repository.find(orgId, id);
    if (stored === undefined) {
      throw noSuchConnection();
    }
    return stored;
  }

  async #exclusively<T>(orgId: string, act: () => Promise<T>): Promise<T> {
    return this.locks.run(`connections of ${orgId}`, act);
  }
}

/** Tries a connection out, of whichever kind. @param address of a user who should be found. */
export async function testConnection(
  connection: Connection,
  publicUrl: string,
  address: string | undefined,
): Promise<readonly ConnectionStep[]> {
  return connection.by === 'password'
    ? connection.directory.test(address)
    : connection.provider.test(`${publicUrl}/auth/connections/${connection.id}/callback`);
}

/**
 * The settings after a change. Secrets that aren't given stay, unless they would be sent somewhere else: an owner could read those of
 * another one there.
 * @throws {Problem} `validation_failed`
 */
function changedSettings(
  stored: StoredConnection,
  kind: ConnectionKind | undefined,
  secrets: Settings,
  given: Settings | undefined,
): Settings {
  const before = settingsIn(stored);
  if (given === undefined) {
    return { ...before, ...secrets };
  }
  const { destinations = [] } = kind ?? {};
  const kept = Object.fromEntries(Object.entries(secrets).filter(([name]) => !(name in given)));
  const isElsewhere = destinations.some(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(given[name]),
  );
  const [first] = Object.keys(kept);
  if (isElsewhere && first !== undefined) {
    throw invalid([
      { field: `settings.${first}`, message: `must be given again, as ${destinations.join(' or ')} changes` },
    ]);
  }
  const all = { ...kept, ...given };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

function invalid(errors: readonly FieldError[]): Problem {
  return new Problem('validation_failed', { errors, reason: 'connection_invalid' });
}

function noSuchConnection(): Problem {
  return new Problem('not_found', { reason: 'no_such_connection' });
}
