import { isDeepStrictEqual } from 'node:util';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import {
  type Application,
  type ApplicationKind,
  hydraClientIssuer,
} from '../../auth-strategy/application-administration.js';
import { resembles } from '../../auth-strategy/application-name.js';
import { requireKey } from '../../auth-strategy/public-keys.js';
import { isReservedName } from '../../auth-strategy/reserved-names.js';
import { redirectUriFault } from '../../auth-strategy/redirect-uri.js';
import { registrationFault } from '../../auth-strategy/registration-size.js';
import type { AuditEventType } from '../../platform/features/audit-event.catalogue.js';
import { AuditService } from '../../directory/audit/audit.service.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { givenIdSchema } from '../../platform/core/id.schema.js';
import { hasAnyPort } from '../../platform/core/loopback.js';
import { newId } from '../../platform/core/identifier.js';
import { type FieldError, Problem } from '../../platform/errors/problem.error.js';
import { type Page, type PageQuery, decodeCursor, toPage } from '../../platform/http/page-cursor.js';
import type { TransactionPart } from '../../platform/database/transaction-part.js';
import { ScopeCatalogue, administratorScopes } from '../../platform/features/scope.catalogue.js';
import { Clock } from '../../platform/time/clock.service.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { type Caller, isAdministrator } from '../../session/principal.js';
import { RevocationService } from '../../session/revocation/revocation.service.js';
import { HydraApplications } from '../../providers/ory/hydra/hydra-applications.js';
import { type AgentItem, toAgent } from './agent.schemas.js';
import {
  type ApplicationChanges,
  type ApplicationInput,
  type ApplicationItem,
  toItem,
} from './application.schemas.js';
import { applicationEvents } from './application-audit-events.js';
import { ApplicationList } from './application-list.js';
import { ApplicationRegistry } from './application-registry.js';

/** Applications that an organisation, or the deployment itself, may have. */
export const mostApplications = 200;
/** What an application may ask about its users. */
export const userScopes: readonly string[] = [
  'openid',
  'profile',
  'email',
  'roles',
  'orgs',
  'groups',
  'offline_access',
];
/** No database keeps a text with NUL. */
const positionSchema = z.string().regex(/^[^\0]*$/);
const defaultScope = ['openid', 'profile', 'email'];

/** The organisation whose application an owner changes. */
export interface OwningOrg {
  readonly id: string;
  /** Requires once it is the caller's turn that they may still do so. @throws {Problem} `not_found`, `forbidden` */
  readonly requireStill: () => Promise<unknown>;
}

/** Registers applications that log users in here. Callers decide who may manage those of an organisation. */
@Injectable()
export class ApplicationsService {
  readonly #publicUrl: string;
  readonly #brand: string;

  constructor(
    private readonly applications: HydraApplications,
    private readonly listed: ApplicationList,
    private readonly registry: ApplicationRegistry,
    private readonly users: UserDirectory,
    private readonly revocations: RevocationService,
    private readonly audit: AuditService,
    private readonly clock: Clock,
    private readonly scopes: ScopeCatalogue,
    @Inject(CONFIGURATION) { PUBLIC_URL, BRAND_NAME }: Configuration,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#brand = BRAND_NAME;
  }

  /** Applications, oldest first. @param orgId of those of an organisation only. @throws {Problem} `validation_failed` */
  async list({ limit, cursor }: PageQuery, orgId?: string): Promise<Page<ApplicationItem>> {
    const after = decodeCursor(givenIdSchema, cursor);
    const rows = await this.listed.list({ limit: limit + 1, orgId, after });
    const previous = await this.registry.previousSecrets(rows.map(({ id }) => id));
    return toPage(
      rows,
      limit,
      (row) => toItem(row, previous.get(row.id) ?? null),
      ({ id }) => id,
    );
  }

  /** Clients that registered themselves. @param only the id of the one to list. @throws {Problem} `validation_failed` */
  async agents({ limit, cursor }: PageQuery, only?: string): Promise<Page<AgentItem>> {
    const after = decodeCursor(positionSchema, cursor);
    const rows = await this.listed.selfRegistered({ limit: limit + 1, after, id: only });
    return toPage(rows, limit, toAgent, ({ id }) => id);
  }

