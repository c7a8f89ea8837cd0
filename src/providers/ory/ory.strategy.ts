import { Logger } from '@nestjs/common';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { allDone, allInTurn } from '../../platform/core/settled.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { SessionRow } from '../../platform/database/database.schema.js';
import type { ApplicationAdministration } from '../../auth-strategy/application-administration.js';
import type { HydraGrants } from './hydra/hydra-grants.js';
import type { HydraClient } from './hydra/hydra.client.js';
import { gatewayClientId } from './hydra/hydra-clients.js';
import type { ActiveToken } from './hydra/hydra.schemas.js';
import type { KratosClearance } from './kratos/kratos-clearance.js';
import type { KratosClient } from './kratos/kratos.client.js';
import { connectionIssuer } from '../../directory/users/connection-identity.js';
import { isOryIssuer } from './sources/ory-issuer.js';
import { kratosIssuer } from './kratos/kratos-session.js';
import { identityGone, resetSecondFactors } from './kratos/second-factor-reset.js';
import type { IdentitySource, SourceSession } from './sources/identity-source.js';
import type { LogoutTokenVerifier } from '../oidc/logout-token.js';
import { RelyingParty } from '../oidc/relying-party.js';
import {
  type ExchangedTokens,
  type LoginChecks,
  AuthStrategy,
  type IdentityAdministration,
  type LoginStart,
  type LogoutNotice,
  type ProviderSession,
  type SetUpState,
  type StartedLogin,
  type ValidatedClient,
  type ValidatedLogin,
} from '../../auth-strategy/auth.strategy.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { stepUpParameters } from '../../auth-strategy/step-up-requirement.js';
import type { OryBootstrap } from './ory-bootstrap.js';

/** The parts of an Ory deployment that the strategy calls. */
export interface OryParts {
  readonly kratos: KratosClient;
  readonly clearance: KratosClearance;
  readonly sources: IdentitySource;
  readonly hydra: HydraClient;
  readonly relyingParty: RelyingParty;
  /** The verifier of Hydra's logout tokens. */
  readonly logoutTokens: LogoutTokenVerifier;
  readonly bootstrap: OryBootstrap;
  readonly applications: ApplicationAdministration;
  readonly grants: HydraGrants;
}

/** The form of Hydra's opaque tokens; no other credential has it. */
const accessTokenForm = /^[\w.~+/-]{16,2048}=*$/;

/** Logins through Kratos and Hydra: the reference flow of the design, steps 6 to 9. */
export class OryStrategy extends AuthStrategy {
  readonly hints = ['connection', 'login_hint', 'ui_locales'];
  override readonly identities: IdentityAdministration;
  override readonly applications: ApplicationAdministration;
  readonly #logger = new Logger(OryStrategy.name);

  readonly #configuration: OryConfiguration;

  constructor(
    private readonly parts: OryParts,
    configuration: OryConfiguration,
  ) {
    super();
    this.#configuration = configuration;
    this.identities = administrationOf(parts, configuration.PUBLIC_URL);
    this.applications = parts.applications;
  }

  async begin({ kind, hints, demand }: LoginStart): Promise<StartedLogin> {
    await this.parts.bootstrap.requireKeys();
    const checks = RelyingParty.newChecks();
    const url = await this.parts.relyingParty.authorizationUrl(checks, {
      ...hints,
      redirect_uri: `${this.#configuration.PUBLIC_URL}/auth/callback`,
      scope: 'openid profile email',
      audience: this.#configuration.TOKEN_AUDIENCE,
      ...(kind === 'signup' ? { screen_hint: 'signup' } : {}),
      ...stepUpParameters(demand),
    });
    return { url, checks };
  }

  /** Step 6, in its default form: the gateway itself exchanges the code. */
  async exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens> {
    // Hydra has one CSRF cookie for all logins of a browser at a client: a login in another tab overtook this one.
    if (answer.searchParams.get('error') === 'request_forbidden') {
      throw new Problem('login_state_invalid', { reason: 'login_overtaken' });
    }
    try {
      return await this.parts.relyingParty.exchange(answer, checks);
    } catch (error) {
      if (error instanceof Problem && error.code === 'provider_misconfigured') {
        // Hydra refuses our client also while it can't read its clients.
        await this.parts.hydra.client(gatewayClientId);
      }
      throw error;
    }
  }

