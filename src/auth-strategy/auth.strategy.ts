import type { SessionRow } from '../platform/database/database.schema.js';
import type { AuthenticationContext } from '../session/session.service.js';
import type { ProviderGrant } from '../session/store/provider-grants.js';
import type { ProviderIdentity } from '../directory/users/identity.js';
import type { ApplicationAdministration } from './application-administration.js';
import type { StepUpRequirement } from './step-up-requirement.js';

/** The random values of one login request (OpenID Connect Core section 3.1.2.1, RFC 7636). */
export interface LoginChecks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
}

/** The answer of the token endpoint to a code, with its ID token verified. */
export interface ExchangedTokens {
  readonly accessToken: string;
  /** If the provider returns one. */
  readonly refreshToken?: string | undefined;
  /** Seconds that the access token is valid; undefined if the provider doesn't state it. */
  readonly expiresIn?: number | undefined;
  /** `sub` of the verified ID token. */
  readonly subject: string;
  /** `sid` of the ID token, if it has one. */
  readonly sessionId: string | null;
  readonly scope: readonly string[];
  readonly amr: readonly string[];
  /** `aal2` when a second factor was given, `aal1` when the provider doesn't report it. */
  readonly acr: 'aal1' | 'aal2';
  /** Milliseconds since the epoch; null if the provider doesn't report it. */
  readonly authTime: number | null;
  /** All claims of the ID token. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The claims of a logout token. Its age and first use aren't checked yet. */
export interface VerifiedLogoutToken {
  /** `iss`, exactly the provider's. */
  readonly tokenIssuer: string;
  readonly jti: string;
  /** Milliseconds since the epoch. */
  readonly issuedAt: number;
  /** Milliseconds since the epoch; null if the token doesn't state it. */
  readonly expiresAt: number | null;
  /** The provider's session that ended; null if all of the subject's ended. */
  readonly sid: string | null;
  /** Null only if there is a `sid`. */
  readonly subject: string | null;
}

/** A person whose access token a provider has confirmed. */
export interface ValidatedLogin {
  readonly identity: ProviderIdentity;
  readonly evidence: AuthenticationContext;
  /** All that the provider reports about the person; `CLAIMS_MAP` picks from it. */
  readonly profile: Readonly<Record<string, unknown>>;
  /** The tokens for later questions to the provider about the person, if those need more than the session's row. */
  readonly grant?: ProviderGrant | undefined;
}

/** An OAuth client whose own access token (client credentials, RFC 6749 section 4.4) a provider has confirmed. */
export interface ValidatedClient {
  readonly clientId: string;
  /** End of the token, in seconds since the epoch. */
  readonly expiresAt: number;
  /** Scopes of the token; none if it was asked for without. */
  readonly scope: readonly string[];
}

/** The state of a deployment's set-up at its provider: `pending` until the first attempt has ended, `failing` between failed attempts. */
export type SetUpState = 'pending' | 'failing' | 'done';

/** An identity as a provider reports it, as far as it does. */
export type ReportedIdentity = Pick<ProviderIdentity, 'issuer' | 'subject'> & Partial<ProviderIdentity>;

/** The state of the provider's session, and its person: `unknown` if the provider can't be asked. */
export type ProviderSession =
  | {
      readonly state: 'alive';
      /** The person as the provider reports them now; fields that it doesn't report are left out. */
      readonly identity?: ReportedIdentity | undefined;
      /** The whole profile as `CLAIMS_MAP` picks from it; undefined if the provider doesn't report it, or not all of it. */
      readonly profile?: Readonly<Record<string, unknown>> | undefined;
      /** Whether the user has removed the second factor that the login was made with, so that it counts no more. */
      readonly hasLostFactor?: boolean;
    }
  | {
      readonly state: 'ended';
      /** Why, for the audit trail. Default: the provider has ended it. */
      readonly reason?: 'session_unconfirmed';
    }
  | { readonly state: 'unknown' };

/** A provider's report that a user was logged out there (OpenID Connect Back-Channel Logout 1.0). */
export interface LogoutNotice extends VerifiedLogoutToken {
  /** Issuer, as the sessions' rows name it. */
  readonly issuer: string;
  /** How the issuers of sessions begin that may be meant too, of a notice that names only the provider's session. */
  readonly otherIssuers?: string;
}

/** The input of a browser login's start. */
export interface LoginStart {
  readonly kind: 'login' | 'signup';
  /** Parameters that the strategy's {@link AuthStrategy.hints} names. */
  readonly hints: Readonly<Record<string, string>>;
  /** The step-up that the provider is asked for; the result is checked after the callback. */
  readonly demand: StepUpRequirement;
  /** The number of this try, from 1. */
  readonly attempt: number;
}

/** A browser login that has been started: where to send the browser, and what the answer must match. */
export interface StartedLogin {
  readonly url: URL;
  readonly checks: LoginChecks;
}

/** A change of a person at the provider; fields that are left out stay, null removes one. */
export interface ProfileChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
}