  /** @throws {Problem} `not_found` */
  async get(id: string, orgId?: string): Promise<ApplicationItem> {
    return this.#item(await this.#require(id, orgId));
  }

  /**
   * Registers an application.
   * @param orgId the organisation that it belongs to; null for one of the deployment's.
   * @param requireAuthor requires, in the transaction that counts it, that the caller may still register it.
   * @returns it with its secret, which is null if it has none.
   * @throws {Problem} `validation_failed`, `conflict` when there are too many
   */
  async create(
    caller: Caller,
    input: ApplicationInput,
    orgId: string | null,
    requireAuthor?: TransactionPart,
  ): Promise<ApplicationItem & { clientSecret: string | null }> {
    const { kind } = input;
    const now = this.clock.now();
    const hasSecret = kind === 'web' || kind === 'machine';
    const { tokenEndpointAuthMethod = 'client_secret_basic' } = input;
    const application: Application = {
      id: newId(now),
      orgId,
      createdBy: caller.principal.claims.sub,
      createdAt: now,
      name: input.name,
      kind,
      firstParty: input.firstParty ?? false,
      redirectUris: input.redirectUris ?? [],
      postLogoutRedirectUris: input.postLogoutRedirectUris ?? [],
      backchannelLogoutUri: input.backchannelLogoutUri ?? null,
      scope: input.scope ?? (kind === 'machine' ? [] : defaultScope),
      access: input.access ?? defaultAccess(kind, orgId),
      roles: input.roles ?? [],
      groupsFrom: input.groupsFrom ?? (orgId === null ? 'listed' : 'own'),
      groupOrgs: await this.#orgIds(caller, input.groupOrgs ?? []),
      groupsAs: input.groupsAs ?? 'slug',
      rememberConsent: input.rememberConsent ?? true,
      tokenEndpointAuthMethod: hasSecret ? tokenEndpointAuthMethod : 'none',
      jwks: input.jwks ?? null,
      codeProtection: input.codeProtection ?? 'pkce',
      deviceLogin: input.deviceLogin ?? false,
      logoUri: input.logoUri ?? null,
      clientUri: input.clientUri ?? null,
      policyUri: input.policyUri ?? null,
      tosUri: input.tosUri ?? null,
    };
    if (!hasSecret && input.tokenEndpointAuthMethod !== undefined) {
      throw secretlessKind();
    }
    await this.#requireValid(application, caller);
    const secret = await this.registry.create(application, mostApplications, requireAuthor);
    await this.#record(
      applicationEvents.application_created.type,
      application,
      caller,
      protectionChange(application),
    );
    return { ...toItem(application, null), clientSecret: application.jwks === null ? secret : null };
  }

  /** Changes an application; members that are left out stay. @throws {Problem} `not_found`, `validation_failed` */
  async change(
    caller: Caller,
    id: string,
    changes: ApplicationChanges,
    org?: OwningOrg,
  ): Promise<ApplicationItem> {
    return this.#exclusively(id, org, async () => this.#change(caller, id, changes, org?.id));
  }

  async #change(
    caller: Caller,
    id: string,
    changes: ApplicationChanges,
    orgId: string | undefined,
  ): Promise<ApplicationItem> {
    const known = await this.#requireChangeable(id, orgId);
    if (orgId !== undefined && known.kind === 'machine' && changes.scope !== undefined) {
      throw new Problem('forbidden', {
        reason: 'application_machine_scope',
        detail: 'Only administrators change what a machine may do.',
      });
    }
    const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
    if (changes.access !== undefined && changes.access !== 'roles') {
      // Roles that were named before no longer apply. Those that are named now are a mistake, which is stated.
      given['roles'] ??= [];
    }
    if (changes.groupsFrom !== undefined && changes.groupsFrom !== 'listed') {
      given['groupOrgs'] ??= [];
    }
    if (changes.groupOrgs !== undefined) {
      given['groupOrgs'] = await this.#orgIds(caller, changes.groupOrgs, known.groupOrgs);
    }
    if (known.tokenEndpointAuthMethod === 'none' && changes.tokenEndpointAuthMethod !== undefined) {
      throw secretlessKind();
    }
    const application: Application = { ...known, ...given };
    await this.#requireValid(application, caller, known);
    if (application.jwks !== null && known.jwks === null) {
      // First: a repetition after a failure ends the former secret, too. Only Hydra gets to know the new one.
      await this.registry.rotateSecret(known, 0);
    }
    await this.registry.replace(application);
    await this.#endTokens(application);
    await this.#record(
      applicationEvents.application_updated.type,
      application,
      caller,
      protectionChange(application, known),
    );
    return this.#item(application);
  }

  /**
   * Makes a new secret of an application.
   * @param keepPreviousFor seconds for which the one before is still accepted.
   * @throws {Problem} `not_found`, `conflict` for an application that has no secret
   */
  async rotateSecret(
    caller: Caller,
    id: string,
    keepPreviousFor: number,
    org?: OwningOrg,
  ): Promise<{ clientSecret: string; previousSecretUntil: string | null }> {
    return this.#exclusively(id, org, async () => {
      const application = await this.#requireChangeable(id, org?.id);
      if (application.tokenEndpointAuthMethod === 'none' || application.jwks !== null) {
        throw new Problem('conflict', {
          reason: 'application_without_secret',
          detail: 'This application has no secret.',
        });
      }
      const until = this.clock.now() + keepPreviousFor * 1000;
      const clientSecret = await this.registry.rotateSecret(application, until);
      await this.#record(applicationEvents.application_secret_rotated.type, application, caller);
      return { clientSecret, previousSecretUntil: keepPreviousFor === 0 ? null : toTimestamp(until) };
    });
  }

  /** Removes an application. Its users' consents and its tokens end at once. @throws {Problem} `not_found` */
  async delete(caller: Caller, id: string, org?: OwningOrg): Promise<void> {
    await this.#exclusively(id, org, async () => {
      const application = await this.#requireChangeable(id, org?.id);
      // Before, because an application that is gone can't be removed again; and after, for tokens that were made meanwhile.
      await this.#endTokens(application);
      await this.applications.remove(application.id);
      await this.#endTokens(application);
      await this.#record(applicationEvents.application_deleted.type, application, caller);
    });
  }

  /** Runs what reads an application and writes it, while nothing else does. @throws {Problem} `not_found` for what isn't an id. */
  async #exclusively<T>(given: string, org: OwningOrg | undefined, act: () => Promise<T>): Promise<T> {
    const { data: id } = givenIdSchema.safeParse(given);
    if (id === undefined) {
      throw noSuchApplication();
    }
    return this.applications.exclusively(id, async () => {
      await org?.requireStill();
      return act();
    });
  }

  /** Ends the tokens of a machine that state what it no longer is. */
  async #endTokens({ id, kind }: Application): Promise<void> {
    const account = kind === 'machine' ? await this.users.findByIdentity(hydraClientIssuer, id) : undefined;
    if (account !== undefined) {
      await this.revocations.invalidate('user', account.id);
    }
  }

  /**
   * The ids of organisations that a caller names by id or slug. An owner may name those that they belong to: what others there are is
   * none of their business.
   * @param before ids that stay, also those that others named. @throws {Problem} `validation_failed`
   */
  async #orgIds(
    { principal }: Caller,
    given: readonly string[],
    before: readonly string[] = [],
  ): Promise<string[]> {
    const member = isAdministrator(principal) ? undefined : principal.user.id;
    const ids = await this.users.orgIdsOf(given, member);
    const errors = given.flatMap((name, index) =>
      ids[index] === undefined && !before.includes(name)
        ? [{ field: `groupOrgs.${index}`, message: 'must be an organisation that you belong to' }]
        : [],
    );
    if (errors.length > 0) {
      throw new Problem('validation_failed', { errors, reason: 'application_invalid' });
    }
    return [...new Set(given.map((name, index) => ids[index] ?? name))];
  }

  async #item(application: Application): Promise<ApplicationItem> {
    const previous = await this.registry.previousSecrets([application.id]);
    return toItem(application, previous.get(application.id) ?? null);
  }

  async #require(given: string, orgId: string | undefined): Promise<Application> {
    const { data: id } = givenIdSchema.safeParse(given);
    const application = id === undefined ? undefined : await this.applications.find(id);
    if (application === undefined || (orgId !== undefined && application.orgId !== orgId)) {
      throw noSuchApplication();
    }
    return application;
  }

  /** Owners of an organisation may not change what is part of the product: its users aren't asked for their consent. */
  async #requireChangeable(id: string, orgId: string | undefined): Promise<Application> {
    const application = await this.#require(id, orgId);
    if (orgId !== undefined && application.firstParty) {
      throw new Problem('forbidden', {
        reason: 'application_first_party',
        detail: 'Only administrators change first-party applications.',
      });
    }
    return application;
  }

  /** @param before what it was; undefined for a new one. @throws {Problem} `validation_failed` */
  async #requireValid(application: Application, caller: Caller, before?: Application): Promise<void> {
    const errors = [
      ...sizeErrors(application),
      ...uriErrors(application, this.#publicUrl),
      ...scopeErrors(application, this.scopes, this.registry.resourceScopes, before?.scope),
      ...accessErrors(application),
      ...codeProtectionErrors(application, this.registry.resourceScopes),
      ...deviceErrors(application),
      ...(await keyErrors(application)),
      ...groupErrors(application, before),
      ...(await this.#nameErrors(application)),
      ...(await this.#otherNameErrors(application, before)),
      ...(application.name === before?.name ? [] : this.#reservedNameErrors(application, caller)),
    ];
    if (errors.length > 0) {
      throw new Problem('validation_failed', { errors, reason: 'application_invalid' });
    }
  }

  /** Users know the product's own applications by their names: no other one may look like them. */
  async #nameErrors({ id, name, firstParty }: Application): Promise<FieldError[]> {
    const others = await this.applications.firstParty();
    const known = others.filter((other) => other.id !== id).map((other) => other.name);
    const isDeceptive = !firstParty && [this.#brand, ...known].some((trusted) => resembles(name, trusted));
    return isDeceptive
      ? [{ field: 'name', message: 'must not look like the name of a first-party application' }]
      : [];
  }

  /** Only administrators name an application like what speaks for the deployment. */
  #reservedNameErrors({ name }: Application, { principal }: Caller): FieldError[] {
    return isAdministrator(principal) || !isReservedName(name, this.#brand)
      ? []
      : [{ field: 'name', message: 'is reserved: only administrators of the deployment may give it' }];
  }

  /** No other application may already look like one that becomes part of the product. */
  async #otherNameErrors(
    { id, name, firstParty }: Application,
    before: Application | undefined,
  ): Promise<FieldError[]> {
    if (!firstParty || (before?.firstParty === true && before.name === name)) {
      return [];
    }
    const others = await this.listed.others();
    const like = others.find((other) => other.id !== id && resembles(other.name, name));
    return like === undefined
      ? []
      : [{ field: 'name', message: `must not be like that of the application “${like.name}” (${like.id})` }];
  }

  async #record(
    type: AuditEventType,
    { id, orgId }: Application,
    { principal: { claims, credential }, client: { requestId, remoteAddress } }: Caller,
    reason?: string,
  ): Promise<void> {
    await this.audit.record({
      type,
      reason,
      target: { kind: 'application', id },
      orgId: orgId ?? undefined,
      actor: { id: claims.sub, credential },
      requestId,
      remoteAddress,
    });
  }
}

