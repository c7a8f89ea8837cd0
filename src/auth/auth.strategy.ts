import type { SessionRow } from '../database/database.schema.js';
import type { LoginEvidence } from '../session/session.service.js';
import type { VerifiedLogoutToken } from '../oidc/logout.token.js';
import type { ExchangedTokens, LoginChecks } from '../oidc/relying.party.js';
import type { ProviderIdentity } from '../users/identity.js';
import type { LoginDemand } from './login.demand.js';

/** A person whose access token a provider has confirmed. */
export interface ValidatedLogin {
  readonly identity: ProviderIdentity;
  readonly evidence: LoginEvidence;
  /** Everything the provider tells about the person; `CLAIMS_MAP` picks from it. */
  readonly profile: Readonly<Record<string, unknown>>;
  /** By what the provider can be asked about the person later, where that takes more than the session's row. */
  readonly grant?: { readonly accessToken: string; readonly refreshToken?: string | undefined } | undefined;
}

/** An OAuth client whose own access token (client credentials, RFC 6749 section 4.4) a provider has confirmed. */
export interface ValidatedClient {
  readonly clientId: string;
  /** End of the token, in seconds since the epoch. */
  readonly expiresAt: number;
}

/**
 * How far a deployment is set up at its provider: `pending` until the first attempt has ended, `failing` between attempts that
 * failed.
 */
export type SetUpState = 'pending' | 'failing' | 'done';

/** Who a provider says somebody is, as far as it says. */
export type ToldIdentity = Pick<ProviderIdentity, 'issuer' | 'subject'> & Partial<ProviderIdentity>;

/** What a provider says of its own session, and of whose it is: `unknown` when it can't be asked. */
export type ProviderSession =
  | {
      readonly state: 'alive';
      /** What the provider tells of the person now; what it doesn't tell is left out. */
      readonly identity?: ToldIdentity | undefined;
    }
  | { readonly state: 'ended' | 'unknown' };

/** A provider's word that somebody was logged out there (OpenID Connect Back-Channel Logout 1.0). */
export interface LogoutNotice extends VerifiedLogoutToken {
  /** Issuer as the sessions' rows name it. */
  readonly issuer: string;
}

/** What a browser login is started with. */
export interface LoginStart {
  readonly kind: 'login' | 'signup';
  /** Parameters that the strategy's {@link AuthStrategy.hints} names. */
  readonly hints: Readonly<Record<string, string>>;
  /** What the provider is to be asked for; whether it did it is checked after the callback. */
  readonly demand: LoginDemand;
}

/** A browser login that has been started: where to send it, and what its answer must match. */
export interface StartedLogin {
  readonly url: URL;
  readonly checks: LoginChecks;
}

/** What may be changed of a person at the provider; what is left out stays, null takes it away. */
export interface ProfileChange {
  readonly name?: string | undefined;
  readonly picture?: string | null | undefined;
}

/** What lets a person in once who can't log in: they open the page and enter the code there. */
export interface RecoveryCode {
  readonly code: string;
  /** Page on `PUBLIC_URL` that asks for the code. */
  readonly url: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** How an identity can log in at the provider. */
export interface LoginMethods {
  readonly password: boolean;
  /** Whether there is at least one. */
  readonly passkeys: boolean;
  /** What is asked for beside that, if anything. */
  readonly secondFactors: readonly ('totp' | 'webauthn' | 'lookup_secret')[];
  /** Names of other providers, such as `google`. */
  readonly linked: readonly string[];
}

/** The provider's identities, where the gateway administers them. */
export interface IdentityAdministration {
  /** Of the identities, as the rows of users' identities name it. */
  readonly issuer: string;

  /**
   * Changes a profile.
   * @throws {Problem} `validation_failed` when the provider doesn't take it, `conflict` when the identity is gone,
   *   `provider_unavailable`
   */
  updateProfile(subject: string, change: ProfileChange): Promise<void>;

