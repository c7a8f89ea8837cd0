import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import type { OrgConnection } from './org-connection.js';
import { OwnedConnections } from './org-connection-administration.js';
import type { AuditEventType } from '../../../platform/features/audit-event.catalogue.js';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { givenIdSchema } from '../../../platform/core/id.schema.js';
import type { TransactionPart } from '../../../platform/database/transaction-part.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { english } from '../../../platform/i18n/locales/en.js';
import { toTimestamp } from '../../../platform/time/timestamp.schema.js';
import { type Caller, type Principal, isAdministrator } from '../../../session/principal.js';
import { type ConnectionMembers, ConnectionMembersCount } from './connection-members.js';
import { OrgEvents } from '../../../orgs/org-events.js';
import { OrgNames } from '../../../orgs/org-names.js';
import type { OrgAct } from '../../../orgs/org.policy.js';
import { OrgAuthorization } from '../../../orgs/org-authorization.js';
import type {
  ConnectionItem,
  ConnectionReport,
  connectionBodySchema,
  connectionChangesSchema,
} from './org-connection.schemas.js';
import { connectionEvents } from '../connection-audit-events.js';

/** An organisation and a connection, by their ids as the caller gave them. */
export interface GivenConnection {
  readonly org: string;
  readonly connection: string;
}

/** Manages the connections of an organisation for its owners. */
@Injectable()
export class OrgConnectionsService {
  constructor(
    private readonly connections: OwnedConnections,
    private readonly authorization: OrgAuthorization,
    private readonly events: OrgEvents,
    private readonly audit: AuditService,
    private readonly members: ConnectionMembersCount,
    private readonly names: OrgNames,
  ) {}

  /** Kinds of connections that owners may make. */
  get kinds(): readonly string[] {
    return this.connections.kinds;
  }

  async list(
    principal: Principal,
    given: string,
  ): Promise<{ readonly items: ConnectionItem[]; readonly members: ConnectionMembers }> {
    const org = await this.authorization.require(principal, given, 'connections.read');
    const items = (await this.connections.list(org)).map(toItem);
    return { items, members: await this.members.of(org) };
  }

  async get(principal: Principal, given: GivenConnection): Promise<ConnectionItem> {
    const { org, id } = await this.#require(principal, given, 'connections.read');
    return toItem(await this.connections.get(org, id));
  }

  async create(
    caller: Caller,
    given: string,
    { kind, roleRules: rules, ...content }: z.output<typeof connectionBodySchema>,
  ): Promise<ConnectionItem> {
    const { principal } = caller;
    const org = await this.authorization.require(principal, given, 'connection.write');
    await this.#requireName(principal, content.name);
    const made = await this.connections.create(
      org,
      kind,
      { ...content, rules },
      { id: principal.claims.sub, requireAuthor: this.#author(caller, org) },
    );
    await this.#record(caller, connectionEvents.connection_created.type, org, made.id);
    return toItem(made);
  }

  async change(
    caller: Caller,
    given: GivenConnection,
    { roleRules, ...changes }: z.output<typeof connectionChangesSchema>,
  ): Promise<ConnectionItem> {
    const { org, id } = await this.#require(caller.principal, given, 'connection.write');
    if (changes.name !== undefined && changes.name !== (await this.connections.get(org, id)).name) {
      await this.#requireName(caller.principal, changes.name);
    }
    const rules = roleRules === undefined ? {} : { rules: roleRules };
    const known = Object.entries(changes).filter(([, value]) => value !== undefined);
    const content = { ...Object.fromEntries(known), ...rules };
    // The next request of each user asks the connection again, by its new settings and rules.
    const changed = await this.events.invalidateBy(org, (part) =>
      this.connections.change(org, id, content, this.#author(caller, org, part)),
    );
    await this.#record(caller, connectionEvents.connection_updated.type, org, id);
    return toItem(changed);
  }

  /** Removes a connection. The sessions that began by it end with their next request, or when their tokens expire. */
  async remove(caller: Caller, given: GivenConnection): Promise<void> {
    const { org, id } = await this.#require(caller.principal, given, 'connection.write');
    await this.events.invalidateBy(org, (part) =>
      this.connections.remove(org, id, this.#author(caller, org, part)),
    );
    await this.#record(caller, connectionEvents.connection_deleted.type, org, id);
  }

  async test(caller: Caller, given: GivenConnection, address: string | undefined): Promise<ConnectionReport> {
    const { org, id } = await this.#require(caller.principal, given, 'connection.write');
    const outcome = await this.connections.test(org, id, address);
    const steps = outcome.map(({ step, target, fault, found = null }) => ({
      step,
      target,
      ok: fault === null,
      fault,
      found,
      detail: fault === null ? null : english[`connection.fault.${fault}`],
    }));
    const refused = await this.audit.latest('login_failed', id, 'wrong_password');
    const latestRefusal =
      refused === undefined ? null : { at: toTimestamp(Number(refused.at)), reason: refused.reason ?? '' };
    return { ok: steps.every(({ ok }) => ok), steps, latestRefusal };
  }

  /** Users read it where they log in: it follows the rule of organisations' names. @throws {Problem} `validation_failed` */
  async #requireName(principal: Principal, name: string): Promise<void> {
    const errors = isAdministrator(principal) ? [] : await this.names.faultsOf({ name });
    if (errors.length > 0) {
      throw new Problem('validation_failed', { errors, reason: 'connection_invalid' });
    }
  }

  #author({ principal }: Caller, org: string, part?: TransactionPart): TransactionPart {
    return async (transaction) => {
      await this.authorization.requireWithin(transaction, principal, org, 'connection.write');
      await part?.(transaction);
    };
  }

  async #require(
    principal: Principal,
    given: GivenConnection,
    act: OrgAct,
  ): Promise<{ readonly org: string; readonly id: string }> {
    const org = await this.authorization.require(principal, given.org, act);
    const id = givenIdSchema.safeParse(given.connection);
    if (!id.success) {
      throw new Problem('not_found', { reason: 'no_such_connection' });
    }
    return { org, id: id.data };
  }

  async #record(caller: Caller, type: AuditEventType, orgId: string, id: string): Promise<void> {
    await this.events.record(caller, { type, orgId, target: { kind: 'connection', id } });
  }
}

function toItem({ rules, serves, domains, secrets, ...connection }: OrgConnection): ConnectionItem {
  return {
    ...connection,
    domains: [...domains],
    serves: [...serves],
    roleRules: [...rules],
    settings: { ...connection.settings },
    secrets: [...secrets],
    createdAt: toTimestamp(connection.createdAt),
    updatedAt: toTimestamp(connection.updatedAt),
  };
}
