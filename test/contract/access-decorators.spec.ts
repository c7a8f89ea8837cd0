import { Controller, Get, Module } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineScopes } from '../../src/platform/features/scope.catalogue.js';
import {
  AnyScope,
  CurrentUser,
  OptionalSession,
  Public,
  RequireOrg,
  RequireRole,
  RequireScope,
} from '../../src/session/guards/access.decorators.js';
import type { Principal } from '../../src/session/principal.js';
import { type Gateway, startGateway } from '../support/gateway.js';
import { type World, keyOf, makeWorld } from '../support/world.js';

const thingScopes = defineScopes({ 'things:read': 'Read things.', 'things:write': 'Write things.' });

@Controller('probe')
class ProbeController {
  @Get('plain')
  plain(@CurrentUser() { credential, claims }: Principal): unknown {
    return { credential, sub: claims.sub };
  }

  @Get('any-scope')
  @AnyScope()
  anyScope(): string {
    return 'ok';
  }

  @Get('public')
  @Public()
  public(@CurrentUser({ optional: true }) principal: Principal | undefined): unknown {
    return { isKnown: principal !== undefined };
  }

  @Get('optional')
  @OptionalSession()
  optional(@CurrentUser({ optional: true }) principal: Principal | undefined): unknown {
    return { isKnown: principal !== undefined };
  }

  @Get('nobody')
  @Public()
  nobody(@CurrentUser() principal: Principal): unknown {
    return { sub: principal.claims.sub };
  }

  @Get('scope')
  @RequireScope(thingScopes['things:read'])
  scope(): string {
    return 'ok';
  }

  @Get('scopes')
  @RequireScope(thingScopes['things:read'], thingScopes['things:write'])
  scopes(): string {
    return 'ok';
  }

  @Get('role')
  @RequireRole('admin')
  role(): string {
    return 'ok';
  }

  @Get('org')
  @RequireOrg()
  org(): string {
    return 'ok';
  }

  @Get('org-admin')
  @RequireOrg('admin')
  orgAdmin(): string {
    return 'ok';
  }

  @Get('org-owner')
  @RequireOrg('owner')
  orgOwner(): string {
    return 'ok';
  }

  @Get('both')
  @RequireRole('admin')
  @RequireScope(thingScopes['things:read'])
  both(): string {
    return 'ok';
  }

  @Get('public-scope')
  @Public()
  @RequireScope(thingScopes['things:read'])
  publicScope(): string {
    return 'ok';
  }

  @Get('optional-scope')
  @OptionalSession()
  @RequireScope(thingScopes['things:read'])
  optionalScope(): string {
    return 'ok';
  }
}

/** What stands on the class holds for each of its routes. */
@Controller('guarded')
@RequireScope(thingScopes['things:read'])
@RequireOrg()
class GuardedController {
  @Get('inherited')
  inherited(): string {
    return 'ok';
  }

  @Get('added')
  @RequireScope(thingScopes['things:write'])
  added(): string {
    return 'ok';
  }

  @Get('owner')
  @RequireOrg('owner')
  owner(): string {
    return 'ok';
  }
}

@Module({ controllers: [ProbeController, GuardedController] })
class ProbeModule {}

/** Sessions, then API keys of the organisation's member with the scope in their name. */
const columns = [
  'anonymous',
  'stranger',
  'member',
  'orgAdmin',
  'owner',
  'administrator',
  'disabled',
  'key api',
  'key things:read',
  'key things:read things:write',
  'key other:read',
] as const;
type Column = (typeof columns)[number];

