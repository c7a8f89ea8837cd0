import { Logger } from '@nestjs/common';
import type { LoginChecks, StartedLogin, VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import { openIdStepUpParameters } from '../../auth-strategy/step-up-requirement.js';
import type { OidcConnectionSettings } from './oidc-connection.parser.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { CircuitBreaker } from '../../platform/upstream/circuit-breaker.js';
import type { Fetch, UpstreamCalls } from '../../platform/upstream/upstream-calls.js';
import { OpenIdProvider } from '../../providers/oidc/openid.provider.js';
import { RelyingParty } from '../../providers/oidc/relying-party.js';
import {
  CompanyProvider,
  type ConfirmedGrant,
  type ProviderLogin,
  type ProviderLoginStart,
  type ReportedUser,
  subjectAt,
} from '../connections/company.provider.js';
import type { ConnectionStep } from '../connections/connection-step.js';
import { testOpenId } from './openid-examination.js';
import { readClaims } from './reported-claims.js';

/** An identifier of the provider (OpenID Connect Core section 2), without characters that a database rejects. */
const identifier = /^\P{Cc}{1,255}$/u;
/** Groups of a user that are kept. */
const groupsAtMost = 500;
/** An authentication method's name (RFC 8176). */
const method = /^[\w.-]{1,40}$/;

/** A company's OpenID provider: found by discovery when a login first needs it, with a circuit of its own. */
export class OpenIdCompany extends CompanyProvider {
  readonly #logger = new Logger(OpenIdCompany.name);
  readonly #provider: OpenIdProvider;
  readonly #call: Fetch;

  /**
   * @param unconfirmedLife seconds for which a session lives that can't be confirmed.
   * @param call makes the requests.
   */
  readonly #settings: OidcConnectionSettings;

  constructor(
    settings: OidcConnectionSettings,
    private readonly unconfirmedLife: number,
    calls: UpstreamCalls,
    call?: Fetch,
  ) {
    super();
    this.#settings = settings;
    this.#call = call ?? fetch;
    this.#provider = new OpenIdProvider(
      {
        issuer: settings.issuer,
        clientId: settings.clientId,
        clientSecret: settings.clientSecret,
        secretMethod: settings.secretMethod,
        allowedClientIds: [],
        audience: settings.clientId,
      },
      new CircuitBreaker(`connection_${settings.id}`),
      calls,
      call,
    );
  }

  lifeOf({ refreshToken }: ProviderLogin): number | undefined {
    return this.#settings.sessionTtl ?? (refreshToken === undefined ? this.unconfirmedLife : undefined);
  }

  async begin({ redirectUri, loginHint, locales, maxAge }: ProviderLoginStart): Promise<StartedLogin> {
    const relyingParty = await this.#provider.relyingParty();
    const checks = RelyingParty.newChecks();
    const url = await relyingParty.authorizationUrl(checks, {
      ...openIdStepUpParameters(maxAge === undefined ? {} : { maxAge }),
      ...(maxAge === 0 ? { prompt: 'login' } : {}),
      ...(loginHint === undefined ? {} : { login_hint: loginHint }),
      ...(locales.length === 0 ? {} : { ui_locales: locales.join(' ') }),
      redirect_uri: redirectUri,
      scope: this.#settings.scopes.join(' '),
    });
    return { url, checks };
  }

  get trustsSecondFactor(): boolean {
    return this.#settings.trustsSecondFactor;
  }

  async finish(answer: URL, checks: LoginChecks): Promise<ProviderLogin> {
    const relyingParty = await this.#provider.relyingParty();
    const { accessToken, refreshToken, subject, sessionId, amr, acr, authTime, claims } =
      await relyingParty.exchange(answer, checks);
    if (!identifier.test(subject)) {
      throw new Problem('login_refused', { reason: 'id_token_claims' });
    }
    const { profile } = await this.#provider.userInfo(accessToken, subject, claims);
    if (refreshToken === undefined && this.#settings.scopes.includes('offline_access')) {
      this.#logger.warn(
        'a provider issued no refresh token: its sessions are not confirmed, and end earlier',
        {
          reason: 'provider_without_refresh_token',
          connection: this.#settings.id,
        },
      );
    }
    const isTrusted = this.trustsSecondFactor;
    return {
      user: this.#toUser(subjectAt(this.#settings.issuer, subject), together(claims, profile)),
      amr: isTrusted ? amr.filter((name) => method.test(name)) : [],
      acr: isTrusted ? acr : 'aal1',
      authTime: authTime === null ? null : Math.floor(authTime),
      sid: sessionId !== null && identifier.test(sessionId) ? sessionId : null,
      refreshToken,
    };
  }

  has(subject: string): boolean {
    return subject.startsWith(subjectAt(this.#settings.issuer, ''));
  }

  async confirm(refreshToken: string, keep: (next: string) => Promise<void>): Promise<ConfirmedGrant> {
    return this.#provider.refresh(refreshToken, async (next) => keep(next.refreshToken));
  }

  async describe({ accessToken, claims }: ConfirmedGrant, known: ReportedUser): Promise<ReportedUser> {
    const sub = known.subject.slice(subjectAt(this.#settings.issuer, '').length);
    const { profile } = await this.#provider.currentUser({ accessToken, claims }, sub);
    return this.#toUser(known.subject, together(claims ?? {}, profile), known, claims !== undefined);
  }

  async verifyLogoutToken(token: string): Promise<VerifiedLogoutToken> {
    const verified = await this.#provider.verifyLogoutToken(token);
    const { subject } = verified;
    return { ...verified, subject: subject === null ? null : subjectAt(this.#settings.issuer, subject) };
  }

  override async verifyAssertion(
    assertion: string,
    type: string,
    audience: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    return this.#provider.verifyAssertion(assertion, type, audience);
  }

  async test(redirectUri: string): Promise<readonly ConnectionStep[]> {
    return testOpenId(this.#settings, redirectUri, this.#call);
  }

  /** @param isWhole whether groups that aren't among the claims are none, and not unknown. */
  #toUser(
    subject: string,
    claims: Readonly<Record<string, unknown>>,
    known?: ReportedUser,
    isWhole = true,
  ): ReportedUser {
    const { groupsClaim, allowedGroups, trustsEmail } = this.#settings;
    const { email, isEmailVerified, name, ...reported } = readClaims(claims, groupsClaim);
    const groups = reported.groups ?? (isWhole ? [] : (known?.groups ?? []));
    const isAdmitted = allowedGroups.length === 0 || groups.some((group) => allowedGroups.includes(group));
    return {
      subject,
      email: email ?? known?.email ?? null,
      isEmailProven:
        isEmailVerified !== false &&
        (email === null ? known?.isEmailProven === true : (isEmailVerified ?? trustsEmail)),
      name: name ?? known?.name ?? null,
      groups: groups.slice(0, groupsAtMost),
      state: isAdmitted ? 'active' : 'not_admitted',
    };
  }
}

/** The claims of an ID token with those of `/userinfo`, which replace them. An address and whether it is verified come from the same one. */
function together(
  claims: Readonly<Record<string, unknown>>,
  profile: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const { email, email_verified: isVerified, ...others } = claims;
  const isReported = typeof profile['email'] === 'string';
  return { ...others, ...profile, ...(isReported ? {} : { email, email_verified: isVerified }) };
}
