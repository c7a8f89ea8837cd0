import { describe, expect, it } from 'vitest';
import { ConfigurationError, loadConfiguration } from './configuration.js';
import { ratePolicyDefaults } from './rate-limit.parser.js';

const base = {
  AUTH_PROVIDER: 'auth0',
  AUTH0_DOMAIN: 'example.eu.auth0.com',
  AUTH0_CLIENT_ID: 'client',
  AUTH0_CLIENT_SECRET: 'client-secret',
  SECRETS: 'd1e8a70b5ccab1dc2f56bbf7e99f064a660c08e361a35751b9c483c88943d082',
};

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfiguration({ ...base, ...env });
    return [];
  } catch (error) {
    return error instanceof ConfigurationError ? error.problems : ['another error'];
  }
}

describe('limits', () => {
  it('are on, with the defaults and without exceptions', () => {
    const configuration = loadConfiguration(base);
    expect(configuration.RATE_LIMIT).toBe(true);
    expect(configuration.RATE_LIMIT_ALLOW).toEqual([]);
    expect(configuration.RATE_LIMIT_POLICIES).toEqual(ratePolicyDefaults);
  });

  it('no account can be guessed at more than 100 times in a window (NIST SP 800-63B)', () => {
    expect(ratePolicyDefaults['login-account'].points).toBeLessThanOrEqual(100);
    expect(ratePolicyDefaults['login-pair'].points).toBeLessThan(ratePolicyDefaults['login-account'].points);
  });

  it('RATE_LIMIT_POLICIES changes what it names', () => {
    const { RATE_LIMIT_POLICIES } = loadConfiguration({
      ...base,
      RATE_LIMIT_POLICIES: 'login-pair=5/30m, start-address=1000000/1d',
    });
    expect(RATE_LIMIT_POLICIES).toEqual({
      ...ratePolicyDefaults,
      'login-pair': { points: 5, window: 1800 },
      'start-address': { points: 1_000_000, window: 86_400 },
    });
  });

  it.each([
    'login-pair',
    'login-pair=5',
    'login-pair=0/15m',
    'login-pair=-1/15m',
    'login-pair=5/15',
    'login-pair=5/0m',
    'login-pair=5/2d',
    'login-pair=10000000/1h',
    'login=5/15m',
    '__proto__=5/15m',
    'constructor=5/15m',
    'login-pair=5/15m=6',
  ])('RATE_LIMIT_POLICIES=%s is refused', (RATE_LIMIT_POLICIES) => {
    const problems = problemsOf({ RATE_LIMIT_POLICIES });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^RATE_LIMIT_POLICIES: entry 1 must be policy=count\/window/);
  });

  it.each(['192.0.2.1', '192.0.2.0/24', '0.0.0.0/0', '2001:db8::/32', '::1', '::ffff:192.0.2.1', '::/128'])(
    'RATE_LIMIT_ALLOW=%s is fine',
    (RATE_LIMIT_ALLOW) => {
      expect(problemsOf({ RATE_LIMIT_ALLOW })).toEqual([]);
    },
  );

  it.each(['localhost', '192.0.2.1/33', '192.0.2', '2001:db8::/129', '1.2.3.4/', '1.2.3.4/8/8', '1.2.3.4/x'])(
    'RATE_LIMIT_ALLOW=%s is refused',
    (RATE_LIMIT_ALLOW) => {
      expect(problemsOf({ RATE_LIMIT_ALLOW })).toEqual([
        'RATE_LIMIT_ALLOW: must be IP addresses or CIDR ranges',
      ]);
    },
  );
});