const matrix: readonly (readonly [string, ...(200 | 401 | 403)[]])[] = [
  // Without a scope of its own a route takes the whole one: what was narrowed opens what says so.
  ['probe/plain', 401, 200, 200, 200, 200, 200, 401, 200, 403, 403, 403],
  ['probe/any-scope', 401, 200, 200, 200, 200, 200, 401, 200, 200, 200, 200],
  ['probe/public', 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
  // Nobody looks for a session there, so nobody is the caller that it wants.
  ['probe/nobody', 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
  ['probe/optional', 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200],
  ['probe/scope', 401, 200, 200, 200, 200, 200, 401, 200, 200, 200, 403],
  ['probe/scopes', 401, 200, 200, 200, 200, 200, 401, 200, 403, 200, 403],
  ['probe/role', 401, 403, 403, 403, 403, 200, 401, 403, 403, 403, 403],
  ['probe/org', 401, 403, 200, 200, 200, 403, 401, 200, 403, 403, 403],
  ['probe/org-admin', 401, 403, 403, 200, 200, 403, 401, 403, 403, 403, 403],
  ['probe/org-owner', 401, 403, 403, 403, 200, 403, 401, 403, 403, 403, 403],
  ['probe/both', 401, 403, 403, 403, 403, 200, 401, 403, 403, 403, 403],
  // Nobody looks for a session there, so nobody has the scope: closed, not open by mistake.
  ['probe/public-scope', 401, 401, 401, 401, 401, 401, 401, 401, 401, 401, 401],
  ['probe/optional-scope', 401, 200, 200, 200, 200, 200, 401, 200, 200, 200, 403],
  ['guarded/inherited', 401, 403, 200, 200, 200, 403, 401, 200, 200, 200, 403],
  ['guarded/added', 401, 403, 200, 200, 200, 403, 401, 200, 403, 200, 403],
  ['guarded/owner', 401, 403, 403, 403, 200, 403, 401, 403, 403, 403, 403],
];

let gateway: Gateway;
let world: World;

beforeAll(async () => {
  gateway = await startGateway({}, undefined, { modules: [ProbeModule] });
  world = await makeWorld(gateway);
});

afterAll(async () => {
  await gateway?.stop();
});

async function headersOf(column: Column): Promise<Readonly<Record<string, string>>> {
  switch (column) {
    case 'key api':
    case 'key things:read':
    case 'key things:read things:write':
    case 'key other:read':
      return { 'x-api-key': await keyOf(gateway.app, world.userIds.member, column.slice('key '.length)) };
    default:
      return world.headersOf(column, '', false);
  }
}

describe('every decorator, for every kind of caller', () => {
  const cells = matrix.flatMap(([route, ...statuses]) =>
    columns.map((column, index) => ({ route, column, status: statuses[index] ?? 0 })),
  );

  it.each(cells)('$route, $column: $status', async ({ route, column, status }) => {
    const answer = await gateway.request(`/${route}`, { headers: await headersOf(column) });
    expect(answer.status).toBe(status);
  });

  it('every route of the probes is a row, and every row has a cell for each column', () => {
    const methods = [ProbeController, GuardedController].flatMap(({ prototype }) =>
      Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor'),
    );
    expect(matrix).toHaveLength(methods.length);
    expect(matrix.filter((row) => row.length !== columns.length + 1)).toEqual([]);
  });
});

describe('what the answers say', () => {
  it('a missing scope is named in WWW-Authenticate (RFC 6750)', async () => {
    const headers = await headersOf('key things:read');
    const answer = await gateway.request('/probe/scopes', { headers });
    expect(answer.json()).toMatchObject({ code: 'insufficient_scope', status: 403 });
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_scope", scope="things:write"',
    );
  });

  it.each([
    ['/probe/role', 'stranger', 'role_missing', 403],
    ['/probe/org', 'stranger', 'org_missing', 403],
    ['/probe/org-owner', 'member', 'org_role_missing', 403],
    ['/probe/scope', 'key other:read', 'scope_missing', 403],
    ['/probe/optional-scope', 'anonymous', 'no_principal', 401],
  ] as const)(
    '%s for %s: the reason %s is in the log and not in the answer',
    async (path, column, reason, status) => {
      const from = gateway.log.length;
      const answer = await gateway.request(path, { headers: await headersOf(column) });
      expect(answer.status).toBe(status);
      expect(answer.text).not.toContain(reason);
      expect(gateway.log.slice(from).join('')).toContain(`"reason":"${reason}"`);
    },
  );

  it('@CurrentUser() is the same user by cookie, by bearer and by key', async () => {
    const { cookie, bearer, user } = world.sessions.member;
    const key = await keyOf(gateway.app, user.id, 'api');
    const seen: unknown[] = [];
    for (const headers of [{ cookie }, { authorization: bearer }, { 'x-api-key': key }]) {
      seen.push((await gateway.request('/probe/plain', { headers })).json());
    }
    expect(seen).toEqual(['cookie', 'bearer', 'api_key'].map((credential) => ({ credential, sub: user.id })));
  });

  it('with @OptionalSession() a live session is known and a broken one is nobody; with @Public() nobody is', async () => {
    const knows = async (path: string, headers: Readonly<Record<string, string>>): Promise<boolean> =>
      z.object({ isKnown: z.boolean() }).parse((await gateway.request(path, { headers })).json()).isKnown;
    const { cookie } = world.sessions.member;
    expect(await knows('/probe/optional', { cookie })).toBe(true);
    expect(await knows('/probe/optional', { cookie: `${cookie}x` })).toBe(false);
    expect(await knows('/probe/public', { cookie })).toBe(false);
  });

  it('with @OptionalSession() a credential in the URL is refused too, also beside a live session', async () => {
    const { cookie } = world.sessions.member;
    const answer = await gateway.request('/probe/optional?access_token=a.b.c', { headers: { cookie } });
    expect([answer.status, answer.json()]).toMatchObject([400, { code: 'malformed_request' }]);
  });
});
