import { type CanActivate, Controller, Get, Module, type Type } from '@nestjs/common';
import { METHOD_METADATA } from '@nestjs/common/constants.js';
import { ModulesContainer } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  ACCESS,
  AllowUnverifiedEmail,
  AnyScope,
  AnySession,
  OptionalSession,
  Public,
  REQUIRED_EMAIL,
  REQUIRED_ORG,
  REQUIRED_ROLE,
  REQUIRED_SCOPES,
  RequireOrg,
  RequireRole,
  RequireScope,
  RequireVerifiedEmail,
  WITHOUT_SECOND_FACTOR,
} from '../../src/session/guards/access.decorators.js';
import { AccessGuard } from '../../src/session/guards/access.guard.js';
import { RateLimitGuard } from '../../src/session/guards/rate-limit.guard.js';
import { RATE_LIMITED, RateLimited } from '../../src/session/guards/rate-limited.decorators.js';
import { RouteGuard } from '../../src/session/guards/route.guard.js';
import { SessionGuard } from '../../src/session/guards/session.guard.js';
import {
  AAL2,
  AUTH_AGE,
  RECENT_LOGIN,
  RequireAal2,
  RequireAuthAge,
  RequireRecentLogin,
} from '../../src/session/guards/step-up.decorators.js';
import { StepUpGuard } from '../../src/session/guards/step-up.guard.js';
import { VerifiedEmailGuard } from '../../src/session/guards/verified-email.guard.js';
import { type Gateway, startGateway } from '../support/gateway.js';

/** One method, which several controllers inherit: what stands on their classes differs. */
abstract class SharedController {
  @Get('shared')
  shared(): string {
    return 'ok';
  }
}

@Controller('shared/open')
@Public()
class OpenController extends SharedController {}

@Controller('shared/plain')
class PlainController extends SharedController {}

@Controller('shared/strong')
@RequireAal2()
class StrongController extends SharedController {}

@Controller('shared/counted')
@RateLimited('start-address')
class CountedController extends SharedController {}

@Controller('shared/verified')
@AnySession()
@RequireVerifiedEmail()
class VerifiedController extends SharedController {}

/** Inherits the class's decorators too. */
@Controller('shared/stronger')
class StrongerController extends StrongController {}

@Controller('own')
class OwnController {
  @Get('any-session')
  @AnySession()
  anySession(): string {
    return 'ok';
  }

  @Get('optional')
  @OptionalSession()
  optional(): string {
    return 'ok';
  }

  @Get('public-scope')
  @Public()
  @RequireScope('profile:read')
  publicScope(): string {
    return 'ok';
  }

  @Get('public-age')
  @Public()
  @RequireAuthAge(60)
  publicAge(): string {
    return 'ok';
  }

  @Get('public-verified')
  @Public()
  @RequireVerifiedEmail()
  publicVerified(): string {
    return 'ok';
  }

  @Get('public-org')
  @AnySession()
  @RequireOrg()
  org(): string {
    return 'ok';
  }

  @Get('role')
  @AnyScope()
  @RequireRole('admin')
  role(): string {
    return 'ok';
  }

  @Get('unverified')
  @AllowUnverifiedEmail()
  @RequireRecentLogin()
  unverified(): string {
    return 'ok';
  }
}

@Module({
  controllers: [
    OpenController,
    PlainController,
    StrongController,
    StrongerController,
    CountedController,
    VerifiedController,
    OwnController,
  ],
})
class ProbeModule {}

interface Rule {
  readonly guard: Type<CanActivate>;
  /** @param of what decorators left under a key on a route's method and on its class, in this order. */
  readonly isNeeded: (of: (key: string) => unknown[]) => boolean;
}

/** The guards in their order. */
const rulesWhere = (isEmailRequired: boolean): readonly Rule[] => [
  { guard: SessionGuard, isNeeded: (of) => of(ACCESS)[0] !== 'public' },
  { guard: RateLimitGuard, isNeeded: (of) => of(RATE_LIMITED).length > 0 },
  {
    guard: VerifiedEmailGuard,
    isNeeded: (of) => (of(REQUIRED_EMAIL)[0] ?? (isEmailRequired ? 'verified' : 'any')) === 'verified',
  },
  {
    guard: AccessGuard,
    isNeeded: (of) =>
      [REQUIRED_SCOPES, REQUIRED_ROLE, REQUIRED_ORG].some((key) => of(key).flat().length > 0) ||
      // A closed route that names no scope requires `api`.
      [...of(ACCESS), ...of(REQUIRED_SCOPES)].length === 0 ||
      // The policy of second factors, for anyone who is logged in.
      (of(ACCESS)[0] !== 'public' && of(WITHOUT_SECOND_FACTOR).length === 0),
  },
  {
    guard: StepUpGuard,
    isNeeded: (of) => [AAL2, AUTH_AGE, RECENT_LOGIN].some((key) => of(key).length > 0),
  },
];

