import type { SessionRow } from '../database/database.schema.js';
import type { LoginEvidence } from '../session/session.service.js';
import type { ExchangedTokens } from '../oidc/relying.party.js';
import type { ProviderIdentity } from '../users/identity.js';
import type { LoginTransaction } from './login.transaction.js';

/** A person whose access token a provider has confirmed. */
export interface ValidatedLogin {
  readonly identity: ProviderIdentity;
  readonly evidence: LoginEvidence;
}

/** What a provider says of its own session: `unknown` when it can't be asked. */
export type ProviderSessionState = 'alive' | 'ended' | 'unknown';

/** What a browser login is started with. */
export interface LoginStart {
  readonly kind: 'login' | 'signup';
  readonly transaction: LoginTransaction;
}

/**
 * Port: one provider of logins. The class is its own DI token; `auth-strategy.provider` alone decides which
 * implementation stands behind it. All of them hold the same contract, which one test suite checks.
 */
export abstract class AuthStrategy {
  /** Where to send a browser that wants to log in or sign up. */
  abstract authorizationUrl(start: LoginStart): Promise<URL>;

  /**
   * Step 6: the provider's answer to the browser flow → an access token, and whose the ID token says it is.
   * @param answer the callback URL with its query.
   * @throws {Problem} `login_refused`, `provider_unavailable`
   */
  abstract exchange(answer: URL, transaction: LoginTransaction): Promise<ExchangedTokens>;

  /**
   * Step 9: asks the provider whether this access token is live, meant for us, and a person's.
   * @throws {Problem} `access_token_rejected`, `provider_unavailable`
   */
  abstract validate(accessToken: string): Promise<ValidatedLogin>;

  /** Gives up an access token that the gateway got for itself and needs no more. Failure is harmless. */
  abstract discard(accessToken: string): Promise<void>;

  /** Whether the provider's session behind one of ours still lives; asked at renewal. Never throws. */
  abstract sessionState(session: SessionRow): Promise<ProviderSessionState>;

  /** Ends the provider's session behind one of ours. @returns where the browser must go on to, if it must. */
  abstract endSession(session: SessionRow): Promise<URL | undefined>;

  /** @throws {Problem} `provider_unavailable` unless the provider is there and set up. */
  abstract requireReady(): Promise<void>;
}