  /**
   * Says whether an identity may log in at the provider, to other applications too; one that is gone already is fine.
   * @throws {Problem} `provider_unavailable`
   */
  setActive(subject: string, active: boolean): Promise<void>;

  /**
   * How an identity can log in; nothing when it is gone.
   * @throws {Problem} `provider_unavailable`
   */
  methodsOf(subject: string): Promise<LoginMethods | undefined>;

  /**
   * Makes a code that lets an identity in once, to give itself new credentials.
   * @throws {Problem} `conflict` when the identity is gone, `provider_unavailable`
   */
  recover(subject: string): Promise<RecoveryCode>;

  /**
   * Marks an address of an identity as verified.
   * @param email in lower case.
   * @returns false when the identity is gone or doesn't have the address.
   * @throws {Problem} `provider_unavailable`
   */
  verifyAddress(subject: string, email: string): Promise<boolean>;

  /** Deletes an identity; one that is gone already is fine. @throws {Problem} `provider_unavailable` */
  delete(subject: string): Promise<void>;
}

/**
 * Port: one provider of logins. The class is its own DI token; `auth-strategy.provider` alone decides which
 * implementation stands behind it. All of them hold the same contract, which one test suite checks.
 */
export abstract class AuthStrategy {
  /** Query parameters of `/auth/login` that may be passed on to the provider. */
  abstract readonly hints: readonly string[];

  /** Left out where people's profiles and accounts at the provider are its own affair (Auth0, OpenID providers). */
  readonly identities?: IdentityAdministration;

  /** Starts a login or registration by browser. @throws {Problem} `provider_unavailable` */
  abstract begin(start: LoginStart): Promise<StartedLogin>;

  /**
   * Step 6: the provider's answer to the browser flow → an access token, and whose the ID token says it is.
   * @param answer the callback URL with its query.
   * @throws {Problem} `login_refused`, `provider_unavailable`, `login_state_invalid` when another login got in between
   */
  abstract exchange(answer: URL, checks: LoginChecks): Promise<ExchangedTokens>;

  /**
   * Step 9: asks the provider whether this access token is live, meant for us, and a person's.
   * @param exchanged what the gateway itself was given together with the token; left out when a caller brought it.
   * @throws {Problem} `access_token_rejected`, `login_refused`, `provider_unavailable`
   */
  abstract validate(accessToken: string, exchanged?: ExchangedTokens): Promise<ValidatedLogin>;

  /**
   * Asks the provider whether this is a live access token, meant for us, that a client got for itself.
   * Providers that don't tell such tokens from people's confirm none.
   * @returns nothing when it's no client's own: it may be a person's.
   * @throws {Problem} `access_token_rejected` when it's one for somebody else, `provider_unavailable`
   */
  async validateClient(_accessToken: string): Promise<ValidatedClient | undefined> {
    return undefined;
  }

  /** Gives up an access token that the gateway got for itself and needs no more. Failure is harmless. */
  abstract discard(accessToken: string): Promise<void>;

  /** Whether the provider's session behind one of ours still lives, and whose it is; asked at renewal. Never throws. */
  abstract sessionState(session: SessionRow): Promise<ProviderSession>;

  /** Keeps what {@link sessionState} asks the provider with, for a session that the login has begun. Never throws. */
  async remember(_sessionId: string, _login: ValidatedLogin): Promise<void> {
    return undefined;
  }

  /** Ends the provider's session behind one of ours. @returns where the browser must go on to, if it must. */
  abstract endSession(session: SessionRow): Promise<URL | undefined>;

  /**
   * Verifies a logout token by signature and claims; its age and first use are the caller's to check.
   * @throws {Problem} `malformed_request` for anything else, `provider_unavailable` when there are no keys to check with.
   */
  abstract verifyLogoutToken(token: string): Promise<LogoutNotice>;

  /** How far the gateway is with what it sets up at the provider; most providers are set up by people. */
  setUpState(): SetUpState {
    return 'done';
  }

  /** @throws {Problem} `provider_unavailable` unless the provider is there and set up. */
  abstract requireReady(): Promise<void>;
}
