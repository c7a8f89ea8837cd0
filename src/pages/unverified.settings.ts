import { z } from 'zod';
import { kratosIdentitySchema, toProviderIdentity } from '../providers/ory/kratos/kratos-session.js';
import type { Flow } from './flow.parser.js';

const settingsSchema = z.looseObject({ identity: kratosIdentitySchema });

const factors: ReadonlySet<string> = new Set(['passkey', 'webauthn', 'totp', 'lookup_secret']);
const removals: ReadonlySet<string> = new Set([
  'passkey_remove',
  'webauthn_remove',
  'totp_unlink',
  'lookup_secret_disable',
]);

/** Whether the account of a settings flow, as returned by Kratos, has a verified address or no address at all. */
export function isVerified(found: unknown): boolean {
  const parsed = settingsSchema.safeParse(found);
  if (!parsed.success) {
    return false;
  }
  const { email, emailVerified } = toProviderIdentity(parsed.data.identity);
  return email === null || emailVerified;
}

/** The settings without adding passkeys and second factors, which requires a verified address. Existing ones can be removed. */
export function withoutEnrolments(flow: Flow): Flow {
  const nodes = flow.ui.nodes.filter(
    ({ group, type, attributes }) =>
      !factors.has(group) || (type === 'input' && 'name' in attributes && removals.has(attributes.name)),
  );
  return { ...flow, ui: { ...flow.ui, nodes, scripts: [] } };
}
