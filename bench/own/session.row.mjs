import { newId } from '../../dist/platform/core/identifier.js';

/** A live session's row. @param own what it has of its own: `user_id`, `provider`, `issuer` and `subject`, and whatever else differs. */
export function sessionRow(own) {
  const now = own.created_at ?? Date.now();
  return {
    id: newId(now),
    provider_session_id: newId(now),
    oidc_sid: newId(now),
    client_id: 'vestibule',
    scope: 'openid profile email',
    amr: 'pwd',
    acr: 'aal1',
    claims: '{}',
    auth_time: now,
    created_at: now,
    renewed_at: now,
    org_id: null,
    user_agent: 'bench',
    remote_address: '127.0.0.1',
    last_seen_at: now,
    ended_at: null,
    end_reason: null,
    ...own,
  };
}
