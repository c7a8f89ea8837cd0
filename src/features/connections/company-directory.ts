import type { ConnectionStep } from './connection-step.js';

/** Whether a user may log in, or why not. */
export const userStates = [
  'active',
  'disabled',
  'expired',
  'must_change_password',
  'not_admitted',
  'gone',
] as const;

export type UserState = (typeof userStates)[number];

/** A user as a company directory reports them. */
export interface DirectoryUser {
  /** The directory's stable id of the user. */
  readonly subject: string;
  readonly email: string | null;
  readonly name: string | null;
  /** Names of the groups of which the user is a member, directly or through other groups. */
  readonly groups: readonly string[];
  readonly state: Exclude<UserState, 'gone'>;
}

/** The outcome of a password: the user whom it belongs to, whatever their state; or that it is wrong, or of no user. */
export type PasswordOutcome =
  | { readonly outcome: 'user'; readonly user: DirectoryUser }
  | { readonly outcome: 'wrong' }
  /** The directory refuses the account without reporting its user. */
  | { readonly outcome: 'refused'; readonly state: UserState };

/**
 * Counts a guess by the user whose password it is about to try, whatever name was typed; for a name without a user, by the name.
 * What it throws ends the check.
 */
export type CountGuess = (user: string) => Promise<void>;

/**
 * Port: a company directory that checks passwords. Each method throws `provider_unavailable` if no server answers as it should, and
 * `provider_misconfigured` if that is up to the connection's settings.
 */
export abstract class CompanyDirectory {
  /** The name by which a user is looked up who typed this: whatever is typed around it, guesses of one account count together. */
  abstract nameOf(login: string): string;

  /** Checks a password. It is sent to the directory, and kept nowhere. @param login address or user name, as it was typed. */
  abstract checkPassword(login: string, password: string, count: CountGuess): Promise<PasswordOutcome>;

  /** The user with this id as they are now; undefined when there is none, which only a directory that shows other users can tell. */
  abstract findUser(subject: string): Promise<DirectoryUser | undefined>;

  /** Tries the connection out, step by step, up to the first that fails. Never throws. @param address of a user who should be found. */
  abstract test(address: string | undefined): Promise<readonly ConnectionStep[]>;
}
