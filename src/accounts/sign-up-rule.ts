import type { Configuration } from '../platform/config/configuration.js';
import { foldIdentifier } from '../platform/core/account-identifier.js';

/** The settings that decide who may get a new account. */
export type SignUpSettings = Pick<Configuration, 'AUTH_PROVIDER' | 'SIGNUP' | 'EMAIL_DOMAINS'>;

/** What an invite says, as far as it decides about new accounts. */
export interface InviteTerms {
  /** The only address that can accept it, in lower case; null for any. */
  readonly email: string | null;
  /** Whether an administrator of the deployment made it, as one, and is one still. */
  readonly byAdministrator: boolean;
  /** Whether somebody has got their account by it: an invite lets one person in. */
  readonly hasAdmitted: boolean;
  /** Whether the link was mailed to the address and shown to no one else, so that who has it reads that mailbox. */
  readonly isMailed: boolean;
}

/**
 * Whether somebody without an account can get one by an invite. With `SIGNUP=closed` it takes an administrator's, for one address
 * that is sure to be verified: by the mail with the link, or by the provider's own word.
 */
export function opensSignUp(
  settings: SignUpSettings,
  { email, byAdministrator, hasAdmitted, isMailed }: InviteTerms,
): boolean {
  if (hasAdmitted) {
    return false;
  }
  if (email !== null && !allowsDomain(settings, email)) {
    return false;
  }
  const isVerifiable = isMailed || settings.AUTH_PROVIDER !== 'ory';
  return settings.SIGNUP !== 'closed' || (byAdministrator && email !== null && isVerifiable);
}

/** Whether accounts may have an address of this domain. */
export function allowsDomain(
  { EMAIL_DOMAINS }: Pick<SignUpSettings, 'EMAIL_DOMAINS'>,
  email: string | null,
): boolean {
  return (
    EMAIL_DOMAINS.length === 0 ||
    EMAIL_DOMAINS.includes(
      foldIdentifier(email ?? '')
        .split('@')
        .at(-1) ?? '',
    )
  );
}