/** What the audit trail tells of an application that authenticates by other keys, or whose logins are protected otherwise or possible on devices. */
function protectionChange(
  { codeProtection, deviceLogin, jwks }: Application,
  before?: Application,
): string | undefined {
  const reasons = [
    ...(isDeepStrictEqual(jwks, before?.jwks ?? null) ? [] : [jwks === null ? 'keys_removed' : 'keys_set']),
    ...(codeProtection === (before?.codeProtection ?? 'pkce') ? [] : [`code_protection_${codeProtection}`]),
    ...(deviceLogin === (before?.deviceLogin ?? false) ? [] : [`device_login_${deviceLogin ? 'on' : 'off'}`]),
  ];
  return reasons.length === 0 ? undefined : reasons.join(' ');
}

function secretlessKind(): Problem {
  const message = 'must be left out: this kind of application has no secret';
  const errors = [{ field: 'tokenEndpointAuthMethod', message }];
  return new Problem('validation_failed', { errors, reason: 'application_without_secret' });
}

function noSuchApplication(): Problem {
  return new Problem('not_found', { reason: 'no_such_application' });
}

function sizeErrors(application: Application): FieldError[] {
  const { name, redirectUris, postLogoutRedirectUris, scope, logoUri, clientUri, policyUri, tosUri } =
    application;
  const fault = registrationFault([
    name,
    ...redirectUris,
    ...postLogoutRedirectUris,
    ...scope,
    application.backchannelLogoutUri,
    logoUri,
    clientUri,
    policyUri,
    tosUri,
    application.jwks === null ? null : JSON.stringify(application.jwks),
  ]);
  return fault === undefined ? [] : [{ field: 'redirectUris', message: fault }];
}

