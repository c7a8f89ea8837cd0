import { expect } from 'vitest';
import { z } from 'zod';
import { newId } from '../../src/platform/core/identifier.js';
import { Database, type OrgRole } from '../../src/platform/database/database.schema.js';
import { administratorAt } from './administrator.js';
import type { Gateway, GatewayAnswer, HeldSession } from './gateway.js';

const methods = ['GET', 'POST', 'PATCH', 'DELETE'] as const;
const orgSchema = z.looseObject({ id: z.uuid(), slug: z.string() });

/** An organisation, as its answers have it. */
export type Org = z.output<typeof orgSchema>;

/** Calls the API of organisations as somebody. */
export class OrgCaller {
  readonly #gateway: Gateway;

  constructor(gateway: Gateway) {
    this.#gateway = gateway;
  }

  /** @param line method and path. @param body sent as JSON. */
  readonly call = async (
    { cookie }: Pick<HeldSession, 'cookie'>,
    line: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<GatewayAnswer> => {
    const [word = '', path = ''] = line.split(' ');
    const method = methods.find((candidate) => candidate === word);
    if (method === undefined) {
      throw new TypeError(`${word} is not expected`);
    }
    return this.#gateway.request(path, {
      method,
      headers: { cookie, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  };

  /** Makes an organisation as somebody. */
  async make(session: HeldSession, name = `Org ${newId().slice(-8)}`): Promise<Org> {
    return orgSchema.parse((await this.call(session, 'POST /api/v1/orgs', { name })).json());
  }

  /** Puts somebody new into an organisation. */
  async member(orgId: string, role: OrgRole): Promise<HeldSession> {
    const session = await this.#gateway.session();
    await this.join(orgId, session, role);
    return session;
  }

  /** Puts somebody into an organisation. */
  async join(orgId: string, { user }: Pick<HeldSession, 'user'>, role: OrgRole): Promise<void> {
    await this.#gateway.app
      .get(Database, { strict: false })
      .query.insertInto('memberships')
      .values({ org_id: orgId, user_id: user.id, role, state: 'active', created_at: Date.now() })
      .execute();
  }

  /** Confirms the domain that an organisation claims, as an administrator does. */
  async confirmDomain(orgId: string, domain: string): Promise<void> {
    const administrator = await administratorAt(this.#gateway);
    const line = `POST /api/v1/orgs/${orgId}/domain/confirm`;
    expect((await this.call(administrator, line, { domain })).status).toBe(200);
  }

  /** The `org` claim of a session. */
  async claim({ cookie }: Pick<HeldSession, 'cookie'>): Promise<unknown> {
    const answer = await this.call({ cookie }, 'GET /auth/session');
    return z.looseObject({ claims: z.looseObject({ org: z.unknown().optional() }) }).parse(answer.json())
      .claims.org;
  }
}
