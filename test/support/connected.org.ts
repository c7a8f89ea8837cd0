import { z } from 'zod';
import { newId } from '../../src/platform/core/identifier.js';
import { Database } from '../../src/platform/database/database.schema.js';
import { newPerson, signUp } from './person.js';
import type { Stack } from './stack.js';
import { UserAgent } from './user-agent.js';

const idSchema = z.looseObject({ id: z.string() });
const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });

/** An organisation with a proven domain, whose users log in by its OpenID provider. */
export class ConnectedOrg {
  private constructor(
    private readonly stack: Stack,
    readonly owner: UserAgent,
    readonly id: string,
    readonly domain: string,
    /** Id of the connection. */
    readonly connection: string,
  ) {}

  /** @param settings of the connection. @param origin of the gateway, where browsers see another one than it listens on. */
  static async make(
    stack: Stack,
    settings: Readonly<Record<string, unknown>>,
    origin = stack.url,
  ): Promise<ConnectedOrg> {
    const owner = new UserAgent(origin, stack.url);
    await signUp(owner, newPerson());
    const domain = `d${newId().slice(-12)}.example`;
    await verify(stack, owner);
    const { id } = idSchema.parse((await owner.send('POST', '/api/v1/orgs', { name: 'Example' })).json());
    await prove(stack, id, domain);
    const made = await owner.send('POST', `/api/v1/orgs/${id}/connections`, {
      name: 'Example Ltd.',
      kind: 'oidc',
      settings: { ...settings, offline_access: true },
      domains: [domain],
    });
    if (made.status !== 201) {
      throw new Error(`the connection isn't made: ${made.status} ${made.text}`);
    }
    return new ConnectedOrg(stack, owner, id, domain, idSchema.parse(made.json()).id);
  }

  /** The page of the provider to which the address of one of its users leads. */
  async login(agent: UserAgent, email: string): Promise<string> {
    const login = await agent.navigate('/auth/login');
    const links = login
      .html()
      .querySelectorAll('a')
      .map((link) => link.getAttribute('href') ?? '');
    const asked = await agent.navigate(links.find((href) => href.includes('/ui/identify')) ?? '');
    const page = await agent.submit(asked, { identifier: email });
    const next = page.headers.get('refresh')?.replace(/^0;url=/, '');
    if (next === undefined) {
      throw new Error(`${page.url} (${page.status}) leads to no provider`);
    }
    return new URL(next, page.url).href;
  }

  /** Stores that the owner's address is theirs. */
  async verifyOwner(): Promise<void> {
    await verify(this.stack, this.owner);
  }

  /** Stores that it has proven its domain, as an administrator's confirmation does, or has lost the proof. */
  async prove(isProven = true): Promise<void> {
    await prove(this.stack, this.id, isProven ? this.domain : null);
  }
}

async function verify(stack: Stack, owner: UserAgent): Promise<void> {
  const { user } = sessionSchema.parse((await owner.fetch('/auth/session')).json());
  const { query } = stack.app().get(Database, { strict: false });
  await query.updateTable('users').set({ email_verified: 1 }).where('id', '=', user.id).execute();
}

async function prove(stack: Stack, id: string, domain: string | null): Promise<void> {
  const { query } = stack.app().get(Database, { strict: false });
  await query
    .updateTable('orgs')
    .set({ domain, claimed_domain: domain, domain_proof: domain === null ? null : 'administrator' })
    .where('id', '=', id)
    .execute();
}
