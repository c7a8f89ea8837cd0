import { Controller, Get, Module, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Gateway,
  type GatewayAnswer,
  type HeldSession,
  startGateway,
} from '../../../test/support/gateway.js';
import { OptionalSession, Public } from './access.decorators.js';
import { RequireAal2, RequireAuthAge } from './step-up.decorators.js';

@Controller('plain')
class PlainController {
  @Get()
  open(): string {
    return 'ok';
  }

  @Get('aged')
  @RequireAuthAge(300)
  aged(): string {
    return 'ok';
  }

  @Post('aged')
  @RequireAuthAge(300)
  change(): string {
    return 'ok';
  }

  @Get('strong')
  @RequireAal2()
  strong(): string {
    return 'ok';
  }

  @Get('both')
  @RequireAuthAge(300)
  @RequireAal2()
  both(): string {
    return 'ok';
  }

  @Get('optional')
  @OptionalSession()
  @RequireAuthAge(300)
  optional(): string {
    return 'ok';
  }

  @Get('public')
  @Public()
  @RequireAuthAge(300)
  public(): string {
    return 'ok';
  }
}

@Controller('careful')
@RequireAuthAge(300)
class CarefulController {
  @Get()
  inherited(): string {
    return 'ok';
  }

  @Get('stricter')
  @RequireAuthAge(60)
  stricter(): string {
    return 'ok';
  }

  @Get('looser')
  @RequireAuthAge(3600)
  looser(): string {
    return 'ok';
  }

  @Get('strong')
  @RequireAal2()
  strong(): string {
    return 'ok';
  }
}

@Module({ controllers: [PlainController, CarefulController] })
class AdopterModule {}

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway({}, undefined, { modules: [AdopterModule] });
});

afterAll(async () => {
  await gateway?.stop();
});

/** A session whose credentials were given this many seconds ago. */
async function session(secondsAgo: number, acr: 'aal1' | 'aal2' = 'aal1'): Promise<HeldSession> {
  return gateway.session({}, {}, { acr, authTime: Date.now() - secondsAgo * 1000 });
}

async function statusFor(path: string, held: HeldSession): Promise<number> {
  return (await gateway.request(path, { headers: { cookie: held.cookie } })).status;
}

function bodyOf(answer: GatewayAnswer): unknown {
  return answer.json();
}

const stepUp = { status: 401, code: 'reauthentication_required', title: 'Log in again for this' };
const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

describe('@RequireAuthAge', () => {
  it.each([
    ['just now', 0, 200],
    ['a minute ago', 60, 200],
    ['well within the limit', 295, 200],
    ['beyond the limit', 302, 401],
    ['long ago', 86_400, 401],
    ['in the future, by a clock that is ahead', -20, 200],
  ])('credentials given %s (%d s): %d', async (_when, secondsAgo, status) => {
    expect(await statusFor('/plain/aged', await session(secondsAgo))).toBe(status);
  });

  it('exactly at the limit passes, a second later it does not', async () => {
    const held = await session(0);
    const limit = held.claims.auth_time + 300;
    const clockAt = (seconds: number): void => gateway.shiftClock(seconds + 0.5 - Date.now() / 1000);
    try {
      clockAt(limit);
      expect(await statusFor('/plain/aged', held)).toBe(200);
      clockAt(limit + 1);
      expect(await statusFor('/plain/aged', held)).toBe(401);
    } finally {
      gateway.shiftClock(0);
    }
  });

  it('the answer says how, for programs (RFC 9470) and for the page that asked', async () => {
    const { cookie } = await session(400);
    const answer = await gateway.request('/plain/aged', { headers: { cookie } });
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="300"',
    );
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(bodyOf(answer)).toEqual({
      ...stepUp,
      type: 'about:blank',
      loginUrl: '/auth/login?max_age=300',
      requestId: expect.any(String),
    });
  });

  it('a bearer is answered alike, whatever it accepts, and never redirected by a script', async () => {
    const { bearer } = await session(400);
    const answer = await gateway.request('/plain/aged', { headers: { authorization: bearer } });
    expect(answer.status).toBe(401);
    expect(bodyOf(answer)).toMatchObject({ ...stepUp, loginUrl: '/auth/login?max_age=300' });
    const fresh = await session(10);
    expect((await gateway.request('/plain/aged', { headers: { authorization: fresh.bearer } })).status).toBe(
      200,
    );
  });

  it('a page load is sent to log in, and back to where it wanted to go', async () => {
    const { cookie } = await session(400);
    const answer = await gateway.request('/plain/aged?tab=2&x=%2F', { headers: { cookie, ...navigation } });
    expect(answer.status).toBe(302);
    const target = new URL(answer.headers['location'] ?? '', 'https://auth.example.test');
    expect([
      target.pathname,
      target.searchParams.get('max_age'),
      target.searchParams.get('return_to'),
    ]).toEqual(['/auth/login', '300', '/plain/aged?tab=2&x=%2F']);
  });

  it('a form that was sent gets a page with the way on, and no redirect that would lose what it said', async () => {
    const { cookie } = await session(400);
    const answer = await gateway.request('/plain/aged', {
      method: 'POST',
      headers: {
        cookie,
        ...navigation,
        origin: 'https://auth.example.test',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'a=b',
    });
    expect(answer.status).toBe(401);
    expect(answer.text).toContain('href="/auth/login?max_age=300"');
  });

  it.each([30, 31_536_000])('%d seconds are taken', (seconds) => {
    expect(RequireAuthAge(seconds)).toBeTypeOf('function');
  });

  it.each([0, -1, 29, 1.5, NaN, Infinity, 31_536_001])(
    '%d seconds are refused where they are written',
    (seconds) => {
      expect(() => RequireAuthAge(seconds)).toThrow(RangeError);
    },
  );
});

