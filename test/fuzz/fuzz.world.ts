import { Database } from '../../src/platform/database/database.schema.js';
import { fullScope } from '../../src/session/guards/scopes.js';
import { administratorAt } from '../support/administrator.js';
import { makeKey, plantOrg, send, textOf } from '../support/api.caller.js';
import { type Gateway, type HeldSession, newIdentity } from '../support/gateway.js';
import { keyOf } from '../support/world.js';

/** Who sends a request. */
export const callers = ['nobody', 'administrator', 'bearer', 'key', 'member', 'broken'] as const;
export type Caller = (typeof callers)[number];

/** People and things that requests can be about: an id in a path is right often enough to get behind the checks. */
export interface FuzzWorld {
  /** What stands for a word such as `~org~`. */
  readonly words: ReadonlyMap<string, string>;
  /** Credentials, none of which may stand in an answer or in the log. */
  readonly secrets: readonly string[];
  /** Addresses, none of which may stand in the log. */
  readonly addresses: readonly string[];
  /** Address of somebody whom only administrators may know of. */
  readonly strangersAddress: string;
  headersOf(caller: Caller): readonly (readonly [string, string])[];
}

/** Makes an organisation of two, another one, and one of everything that can be named. */
export async function makeFuzzWorld(gateway: Gateway): Promise<FuzzWorld> {
  const administrator = await administratorAt(gateway);
  const member = await gateway.session();
  const stranger = await gateway.session(newIdentity());
  const unique = administrator.user.id.slice(-12);
  const orgId = await plantOrg(gateway, `fuzz-${unique}`, { owner: administrator, member });
  const otherOrgId = await plantOrg(gateway, `other-${unique}`, { owner: stranger });
  const pending = await gateway.session();
  const { query } = gateway.app.get(Database, { strict: false });
  const domain = `fuzz-${unique}.test`;
  await query.updateTable('orgs').set({ claimed_domain: domain }).where('id', '=', orgId).execute();
  await query
    .insertInto('memberships')
    .values({
      org_id: orgId,
      user_id: pending.user.id,
      role: 'member',
      state: 'requested',
      created_at: Date.now(),
    })
    .execute();
  const as = cookieOf(administrator);
  const key = await makeKey(gateway, as);
  const userKey = await makeKey(gateway, cookieOf(member));
  const orgKey = await makeKey(gateway, as, {}, `/api/v1/orgs/${orgId}/api-keys`);
  const invite = await send(gateway, 'POST', `/api/v1/orgs/${orgId}/invites`, as, {});
  const open = await send(gateway, 'POST', `/api/v1/orgs/${otherOrgId}/invites`, cookieOf(stranger), {});
  const mine = await send(gateway, 'POST', `/api/v1/orgs/${otherOrgId}/invites`, cookieOf(stranger), {
    email: administrator.user.email,
  });
  const apiKey = await keyOf(gateway.app, administrator.user.id, fullScope);
  const stream = await send(gateway, 'POST', '/ssf/streams', { 'x-api-key': apiKey }, {});
  const application = { name: 'Wiki', kind: 'web', redirectUris: ['https://wiki.example.org/callback'] };
  // Of this organisation, since the deployment has more than it may have after some rounds.
  const [any, ofOrg] = [
    await send(gateway, 'POST', `/api/v1/orgs/${orgId}/applications`, as, application),
    await send(gateway, 'POST', `/api/v1/orgs/${orgId}/applications`, as, application),
  ];
  const machine = await send(gateway, 'POST', '/api/v1/applications', as, {
    name: `Machine ${unique}`,
    kind: 'machine',
    orgId,
  });
  const workloads = `/api/v1/applications/${textOf(machine, 'id')}/workloads`;
  const workload = await send(gateway, 'POST', workloads, as, {
    issuer: 'https://issuer.example.org',
    claims: { sub: 'deployer' },
  });
  const targets = `/api/v1/applications/${textOf(any, 'id')}/cross-app-targets`;
  const target = await send(gateway, 'POST', targets, as, {
    audience: 'https://auth.example.org',
    resource: 'https://resource.example.org',
    clientId: 'wiki',
  });
  const connection = await send(gateway, 'POST', `/api/v1/orgs/${orgId}/connections`, as, {
    name: 'Example Ltd.',
    kind: 'oidc',
    settings: {
      issuer: 'https://login.example.org',
      client_id: 'vestibule',
      client_secret: connectionSecret,
    },
  });
  const words = new Map([
    ['org', orgId],
    ['slug', `new-${unique}`],
    ['domain', domain],
    ['otherOrg', otherOrgId],
    ['me', administrator.user.id],
    ['user', member.user.id],
    ['stranger', stranger.user.id],
    ['session', member.claims.sid],
    ['mySession', administrator.claims.sid],
    ['key', key.id],
    ['userKey', userKey.id],
    ['orgKey', orgKey.id],
    ['application', textOf(any, 'id')],
    ['orgApplication', textOf(ofOrg, 'id')],
    ['machine', textOf(machine, 'id')],
    ['workload', textOf(workload, 'id')],
    ['target', textOf(target, 'id')],
    ['connection', textOf(connection, 'id')],
    ['invite', textOf(invite, 'id')],
    ['myInvite', textOf(mine, 'id')],
    ['pending', pending.user.id],
    ['inviteToken', textOf(open, 'url').split('=').at(-1) ?? ''],
    ['token', administrator.token],
    ['apiKey', apiKey],
    ['stream', textOf(stream, 'stream_id')],
  ]);
  const sessions = [administrator, member, stranger, pending];
  return {
    words,
    secrets: [
      ...gateway.configuration.SECRETS,
      ...sessions.flatMap(({ sealed, token }) => [sealed, token]),
      apiKey,
      key.key,
      userKey.key,
      orgKey.key,
      textOf(any, 'clientSecret'),
      textOf(ofOrg, 'clientSecret'),
      connectionSecret,
    ].map(String),
    addresses: sessions.map(({ user }) => String(user.email)),
    strangersAddress: String(stranger.user.email),
    headersOf: (caller) => {
      switch (caller) {
        case 'nobody':
          return [];
        case 'administrator':
          return [['Cookie', administrator.cookie]];
        case 'bearer':
          return [['Authorization', administrator.bearer]];
        case 'key':
          return [['X-API-Key', apiKey]];
        case 'member':
          return [['Cookie', member.cookie]];
        case 'broken':
          return [['Cookie', `${administrator.cookie.slice(0, -3)}AAA`]];
      }
    },
  };
}

/** Of a connection: it may be in no answer. */
const connectionSecret = 'the secret of a connection that no answer has';

/** The text with every `~word~` that the world knows replaced. */
export function withWords(text: string, { words }: FuzzWorld): string {
  return text.replaceAll(/~(\w+)~/g, (whole, word: string) => words.get(word) ?? whole);
}

function cookieOf({ cookie }: HeldSession): { cookie: string } {
  return { cookie };
}
