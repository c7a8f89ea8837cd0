import type { ProviderIdentity } from '../../directory/users/identity.js';
import type { ConnectionIdentity } from './connection.repository.js';

/** The identity of a user of a connection, as it last reported them. */
export function toIdentity({
  id,
  issuer,
  email,
  email_verified: isVerified,
  name,
}: ConnectionIdentity): ProviderIdentity {
  return { issuer, subject: id, email, emailVerified: isVerified === 1, name, picture: null };
}