describe('@RequireAal2', () => {
  it.each([
    ['aal1', 401],
    ['aal2', 200],
  ] as const)('%s: %d', async (acr, status) => {
    expect(await statusFor('/plain/strong', await session(0, acr))).toBe(status);
    const { bearer } = await session(0, acr);
    const answer = await gateway.request('/plain/strong', { headers: { authorization: bearer } });
    expect(answer.status).toBe(status);
  });

  it('the answer says how', async () => {
    const { cookie } = await session(0);
    const answer = await gateway.request('/plain/strong', { headers: { cookie } });
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", acr_values="aal2"',
    );
    expect(bodyOf(answer)).toMatchObject({ ...stepUp, loginUrl: '/auth/login?acr_values=aal2' });
    const page = await gateway.request('/plain/strong', { headers: { cookie, ...navigation } });
    expect(page.headers['location']).toBe('/auth/login?acr_values=aal2&return_to=%2Fplain%2Fstrong');
  });
});

describe('both', () => {
  it.each([
    [0, 'aal2', 200],
    [400, 'aal2', 401],
    [0, 'aal1', 401],
    [400, 'aal1', 401],
  ] as const)('%d s old and %s: %d', async (secondsAgo, acr, status) => {
    const held = await session(secondsAgo, acr);
    for (const path of ['/plain/both', '/careful/strong']) {
      expect(await statusFor(path, held)).toBe(status);
    }
  });

  it('the answer asks for both, so that one login is enough', async () => {
    const { cookie } = await session(0);
    const answer = await gateway.request('/plain/both', { headers: { cookie } });
    expect(answer.headers['www-authenticate']).toBe(
      'Bearer error="insufficient_user_authentication", max_age="300", acr_values="aal2"',
    );
    expect(bodyOf(answer)).toMatchObject({ loginUrl: '/auth/login?max_age=300&acr_values=aal2' });
  });

  it.each([
    ['/careful', 200, 200, 401],
    ['/careful/stricter', 200, 401, 401],
    ['/careful/looser', 200, 200, 401],
  ])('on the class and on the method, the stricter holds: %s', async (path, ...statuses) => {
    const held = await Promise.all([30, 120, 400].map(async (secondsAgo) => session(secondsAgo)));
    expect(await Promise.all(held.map(async (one) => statusFor(path, one)))).toEqual(statuses);
  });
});

describe('who is nobody', () => {
  it('gets 401 like anywhere, not a step-up', async () => {
    const answer = await gateway.request('/plain/aged');
    expect(bodyOf(answer)).toMatchObject({ status: 401, code: 'unauthenticated' });
    expect(bodyOf(answer)).not.toHaveProperty('loginUrl');
  });

  it('is not let in by an optional session either; who is known is held to the limit', async () => {
    expect(bodyOf(await gateway.request('/plain/optional'))).toMatchObject({ code: 'unauthenticated' });
    expect(await statusFor('/plain/optional', await session(0))).toBe(200);
    expect(await statusFor('/plain/optional', await session(400))).toBe(401);
  });

  it('on a public route, which looks at no session, nothing opens it: 403, and no redirect that would not end', async () => {
    const { cookie } = await session(0);
    for (const headers of [{}, { cookie }, { cookie, ...navigation }]) {
      const answer = await gateway.request('/plain/public', { headers });
      expect([answer.status, answer.headers['location']]).toEqual([403, undefined]);
    }
  });
});

it('routes without either are as before', async () => {
  expect(await statusFor('/plain', await session(86_400))).toBe(200);
});
