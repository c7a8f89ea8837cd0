import type { ProviderIdentity } from '../../../directory/users/identity.js';

/** A user as a source reports them now. */
export interface SourceUser {
  /** The subject is also Hydra's: the one that the login challenge was accepted with. */
  readonly identity: ProviderIdentity;
  /** Whether the user may log in at the source. */
  readonly isActive: boolean;
  /** All that the source reports about the user; `CLAIMS_MAP` picks from it. */
  readonly profile: Readonly<Record<string, unknown>>;
}

/** A live session at a source, with its user. */
export interface SourceSession extends SourceUser {
  readonly id: string;
  /** How the user was authenticated (RFC 8176). */
  readonly amr: readonly string[];
  /** `aal2` when a second factor was given. */
  readonly acr: 'aal1' | 'aal2';
  /** Whether the user has removed the second factor that they gave, so that it counts no more and `acr` is `aal1`. */
  readonly hasLostFactor?: boolean;
  /** When credentials were last given, in milliseconds since the epoch; 0 if that isn't known. */
  readonly authTime: number;
  /** When the session began or was confirmed in this browser, in milliseconds since the epoch. */
  readonly begunAt: number;
}

/** What a session is found by: its id, and the subject that it must belong to. */
export interface SessionKey {
  readonly id: string;
  readonly subject: string;
}

/** The session of a browser: live, none, or one that still requires a second factor. */
export type BrowserSession =
  | { readonly state: 'live'; readonly session: SourceSession }
  | { readonly state: 'none' }
  | { readonly state: 'aal2_required' };

/**
 * Port: a source of identities behind Hydra's login challenge. It vouches for users, and reports at each renewal whether it still
 * does. The class is its own DI token, which stands for all sources at once. All implementations keep the same contract, which one
 * test suite checks. Each method throws `provider_unavailable`, too.
 */
export abstract class IdentitySource {
  /** The issuer of a subject's identity, as the rows of users' identities name it; undefined if the subject isn't of this source. */
  abstract issuerOf(subject: string): Promise<string | undefined>;

  /** The session of a browser (steps 3 and 4). @param header the request's Cookie header. */
  abstract browserSession(header: string | undefined): Promise<BrowserSession>;

  /**
   * A live session with its user as they are now; undefined when it has ended, has expired, or never existed. The caller checks that the
   * user is active and the one whom it expects.
   */
  abstract findSession(key: SessionKey): Promise<SourceSession | undefined>;

  /** The user with this subject; undefined when there is none. */
  abstract findUser(subject: string): Promise<SourceUser | undefined>;

  /** Ends a session; idempotent. */
  abstract endSession(key: SessionKey): Promise<void>;

  /**
   * Ends all sessions of a user; idempotent.
   * @param except id of the one that stays. @param begunAfter milliseconds; those that began later stay, too.
   */
  abstract endSessions(subject: string, except?: string, begunAfter?: number): Promise<void>;

  /** Ends the session that a browser's cookies name; idempotent. @param header its `Cookie` header. */
  async endBrowserSession(header: string | undefined): Promise<void> {
    const browser = await this.browserSession(header);
    if (browser.state === 'live') {
      const { id, identity } = browser.session;
      await this.endSession({ id, subject: identity.subject });
    }
  }

  /** Allows or forbids a user to log in, as far as the gateway may; forbidding ends their sessions. One that is gone is no error. */
  abstract setActive(subject: string, active: boolean): Promise<void>;

  /** Deletes what is stored about a user, with their sessions; idempotent. */
  abstract deleteUser(subject: string): Promise<void>;
}