/** A code that lets a user in once who can't log in: they open the page and enter it there. */
export interface RecoveryCode {
  readonly code: string;
  /** Id of the provider's recovery that takes it. */
  readonly flow: string;
  /** Page on `PUBLIC_URL` that asks for the code. */
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** The ways in which an identity can log in at the provider. */
export interface LoginMethods {
  readonly password: boolean;
  /** Whether the identity has at least one. */
  readonly passkeys: boolean;
  /** The second factors that are asked for besides, if any. */
  readonly secondFactors: readonly ('totp' | 'webauthn' | 'lookup_secret')[];
  /** Names of other providers, such as `google`. */
  readonly linked: readonly string[];
}

/** Administers the provider's identities, where the gateway may do so. Each method throws `provider_unavailable`, too. */
export interface IdentityAdministration {
  /** Issuer of the identities whose profile and credentials are kept there, as the rows of users' identities name it. */
  readonly issuer: string;
  /** Whether identities of an issuer can be disabled and deleted here: those of {@link issuer}, and of other sources behind it. */
  has(issuer: string): boolean;
  /**
   * Changes a profile.
   * @param source id of the session or key that changes it: changes of one source wait for each other, and keep no other one waiting.
   * @throws {Problem} `validation_failed` if the provider refuses it, `conflict` if the identity is gone.
   */
  updateProfile(subject: string, change: ProfileChange, source: string): Promise<void>;
  /** Sets whether an identity may log in at the provider, to other applications too. One that is gone is no error. */
  setActive(subject: string, active: boolean): Promise<void>;
  /** The ways in which an identity can log in; undefined when it is gone. */
  methodsOf(subject: string): Promise<LoginMethods | undefined>;
  /** Makes a code that lets an identity in once, to set new credentials. @throws {Problem} `conflict` if it is gone. */
  recover(subject: string): Promise<RecoveryCode>;
  /**
   * Removes an identity's second factors, and ends every login that was made with them: its sessions at the provider, and what
   * applications may do. Safe to repeat.
   * @param removed gets each factor as soon as it is removed. @throws {Problem} `conflict` if the identity is gone.
   */
  resetSecondFactors(subject: string, removed: Set<string>): Promise<void>;
  /** Marks an address as verified. @param email in lower case. @returns false without such an identity or address. */
  verifyAddress(subject: string, email: string): Promise<boolean>;
  /**
   * Ends all sessions of an identity at the provider, also those that never led here, and what first-party applications got in them.
   * @param except id of the one that stays. @param begunAfter milliseconds; those that began later stay, too.
   */
  endSessions(subject: string, except?: string, begunAfter?: number): Promise<void>;
  /** Deletes an identity. One that is gone is no error. */
  delete(subject: string): Promise<void>;
}

/**
 * Port: one provider of logins. The class is its own DI token; only `auth-strategy.provider` selects the implementation. All
 * implementations keep the same contract, which one test suite checks.
 */
export abstract class AuthStrategy {
  /** Query parameters of `/auth/login` that may be passed on to the provider. */
  abstract readonly hints: readonly string[];

  /** Undefined where the gateway doesn't administer profiles and accounts at the provider (Auth0, OpenID providers). */
  readonly identities?: IdentityAdministration;

  /** Undefined where applications are registered at the provider itself (Auth0, OpenID providers). */
  readonly applications?: ApplicationAdministration;

  /** Starts a login or registration by browser. @throws {Problem} `provider_unavailable` */
  abstract begin(start: LoginStart): Promise<StartedLogin>;

  /**
   * Step 6: exchanges the provider's answer to the browser flow for an access token and the ID token's claims.
   * @param answer the callback URL with its query.
   * @param login what {@link begin} made, and for which try.
   * @throws {Problem} `login_refused`, `provider_unavailable`, `login_state_invalid` when another login got in between, or when another
   *   try asks for less
   */
  abstract exchange(answer: URL, login: LoginChecks & Pick<LoginStart, 'attempt'>): Promise<ExchangedTokens>;

  /**
   * Step 9: asks the provider whether this access token is live, meant for us, and belongs to a person.
   * @param exchanged what the gateway itself was given together with the token; left out when a caller sent it.
   * @throws {Problem} `access_token_rejected`, `login_refused`, `provider_unavailable`
   */
  abstract validate(accessToken: string, exchanged?: ExchangedTokens): Promise<ValidatedLogin>;

  /**
   * Asks the provider whether this is a live access token, meant for us, that a client got for itself. Providers that can't
   * distinguish such tokens from users' tokens confirm none.
   * @returns nothing when it isn't a client's own token: it may be a person's.
   * @throws {Problem} `access_token_rejected` when it has another audience, `provider_unavailable`
   */
  async validateClient(_accessToken: string): Promise<ValidatedClient | undefined> {
    return undefined;
  }

  /** Revokes an access token that the gateway got for itself and no longer needs. Failure is harmless. */
  abstract discard(accessToken: string): Promise<void>;

  /** The state of the provider's session behind one of ours, and its person; asked at renewal. Never throws. */
  abstract sessionState(session: SessionRow): Promise<ProviderSession>;

  /** Stores what {@link sessionState} needs for its questions to the provider, for a session that the login has begun. Never throws. */
  async remember(_sessionId: string, _login: ValidatedLogin): Promise<void> {
    return undefined;
  }

  /** Ends the provider's session behind one of ours. @returns where the browser must go next, if anywhere. */
  abstract endSession(session: SessionRow): Promise<URL | undefined>;

  /**
   * Verifies a logout token by signature and claims; the caller checks its age and first use.
   * @throws {Problem} `malformed_request` for an invalid token, `provider_unavailable` when there are no keys to check with.
   */
  abstract verifyLogoutToken(token: string): Promise<LogoutNotice>;

  /** The state of what the gateway sets up at the provider; most providers are set up by their administrators. */
  setUpState(): SetUpState {
    return 'done';
  }

  /** Requires a provider that is ready. @throws {Problem} `provider_unavailable` unless it can be reached and is set up. */
  abstract requireReady(): Promise<void>;
}