  /** Step 9: Hydra validates the token; the user's source returns the user and whether the login is still live. */
  async validate(accessToken: string, exchanged?: ExchangedTokens): Promise<ValidatedLogin> {
    if (!accessTokenForm.test(accessToken)) {
      throw rejected('access_token_malformed');
    }
    const token = await this.parts.hydra.introspect(accessToken);
    if (token === undefined) {
      // A client-credentials token gets this too: no user has consented to it, and no session is behind it.
      throw rejected('access_token_inactive');
    }
    if (token.token_use !== 'access_token') {
      throw rejected('access_token_wrong_use');
    }
    if (!this.#configuration.ALLOWED_CLIENT_IDS.includes(token.client_id)) {
      throw rejected('access_token_foreign_client');
    }
    if (token.aud?.includes(this.#configuration.TOKEN_AUDIENCE) !== true) {
      throw rejected('access_token_wrong_audience');
    }
    if (exchanged !== undefined && exchanged.subject !== token.sub) {
      throw new Problem('login_refused', { reason: 'subject_mismatch' });
    }
    const session = await this.parts.sources.findSession({
      id: token.ext.kratos_session_id,
      subject: token.sub,
    });
    if (session === undefined || session.identity.subject !== token.sub) {
      throw rejected('kratos_session_ended');
    }
    if (!session.isActive) {
      throw rejected('kratos_identity_inactive');
    }
    return {
      identity: session.identity,
      profile: session.profile,
      evidence: {
        provider: 'ory',
        issuer: session.identity.issuer,
        subject: token.sub,
        clientId: token.client_id,
        scope: scopeTokens(token.scope ?? ''),
        ...factorsOf(token.ext, session),
        authTime: token.ext.auth_time,
        providerSessionId: session.id,
        oidcSid: token.ext.hydra_session_id ?? null,
      },
    };
  }

  override async validateClient(accessToken: string): Promise<ValidatedClient | undefined> {
    const token = accessTokenForm.test(accessToken)
      ? await this.parts.hydra.introspectClient(accessToken)
      : undefined;
    if (token?.token_use !== 'access_token' || token.sub !== token.client_id) {
      return undefined;
    }
    if (token.aud?.includes(this.#configuration.TOKEN_AUDIENCE) !== true) {
      throw rejected('access_token_wrong_audience');
    }
    return { clientId: token.client_id, expiresAt: token.exp, scope: scopeTokens(token.scope ?? '') };
  }

  async discard(accessToken: string): Promise<void> {
    try {
      await this.parts.relyingParty.revoke(accessToken);
    } catch (error) {
      this.#logger.warn('an access token could not be revoked', { reason: 'revocation_failed', err: error });
    }
  }

  async sessionState(session: SessionRow): Promise<ProviderSession> {
    const { provider_session_id: id, subject } = session;
    if (id === null) {
      return { state: 'ended' };
    }
    try {
      const found = await this.parts.sources.findSession({ id, subject });
      if (found?.isActive !== true || found.identity.subject !== subject) {
        return { state: 'ended' };
      }
      const { identity, profile, hasLostFactor = false } = found;
      return { state: 'alive', identity, profile, hasLostFactor: hasLostFactor && session.acr === 'aal2' };
    } catch (error) {
      this.#logger.warn('the source of a user cannot be asked about a session', {
        reason: 'source_unreachable',
        err: error,
      });
      return { state: 'unknown' };
    }
  }

