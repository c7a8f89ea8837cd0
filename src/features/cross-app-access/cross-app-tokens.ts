import { Inject, Injectable } from '@nestjs/common';
import type { Application } from '../../auth-strategy/application-administration.js';
import type { Account } from '../../directory/users/account.query.js';
import { UserDirectory } from '../../directory/users/user-directory.js';
import { UsersService } from '../../directory/users/users.service.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ApplicationAdmission } from '../../providers/ory/challenges/application-admission.js';
import { ApplicationUses } from '../../providers/ory/hydra/application-uses.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import type { ProtectedResource } from '../../providers/ory/hydra/protected-resource.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { accountClaims } from '../../session/tokens/account-claims.js';
import type { Claims } from '../../session/tokens/claims.schema.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { TokenService } from '../../session/tokens/token.service.js';
import { type CrossAppAssertion, CrossAppAssertions } from './cross-app-assertions.js';
import { CrossAppConsents } from './cross-app-consents.js';

/** A request for a token by an assertion. */
export interface AssertionRequest {
  readonly application: Application;
  readonly assertion: string;
  readonly resource: ProtectedResource;
  /** The scopes that are asked for; undefined: all that there are. */
  readonly scope: readonly string[] | undefined;
  /** Thumbprint of the key that the request proves. */
  readonly jkt: string | undefined;
  readonly client: ClientInfo;
}

/** How a company's word counts, whatever it says about the login. */
const login: Pick<Claims, 'acr' | 'amr'> = { acr: 'aal1', amr: [] };

/**
 * Makes the tokens that a company lets an application have: of one resource, for one of its users, who acts as a member of its organisation
 * and nothing else (docs/adr/0057).
 */
@Injectable()
export class CrossAppTokens {
  readonly #requiresEmail: boolean;

  constructor(
    private readonly assertions: CrossAppAssertions,
    private readonly consents: CrossAppConsents,
    private readonly directory: UserDirectory,
    private readonly users: UsersService,
    private readonly hydra: HydraClient,
    private readonly admission: ApplicationAdmission,
    private readonly uses: ApplicationUses,
    private readonly tokens: TokenService,
    private readonly proofs: ProofsOfPossession,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { REQUIRE_VERIFIED_EMAIL }: OryConfiguration,
  ) {
    this.#requiresEmail = REQUIRE_VERIFIED_EMAIL;
  }

  /** @throws {OAuthRefusal} `invalid_grant`, `invalid_scope` @throws {Problem} `provider_unavailable` */
  async issue(request: AssertionRequest): Promise<{ readonly token: string; readonly claims: Claims }> {
    const { application, resource, jkt } = request;
    // Before anything is asked: what changes from here on outdates the token.
    const readAt = this.clock.now();
    const asserted = await this.assertions.verify(request.assertion, application, resource);
    const account = { ...(await this.#accountOf(asserted)), readAt };
    await this.#requireAdmitted(asserted, request);
    const known = accountClaims(account, login);
    if (known.org === undefined) {
      throw refused('the user must log in with a second factor', 'second_factor_missing');
    }
    const scope = scopeFor(request, asserted);
    await asserted.use();
    const { subject } = asserted.identity;
    const key = { subject, client_id: application.id, resource: resource.resource };
    const grant = await this.consents.use(key, scope);
    this.uses.note(asserted.identity, application.id);
    return this.tokens.mint(
      {
        sub: known.sub,
        jti: known.jti,
        email_verified: known.email_verified,
        // An application that acts for an owner isn't one.
        org: { ...known.org, role: 'member' },
        ...(known.second_factor === undefined ? {} : { second_factor: known.second_factor }),
        ...login,
        sid: grant.id,
        auth_time: asserted.authTime,
        idp: 'ory',
        client_id: application.id,
        act: { sub: application.id },
        scope: scope.join(' '),
        ...this.proofs.claimsFor(resource.resource, jkt),
      },
      Number.POSITIVE_INFINITY,
      resource.resource,
    );
  }

  /** The account of the user in the organisation that vouches for them. @throws {OAuthRefusal} `invalid_grant` */
  async #accountOf({ identity, orgId }: CrossAppAssertion): Promise<Account> {
    const user = await this.directory.findByIdentity(identity.issuer, identity.subject);
    const refusal = user && (await this.users.vouchRefusal(user.id, orgId));
    if (user === undefined || refusal !== undefined) {
      throw refused('the user must log in by an account of this site', refusal ?? 'no_such_user');
    }
    const account = await this.users.findAccountIn(user.id, orgId).catch((error: unknown) => {
      throw error instanceof Problem && error.code === 'unauthenticated'
        ? refused('the user is gone or disabled', error.reason ?? 'user_disabled')
        : error;
    });
    if (account === undefined) {
      throw refused('the user is no member of the organisation', 'not_a_member');
    }
    if (this.#requiresEmail && !account.user.emailVerified) {
      throw refused('the user must verify their address first', 'email_unverified');
    }
    return account;
  }

  /** @throws {OAuthRefusal} `invalid_grant` if the application isn't open to the user. */
  async #requireAdmitted(
    { identity }: CrossAppAssertion,
    { application, client: from }: AssertionRequest,
  ): Promise<void> {
    const client = await this.hydra.client(application.id);
    const outcome = await this.admission.judge(identity, { client, acr: 'aal1', from });
    if (outcome !== 'admitted') {
      throw refused('the application is not open to the user', `application_${outcome}`);
    }
  }
}

/** The scopes of a token: those that were asked for, or else all that the company, the resource and the application allow. */
function scopeFor(
  { resource, application, scope: asked }: AssertionRequest,
  { scope: vouched }: CrossAppAssertion,
): readonly string[] {
  const allowed = application.scope.filter(
    (token) => resource.scopes.has(token) && (vouched === undefined || vouched.includes(token)),
  );
  const granted = asked ?? allowed;
  if (granted.length === 0 || !granted.every((token) => allowed.includes(token))) {
    throw new OAuthRefusal(
      'invalid_scope',
      'the scope is more than the assertion, the resource and the application allow, or none',
      'scope_of_assertion',
    );
  }
  return granted;
}

/** The scopes in a parameter; undefined if it has none. */
export function scopesIn(parameter: string | null): readonly string[] | undefined {
  const tokens = [...new Set(scopeTokens(parameter ?? ''))];
  return tokens.length === 0 ? undefined : tokens;
}

function refused(description: string, reason: string): OAuthRefusal {
  return new OAuthRefusal('invalid_grant', description, reason);
}
