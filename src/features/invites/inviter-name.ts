import { displayNameOf } from '../../platform/core/display-name.js';
import { isReservedName } from '../../auth-strategy/reserved-names.js';

/** An inviter, as their account is stored. */
export interface Inviter {
  readonly name: string | null;
  /** Their role in the deployment, which decides, whatever their token states. */
  readonly role: 'user' | 'admin';
}

/**
 * The name of an inviter as strangers may read it; null if it is reserved: the login provider, or an organisation's own, may have given it
 * to a user who couldn't take it here. An administrator's stays.
 * @param brand the product's name.
 */
export function inviterNameOf({ name, role }: Inviter, brand: string): string | null {
  // One that was stored before may have line breaks.
  const shown = displayNameOf(name);
  return shown !== null && role !== 'admin' && isReservedName(shown, brand) ? null : shown;
}