/** What belongs to an organisation is for its members, unless its owner decides otherwise. A machine has no users. */
function defaultAccess(kind: ApplicationKind, orgId: string | null): Application['access'] {
  return orgId === null || kind === 'machine' ? 'everyone' : 'organisation';
}

function uriErrors(application: Application, publicUrl: string): FieldError[] {
  const { kind, redirectUris, postLogoutRedirectUris, deviceLogin } = application;
  const isMachine = kind === 'machine';
  const errors = (['redirectUris', 'postLogoutRedirectUris'] as const).flatMap((member) =>
    application[member].flatMap((uri, index) => {
      const fault =
        redirectUriFault(uri, kind, publicUrl) ??
        (member === 'postLogoutRedirectUris' && !isNextTo(uri, redirectUris)
          ? 'must have the scheme, host and port of one of the redirect URIs'
          : undefined);
      return fault === undefined ? [] : [{ field: `${member}.${index}`, message: fault }];
    }),
  );
  if (!isMachine && !deviceLogin && redirectUris.length === 0) {
    errors.push({ field: 'redirectUris', message: 'must have at least one entry' });
  }
  if (isMachine && redirectUris.length + postLogoutRedirectUris.length > 0) {
    errors.push({ field: 'redirectUris', message: 'must be empty: a machine has no users' });
  }
  const links = ['logoUri', 'clientUri', 'policyUri', 'tosUri', 'backchannelLogoutUri'] as const;
  for (const member of links) {
    const fault = linkFault(application[member]);
    if (fault !== undefined) {
      errors.push({ field: member, message: fault });
    }
  }
  return errors;
}

