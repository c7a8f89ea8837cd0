import { Database, type OrgRole } from '../../src/platform/database/database.schema.js';
import { newId } from '../../src/platform/core/identifier.js';
import { connectionIssuerPrefix } from '../../src/directory/users/connection-identity.js';
import { RevocationList } from '../../src/session/revocation/revocation-list.js';
import type { Gateway, GatewayAnswer, HeldSession } from './gateway.js';

/** Headers of the caller. */
export type Credential = Readonly<Record<string, string>>;

/** A member `field` of an answer's JSON, as text. */
export function textOf(answer: GatewayAnswer, ...path: readonly string[]): string {
  return String(
    path.reduce<unknown>((value, key) => Reflect.get(Object(value), key), JSON.parse(answer.text)),
  );
}

/** Sends JSON as somebody. */
export async function send(
  gateway: Gateway,
  method: 'POST' | 'PATCH' | 'DELETE',
  path: string,
  as: Credential,
  body?: unknown,
): Promise<GatewayAnswer> {
  return gateway.request(path, {
    method,
    headers: { ...as, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Makes an API key as somebody; fails when it isn't made. */
export async function makeKey(
  gateway: Gateway,
  as: Credential,
  body: Readonly<Record<string, unknown>> = {},
  path = '/api/v1/api-keys',
): Promise<{ id: string; key: string }> {
  const answer = await send(gateway, 'POST', path, as, { name: 'Key', scope: 'profile:read', ...body });
  if (answer.status !== 201) {
    throw new Error(`no key was made: ${answer.text}`);
  }
  return { id: textOf(answer, 'id'), key: textOf(answer, 'key') };
}

/** Sends a form to the token endpoint. */
export async function exchange(
  gateway: Gateway,
  form: readonly (readonly [string, string])[] | Readonly<Record<string, string>>,
  as: Credential = {},
): Promise<GatewayAnswer> {
  const entries = Array.isArray(form) ? form : Object.entries(form);
  return gateway.request('/auth/token', {
    method: 'POST',
    headers: { ...as, 'content-type': 'application/x-www-form-urlencoded' },
    body: entries.map((pair) => pair.map(encodeURIComponent).join('=')).join('&'),
  });
}

/** Puts an organisation with these members straight into the database. */
export async function plantOrg(
  gateway: Gateway,
  slug: string,
  members: Readonly<Partial<Record<OrgRole, Pick<HeldSession, 'user'>>>>,
): Promise<string> {
  const { query } = gateway.app.get(Database, { strict: false });
  const [id, now] = [newId(), Date.now()];
  await query
    .insertInto('orgs')
    .values({
      id,
      slug,
      name: slug,
      domain: null,
      join_policy: 'invite',
      version: 1,
      created_at: now,
      updated_at: now,
    })
    .execute();
  for (const role of ['owner', 'admin', 'member'] as const) {
    const member = members[role];
    if (member !== undefined) {
      await query
        .insertInto('memberships')
        .values({ org_id: id, user_id: member.user.id, role, state: 'active', created_at: now })
        .execute();
    }
  }
  return id;
}

/** Puts a connection of an organisation straight into the database. @returns the issuer of its users. */
export async function plantConnection(gateway: Gateway, orgId: string): Promise<string> {
  const { query } = gateway.app.get(Database, { strict: false });
  const [id, now] = [newId(), Date.now()];
  await query
    .insertInto('org_connections')
    .values({
      id,
      org_id: orgId,
      kind: 'oidc',
      name: 'Example Ltd.',
      settings: '{}',
      sealed: null,
      required: 0,
      rules: '[]',
      bound_domain: null,
      version: 1,
      created_by: newId(),
      created_at: now,
      updated_at: now,
    })
    .execute();
  return connectionIssuerPrefix + id;
}

/** Lets a replica hear late that a user has changed. @param at when they did, in milliseconds since the epoch. */
export function hearOfChange(gateway: Gateway, userId: string, at: number): void {
  const row = { id: userId, kind: 'user', before: at, recorded_at: at, expires_at: at + 3_600_000 } as const;
  gateway.app.get(RevocationList, { strict: false }).apply([row]);
}
