import { z } from 'zod';
import type { LoginChecks, StartedLogin, VerifiedLogoutToken } from '../../auth-strategy/auth.strategy.js';
import type { ConnectionStep } from './connection-step.js';
import type { DirectoryUser } from './company-directory.js';

/** Codes of the problems with which an answer is refused. */
export const keptRefusals = z.enum([
  'login_refused',
  'provider_unavailable',
  'provider_misconfigured',
  'clocks_differ',
]);

/** When it came, in milliseconds since the epoch. */
const at = z.number().optional();

/** What is stored of a {@link KeptAnswer}. */
export const keptAnswerSchema = z.union([
  z.object({ posted: z.string(), at }),
  z.object({ code: keptRefusals, reason: z.string(), at }),
]);

/** An answer that the provider let the browser post: the message itself or, if it was refused when it came, why. */
export type KeptAnswer = z.output<typeof keptAnswerSchema>;

/** A user as a company's provider reports them. */
export interface ReportedUser extends DirectoryUser {
  /** Whether the provider vouches that the address is the user's. */
  readonly isEmailProven: boolean;
}

/** What a login at a company's provider results in. */
export interface ProviderLogin {
  readonly user: ReportedUser;
  /** How the user was authenticated (RFC 8176); empty if the provider isn't trusted with that. */
  readonly amr: readonly string[];
  readonly acr: 'aal1' | 'aal2';
  /** When credentials were given, in milliseconds since the epoch; null if the provider doesn't state it. */
  readonly authTime: number | null;
  /** The provider's name of its session. */
  readonly sid: string | null;
  readonly refreshToken: string | undefined;
  /** Until when the provider's session lives, in milliseconds since the epoch, if it states that. */
  readonly sessionEnd?: number | undefined;
  /** The statement that the login rests on, if it is good only once: on all replicas, until it expires. */
  readonly onlyOnce?: SingleUse | undefined;
}

/** The subject of a provider's user, with its issuer: it is another one if the connection leads to another provider. */
export function subjectAt(issuer: string, subject: string): string {
  return `${issuer} ${subject}`;
}

/** What may be used only once. */
export interface SingleUse {
  readonly issuer: string;
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What a provider issued when it confirmed a session, from which the user can be read. */
export interface ConfirmedGrant {
  readonly accessToken: string;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
}

/** The input of a login's start. */
export interface ProviderLoginStart {
  /** This gateway's URL to which the provider's answer goes. */
  readonly redirectUri: string;
  /** The address that was typed. */
  readonly loginHint: string | undefined;
  readonly locales: readonly string[];
  /** Seconds since credentials were given, at most; undefined: any. */
  readonly maxAge: number | undefined;
}

/**
 * Port: a company's provider to which browsers are sent. Each method throws `provider_unavailable` if it doesn't answer, and
 * `provider_misconfigured` if it refuses this deployment.
 */
export abstract class CompanyProvider {
  /** Whether a second factor counts that the provider reports. */
  abstract readonly trustsSecondFactor: boolean;

  /** Seconds for which a session may live without being confirmed; undefined: as long as any. */
  abstract lifeOf(login: ProviderLogin): number | undefined;

  /** Begins a login. @returns where to send the browser. */
  abstract begin(start: ProviderLoginStart): Promise<StartedLogin>;

  /**
   * Verifies the provider's answer.
   * @param answer the URL that the browser came back to.
   * @param posted what it brought in a form, if it came from the provider with one.
   * @throws {Problem} `login_refused`, `access_token_rejected`, `clocks_differ`
   */
  abstract finish(answer: URL, checks: LoginChecks, posted?: string): Promise<ProviderLogin>;

  /** Whether a subject is one of this provider's. It isn't once the connection leads to another one. */
  abstract has(subject: string): boolean;

  /**
   * Asks whether a session goes on.
   * @param keep stores the next refresh token, before anything else can fail.
   * @throws {Problem} `access_token_rejected` if it doesn't.
   */
  abstract confirm(refreshToken: string, keep: (next: string) => Promise<void>): Promise<ConfirmedGrant>;

  /**
   * The user as they are now.
   * @param known what was reported before: what the provider doesn't report again stays.
   * @throws {Problem} `access_token_rejected` if the provider reports none.
   */
  abstract describe(grant: ConfirmedGrant, known: ReportedUser): Promise<ReportedUser>;

  /** Verifies a logout token but for age and first use; its subject is as {@link DirectoryUser} has it. @throws {Problem} `malformed_request` */
  abstract verifyLogoutToken(token: string): Promise<VerifiedLogoutToken>;

  /**
   * Verifies what the provider asserts of a user: signature, `typ`, the one audience, and times.
   * @returns its claims; undefined if it isn't such an assertion, and for providers that make none.
   */
  async verifyAssertion(
    _assertion: string,
    _type: string,
    _audience: string,
  ): Promise<Readonly<Record<string, unknown>> | undefined> {
    return undefined;
  }

  /** Tries the connection out, step by step, up to the first that fails. Never throws. @param redirectUri of this gateway. */
  abstract test(redirectUri: string): Promise<readonly ConnectionStep[]>;
}