/** Whether an address has the scheme, host and port of another one, as Hydra requires of those for after a logout. */
function isNextTo(uri: string, others: readonly string[]): boolean {
  const { protocol, host } = new URL(uri);
  return others
    .filter((other) => URL.canParse(other))
    .map((other) => new URL(other))
    .some((other) => other.protocol === protocol && other.host === host);
}

/** Links are held to the rules of redirect URIs, except that they may lead here. */
function linkFault(uri: string | null): string | undefined {
  return uri === null ? undefined : redirectUriFault(uri, 'web', '');
}

/**
 * @param catalogue of the API's scopes. @param resourceScopes of all protected resources, which need a user.
 * @param before the scopes that it had: what a machine was given once is no reason to refuse another change.
 */
function scopeErrors(
  { kind, scope }: Application,
  { scopes, isKnownOrForeign }: ScopeCatalogue,
  resourceScopes: readonly string[],
  before: readonly string[] = [],
): FieldError[] {
  const isMachine = kind === ('machine' satisfies ApplicationKind);
  if (!isMachine && scope.length === 0) {
    return [{ field: 'scope', message: 'must have at least one scope: only a machine may have none' }];
  }
  const own = [...userScopes, ...resourceScopes];
  const wrong = scope.filter((token) =>
    isMachine ? !isKnownOrForeign(token) || own.includes(token) : !own.includes(token),
  );
  if (wrong.length > 0) {
    const open = [...scopes.keys()].filter((token) => !administratorScopes.includes(token));
    const allowed = isMachine ? `${open.join(', ')}, and those of your own services` : own.join(', ');
    return [{ field: 'scope', message: `must not have ${wrong.join(' ')} for this kind: only ${allowed}` }];
  }
  const isUnchanged = scope.join(' ') === before.join(' ');
  const useless =
    isMachine && !isUnchanged ? scope.filter((token) => administratorScopes.includes(token)) : [];
  return useless.length === 0
    ? []
    : [
        {
          field: 'scope',
          message: `must not have ${useless.join(' ')}: only administrators may use that, and a machine can't be one`,
        },
      ];
}

