import { resembles } from '../../../auth-strategy/application-name.js';
import { isId } from '../../../platform/core/id.schema.js';
import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { parseJson } from '../../../platform/config/json.parser.js';
import { parseOrgConnection } from '../../../platform/config/org-connection.parser.js';
import { foldIdentifier } from '../../../platform/core/account-identifier.js';
import { withAsciiDomain } from '../../../platform/core/ascii-domain.js';
import type { Connection, RoleRule } from '../connection.js';
import { ConnectionMaker } from '../connection-maker.js';
import { ConnectionSetting } from '../connection-setting.js';
import { OrgConnectionRepository, type StoredConnection } from './org-connection.repository.js';

/** Milliseconds for which it counts that no connection of an organisation has a domain, and that some have. */
const counted = { none: 3_000, some: 60_000 } as const;
/** Connections that are kept ready: with keys, metadata and circuits. */
const keptReady = 500;

const settingsSchema = z.record(z.string(), z.unknown());
const rulesSchema = z.array(z.object({ group: z.string(), role: z.enum(['member', 'admin']) }));

/**
 * The connections of organisations. Each question reads the connection by an index, so that a change holds on every replica at once;
 * without any, nothing is read but once in three seconds. What a connection has learnt, such as keys, is kept until it changes.
 */
@Injectable()
export class OrgConnections {
  readonly #logger = new Logger(OrgConnections.name);
  readonly #taken: ReadonlySet<string>;
  readonly #names: readonly string[];
  readonly #unvouchable: string | undefined;
  readonly #ready = new LRUCache<string, Connection>({ max: keptReady });
  #known = { exist: false, until: 0 };

  constructor(
    private readonly setting: ConnectionSetting,
    private readonly maker: ConnectionMaker,
    private readonly repository: OrgConnectionRepository,
  ) {
    const { CONNECTIONS, ADMIN_EMAIL } = setting.configuration;
    this.#taken = new Set(CONNECTIONS.flatMap(({ domains }) => domains));
    this.#names = CONNECTIONS.map(({ name }) => name);
    this.#unvouchable = ADMIN_EMAIL && foldIdentifier(withAsciiDomain(ADMIN_EMAIL));
  }

  /** Whether any has a domain, so that addresses may lead to it. */
  async exist(): Promise<boolean> {
    if (performance.now() >= this.#known.until) {
      const exist = await this.repository.exist();
      this.#known = { exist, until: performance.now() + counted[exist ? 'some' : 'none'] };
    }
    return this.#known.exist;
  }

  /** Notes a change, after which there may be one. */
  noteChange(): void {
    this.#known = { exist: false, until: 0 };
  }

  /** Whether the deployment's own connections have a domain. */
  hasTaken(domain: string): boolean {
    return this.#taken.has(domain);
  }

  /** Whether users could take a name for that of one of the deployment's own connections. */
  isDeceptive(name: string): boolean {
    return this.#names.some((own) => resembles(name, own));
  }

  async find(id: string): Promise<Connection | undefined> {
    const stored = isId(id) && (await this.exist()) ? await this.repository.findServing(id) : undefined;
    return stored && this.#connection(stored);
  }

  async ofDomain(domain: string): Promise<Connection | undefined> {
    const id = (await this.exist()) ? await this.repository.idOfDomain(domain) : undefined;
    return id === undefined ? undefined : this.find(id);
  }

  /** Secrets of a connection; undefined if they were encrypted with a secret that is gone. Encrypts them anew after a rotation. */
  async secretsOf(stored: StoredConnection): Promise<Readonly<Record<string, unknown>> | undefined> {
    const { ofOrgs: cipher } = this.setting;
    if (stored.sealed === null) {
      return {};
    }
    const text = cipher.decrypt(stored.sealed);
    if (text !== undefined && !cipher.isSealedByFirst(stored.sealed)) {
      await this.repository.reseal(stored, cipher.encrypt(text));
    }
    return text === undefined ? undefined : settingsSchema.parse(parseJson(text));
  }

  async #connection(stored: StoredConnection): Promise<Connection | undefined> {
    const { id, kind, name, version } = stored;
    const domains = stored.domains.filter((domain) => !this.#taken.has(domain));
    const key = `${id} ${version} ${domains.join(' ')}`;
    const known = this.#ready.get(key);
    if (known !== undefined || domains.length === 0) {
      return known;
    }
    const secrets = await this.secretsOf(stored);
    const settings = { ...settingsIn(stored), ...secrets };
    const entry = parseOrgConnection({ id, kind, name, domains, settings }, this.maker.kinds);
    if (secrets === undefined || 'faults' in entry) {
      this.#logger.error('a connection of an organisation cannot be used', {
        reason: secrets === undefined ? 'connection_secrets_unreadable' : 'connection_settings_invalid',
        connection: id,
      });
      return undefined;
    }
    const connection = this.maker.ofOrg(entry.parsed, {
      orgId: stored.org_id,
      version,
      isRequired: stored.required === 1,
      rules: rulesIn(stored),
      unvouchable: this.#unvouchable,
    });
    this.#ready.set(key, connection);
    return connection;
  }
}

/** The settings of a connection, without its secrets. */
export function settingsIn({
  settings,
}: Pick<StoredConnection, 'settings'>): Readonly<Record<string, unknown>> {
  return settingsSchema.parse(parseJson(settings));
}

/** The groups that give a role. */
export function rulesIn({ rules }: Pick<StoredConnection, 'rules'>): readonly RoleRule[] {
  return rulesSchema.parse(parseJson(rules));
}