  /** Ends the session at the user's source, Hydra's, and the tokens of our clients that came from it; if one of these fails, the others still run. */
  async endSession(session: SessionRow): Promise<undefined> {
    const { provider_session_id: id, oidc_sid: sid, subject } = session;
    await allDone([
      ...(id === null ? [] : [this.parts.sources.endSession({ id, subject })]),
      ...(sid === null ? [] : [this.#endAtHydra(subject, sid)]),
    ]);
  }

  /** Ends the session at Hydra, which notifies all its applications by back-channel, this gateway included. */
  async #endAtHydra(subject: string, sid: string): Promise<void> {
    // This comes first: Hydra removes the session's id from its grants when the session ends, and then they can't be found.
    await this.parts.hydra.revokeTokens({ subject, sid });
    await this.parts.hydra.forgetSession(sid);
  }

  async verifyLogoutToken(token: string): Promise<LogoutNotice> {
    await this.parts.bootstrap.requireKeys();
    const { sources, logoutTokens } = this.parts;
    const verified = await logoutTokens.verify(token);
    if (verified.subject !== null) {
      return { ...verified, issuer: (await sources.issuerOf(verified.subject)) ?? kratosIssuer };
    }
    // Hydra names its session, which may be of a user of any source.
    return { ...verified, issuer: kratosIssuer, otherIssuers: connectionIssuer('') };
  }

  override setUpState(): SetUpState {
    return this.parts.bootstrap.state();
  }

  async requireReady(): Promise<void> {
    await Promise.all([this.parts.kratos.requireReady(), this.parts.hydra.requireReady()]);
    this.parts.bootstrap.requireDone();
  }
}

function administrationOf(
  { kratos, clearance, sources, grants }: Pick<OryParts, 'kratos' | 'clearance' | 'sources' | 'grants'>,
  publicUrl: string,
): IdentityAdministration {
  return {
    issuer: kratosIssuer,
    has: isOryIssuer,
    updateProfile: async (subject, { name, picture }, source) => {
      const traits = {
        ...(name === undefined ? {} : { name }),
        ...(picture === undefined ? {} : { picture }),
      };
      const outcome = await kratos.updateTraits(subject, traits, source);
      switch (outcome) {
        case 'rejected':
          throw new Problem('validation_failed', {
            detail: 'The identity schema of the login provider does not allow this change.',
            reason: 'traits_rejected',
          });
        case 'unknown':
          throw identityGone();
        case 'updated':
      }
    },
    setActive: async (subject, active) => {
      await allInTurn([
        () => sources.setActive(subject, active),
        // Applications keep no access: a refresh token would renew itself for a month.
        ...(active ? [] : [() => grants.endAccess(subject)]),
      ]);
    },
    methodsOf: (subject) => kratos.loginMethodsOf(subject),
    recover: async (subject) => {
      const recovery = await kratos.createRecovery(subject);
      if (recovery === undefined) {
        throw identityGone();
      }
      const { flowId: flow, code, expiresAt } = recovery;
      return { code, flow, url: `${publicUrl}/ui/recovery?${new URLSearchParams({ flow })}`, expiresAt };
    },
    resetSecondFactors: (subject, removed) =>
      resetSecondFactors({ kratos, clearance, grants }, subject, removed),
    verifyAddress: (subject, email) => kratos.verifyAddress(subject, email),
    endSessions: async (subject, except, begunAfter) => {
      await allDone([sources.endSessions(subject, except, begunAfter), grants.endUnasked(subject, except)]);
    },
    delete: async (subject) => {
      // Hydra first: if it can't be reached, the identity still exists and the deletion can be repeated.
      await grants.endAccess(subject);
      await sources.deleteUser(subject);
    },
  };
}

/** How the user of an access token counts as authenticated: without the second factor that they gave at the login, if they have removed it. */
function factorsOf(
  { amr, acr = 'aal1' }: ActiveToken['ext'],
  { hasLostFactor }: SourceSession,
): { readonly amr: readonly string[]; readonly acr: 'aal1' | 'aal2' } {
  return hasLostFactor === true
    ? { amr: amr.filter((method) => method !== 'mfa'), acr: 'aal1' }
    : { amr, acr };
}

function rejected(reason: string): Problem {
  return new Problem('access_token_rejected', { reason });
}