/** @param before what it was: what an application has had since before there was a choice may stay. */
function groupErrors(
  { groupsFrom, groupsAs, groupOrgs, orgId }: Application,
  before?: Application,
): FieldError[] {
  if (groupsFrom === 'own' && orgId === null) {
    return [{ field: 'groupsFrom', message: 'must not be own: it belongs to no organisation' }];
  }
  if (groupsFrom !== 'listed' && groupOrgs.length > 0) {
    return [{ field: 'groupOrgs', message: 'must be empty unless groupsFrom is listed' }];
  }
  const isNew = before === undefined || before.groupsFrom !== 'all' || before.groupsAs !== 'slug';
  return groupsFrom === 'all' && groupsAs === 'slug' && isNew
    ? [{ field: 'groupsAs', message: 'must be id if groupsFrom is all: anyone can make an organisation' }]
    : [];
}

/** What may do without PKCE authenticates by a secret, at addresses that no other program can have, and gets no token of a resource. */
function codeProtectionErrors(
  { codeProtection, kind, redirectUris, scope }: Application,
  resourceScopes: readonly string[],
): FieldError[] {
  const because = (reason: string): FieldError[] => [
    { field: 'codeProtection', message: `must be pkce: ${reason}` },
  ];
  if (codeProtection === 'pkce') {
    return [];
  }
  if (kind !== 'web') {
    return because('only a web application can do without');
  }
  if (redirectUris.some((uri) => URL.canParse(uri) && hasAnyPort(uri))) {
    return because(
      'a redirect URI is on http://127.0.0.1 or http://[::1], where any port is accepted; use http://localhost',
    );
  }
  return scope.some((token) => resourceScopes.includes(token))
    ? because('the application has a scope of a protected resource')
    : [];
}

/** Public keys are for what can keep private ones. */
async function keyErrors({ jwks, tokenEndpointAuthMethod: method }: Application): Promise<FieldError[]> {
  if (jwks === null) {
    return [];
  }
  if (method === 'none') {
    return [{ field: 'jwks', message: 'must be null for this kind: only web and machine' }];
  }
  const imported = await Promise.allSettled(jwks.keys.map(async (key) => requireKey(key)));
  return imported.flatMap(({ status }, index) =>
    status === 'fulfilled' ? [] : [{ field: `jwks.keys.${index}`, message: 'must be a public key' }],
  );
}

/** A device needs the user's own browser elsewhere: a page is one, and a machine has no user. */
function deviceErrors({ deviceLogin, kind }: Application): FieldError[] {
  return deviceLogin && kind !== 'web' && kind !== 'native'
    ? [{ field: 'deviceLogin', message: 'must be false for this kind: only web and native' }]
    : [];
}

function accessErrors({ access, roles, orgId }: Application): FieldError[] {
  if (access === 'organisation' && orgId === null) {
    return [{ field: 'access', message: 'must not be organisation: it belongs to none' }];
  }
  if ((access === 'roles') !== roles.length > 0) {
    return [{ field: 'roles', message: 'must name roles exactly if access is roles' }];
  }
  if (orgId === null && roles.some((role) => role !== 'admin')) {
    return [{ field: 'roles', message: 'must be admin: the application belongs to no organisation' }];
  }
  return [];
}
