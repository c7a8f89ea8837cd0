import { z } from 'zod';
import { promote } from './administrator.js';
import { OryAdmin, type RegisteredClient } from './ory.admin.js';
import { logIn, newPerson } from './person.js';
import type { Stack } from './stack.js';
import { UserAgent } from './user-agent.js';

/** An application to register, in the terms of `POST /api/v1/applications`. */
export interface NewApplication {
  /** Public keys instead of a secret. */
  readonly jwks?: unknown;
  readonly name: string;
  /** Default: `web`. */
  readonly kind?: 'web' | 'single_page' | 'native' | 'machine';
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly backchannelLogoutUri?: string;
  /** Scopes that it may request; `offline_access` brings refresh tokens. Default: all that stand for claims. */
  readonly scope?: string;
  /** Whether it is the deployment's own: users aren't asked for consent. */
  readonly firstParty?: boolean;
  /** Which organisations its claim `groups` has. Default: none. */
  readonly groupsFrom?: 'listed' | 'all';
  /** Ids or slugs of those that are listed. */
  readonly groupOrgs?: readonly string[];
  readonly groupsAs?: 'slug' | 'id';
  /** Any text: the API decides. */
  readonly tokenEndpointAuthMethod?: string;
  /** What its logins must send. Default: `pkce`. */
  readonly codeProtection?: 'pkce' | 'nonce' | 'none';
  /** Whether its users may log in on devices. Default: no. */
  readonly deviceLogin?: boolean;
}

const sessionSchema = z.looseObject({ user: z.looseObject({ id: z.string() }) });
const createdSchema = z.looseObject({ id: z.string(), clientSecret: z.string().nullable() });

/** The administrator who registers a stack's applications. */
const administrators = new WeakMap<object, Promise<UserAgent>>();

/** Registers a web application, as an administrator does. @returns its client id and secret. */
export async function registerApplication(
  stack: Pick<Stack, 'app' | 'env' | 'url'>,
  application: NewApplication,
): Promise<RegisteredClient> {
  const administrator = await administratorOf(stack);
  const scope = application.scope ?? 'openid profile email roles orgs groups';
  const answer = await administrator.post('/api/v1/applications', { kind: 'web', ...application, scope });
  if (answer.status !== 201) {
    throw new Error(`the application isn't registered: ${answer.status} ${answer.text}`);
  }
  const { id, clientSecret: secret } = createdSchema.parse(answer.json());
  return { id, secret: secret ?? '' };
}

/** The administrator who registers a stack's applications, logged in. */
export async function administratorOf(stack: Pick<Stack, 'app' | 'env' | 'url'>): Promise<UserAgent> {
  const made = administrators.get(stack) ?? makeAdministrator(stack);
  administrators.set(stack, made);
  return made;
}

async function makeAdministrator({ app, env, url }: Pick<Stack, 'app' | 'env' | 'url'>): Promise<UserAgent> {
  const origin = env['PUBLIC_URL'] ?? url;
  const [agent, person] = [new UserAgent(origin, url), newPerson()];
  await new OryAdmin(env).createPerson(person, { isVerified: true });
  await logIn(agent, person);
  const { user } = sessionSchema.parse((await agent.fetch('/auth/session')).json());
  await promote(app(), user.id);
  const promoted = new UserAgent(origin, url);
  await logIn(promoted, person);
  return promoted;
}