interface Route {
  readonly name: string;
  readonly context: ExecutionContextHost;
  readonly of: (key: string) => unknown[];
}

const isClass = (metatype: unknown): metatype is Type => typeof metatype === 'function';

/** Every route of Nest's, those of the probes among them. */
function routesOf({ app }: Gateway): Route[] {
  const controllers = [...app.get(ModulesContainer).values()].flatMap((module) => [
    ...module.controllers.values(),
  ]);
  return controllers.flatMap(({ metatype }) => {
    if (!isClass(metatype)) {
      throw new TypeError('a controller is a class');
    }
    return [...methodsOf(metatype.prototype)].map(([name, handler]) => ({
      name: `${metatype.name}.${name}`,
      context: new ExecutionContextHost([], metatype, handler),
      of: (key) =>
        [handler, metatype]
          .map((place): unknown => Reflect.getMetadata(key, place))
          .filter((value) => value !== undefined),
    }));
  });
}

/** The methods of a class that answer requests, also those that it inherits. */
function methodsOf(prototype: object): Map<string, () => unknown> {
  const parent: unknown = Object.getPrototypeOf(prototype);
  const found = typeof parent === 'object' && parent !== null ? methodsOf(parent) : new Map();
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const method: unknown = Reflect.get(prototype, name);
    if (typeof method === 'function' && Reflect.getMetadata(METHOD_METADATA, method) !== undefined) {
      found.set(name, method);
    }
  }
  return found;
}

describe.each(['false', 'true'])('with REQUIRE_VERIFIED_EMAIL=%s', (setting) => {
  let gateway: Gateway;
  let guard: RouteGuard;
  const rules = rulesWhere(setting === 'true');
  const ran: string[] = [];

  beforeAll(async () => {
    gateway = await startGateway({ REQUIRE_VERIFIED_EMAIL: setting, DEMO: 'true' }, undefined, {
      modules: [ProbeModule],
    });
    const get = <T extends object>(type: Type<T>): T => gateway.app.get(type, { strict: false });
    for (const { guard: type } of rules) {
      vi.spyOn(get(type), 'canActivate').mockImplementation(() => {
        ran.push(type.name);
        return true;
      });
    }
    guard = new RouteGuard(
      get(SessionGuard),
      get(RateLimitGuard),
      get(VerifiedEmailGuard),
      get(AccessGuard),
      get(StepUpGuard),
    );
  });

  afterAll(async () => {
    vi.restoreAllMocks();
    await gateway?.stop();
  });

  it('each route runs every guard that its decorators ask for, in their order, and no other', () => {
    const routes = routesOf(gateway);
    expect(routes.length).toBeGreaterThan(150);
    for (const { name, context, of } of routes) {
      ran.length = 0;
      expect(guard.canActivate(context)).toBe(true);
      const needed = rules.filter(({ isNeeded }) => isNeeded(of));
      expect([name, ...ran]).toEqual([name, ...needed.map(({ guard: { name: expected } }) => expected)]);
    }
  });

  it('a guard that is awaited keeps those after it waiting, and one that refuses ends it', async () => {
    const verdicts = (session: boolean | Promise<boolean>, access: boolean | Promise<boolean>): void => {
      ran.length = 0;
      for (const [type, verdict] of [
        [SessionGuard, session],
        [AccessGuard, access],
      ] as const) {
        vi.mocked(gateway.app.get(type, { strict: false }).canActivate).mockImplementationOnce(() => {
          ran.push(type.name);
          return verdict;
        });
      }
    };
    const route = routesOf(gateway).find(({ name }) => name === 'StrongController.shared');
    const context = route?.context ?? new ExecutionContextHost([]);
    const until = setting === 'true' ? ['SessionGuard', 'VerifiedEmailGuard'] : ['SessionGuard'];
    let find: (isFound: boolean) => void = () => undefined;
    const found = new Promise<boolean>((resolve) => {
      find = resolve;
    });
    verdicts(found, Promise.resolve(true));
    const verdict = guard.canActivate(context);
    await new Promise(setImmediate);
    expect(ran).toEqual(['SessionGuard']);
    find(true);
    expect(await verdict).toBe(true);
    expect(ran).toEqual([...until, 'AccessGuard', 'StepUpGuard']);
    for (const refusal of [false, Promise.resolve(false)]) {
      verdicts(true, refusal);
      expect(await guard.canActivate(context)).toBe(false);
      expect(ran).toEqual([...until, 'AccessGuard']);
    }
    verdicts(Promise.resolve(true), Promise.reject(new RangeError('refused')));
    await expect(guard.canActivate(context)).rejects.toThrow('refused');
    expect(ran).toEqual([...until, 'AccessGuard']);
  });
});
