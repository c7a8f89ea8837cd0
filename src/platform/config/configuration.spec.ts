import { randomBytes } from 'node:crypto';
import { isAbsolute } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigurationError, type Environment, loadConfiguration } from './configuration.js';

const SECRETS = randomBytes(32).toString('base64');
const ory = {
  KRATOS_PUBLIC_URL: 'http://kratos:4433',
  KRATOS_ADMIN_URL: 'http://kratos:4434',
  HYDRA_PUBLIC_URL: 'http://hydra:4444',
  HYDRA_ADMIN_URL: 'http://hydra:4445',
};
const auth0 = { AUTH0_DOMAIN: 'example.eu.auth0.com', AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SECRET: 'secret' };
const oidc = { OIDC_ISSUER: 'https://sso.example.org/', OIDC_CLIENT_ID: 'id', OIDC_CLIENT_SECRET: 'secret' };

/** Loads an environment, and returns its problems. */
function problemsOf(environment: Environment): readonly string[] {
  try {
    loadConfiguration(environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.problems;
    }
    throw error;
  }
}

describe('loadConfiguration', () => {
  it('Ory is the provider unless another is said, with defaults filled in', () => {
    const configuration = loadConfiguration({ SECRETS, ...ory });
    expect(configuration).toMatchObject({
      AUTH_PROVIDER: 'ory',
      PUBLIC_URL: 'http://localhost:3000',
      HOST: '127.0.0.1',
      PORT: 3000,
      TOKEN_AUDIENCE: 'http://localhost:3000',
      TOKEN_TTL: 600,
      SESSION_IDLE_TTL: 604_800,
      SESSION_MAX_TTL: 2_592_000,
      SPA_REDIRECT_URIS: ['http://localhost:3000/demo'],
      ALLOWED_CLIENT_IDS: ['vestibule', 'vestibule-spa'],
      ALLOWED_ORIGINS: [],
      TRUST_PROXY: [],
      DEMO: false,
      ...ory,
    });
    expect(configuration.DATABASE_URL).toMatch(/^file:.*\/\.data\/vestibule\.db$/);
    expect(isAbsolute(configuration.DATA_DIR)).toBe(true);
    expect(configuration.SECRETS).toHaveLength(1);
  });

  it('auth0: a host name means https, and nothing of another provider is there', () => {
    const configuration = loadConfiguration({ AUTH_PROVIDER: 'auth0', SECRETS, ...auth0, ...ory, ...oidc });
    expect(configuration).toMatchObject({ ...auth0, AUTH0_DOMAIN: 'https://example.eu.auth0.com' });
    const foreign = Object.keys(configuration).filter((name) =>
      /^(?:KRATOS|HYDRA|OIDC|SPA|ADMIN)_/.test(name),
    );
    expect(foreign).toEqual([]);
  });

  it('oidc: the issuer without the slash at its end, and nothing of another provider', () => {
    const configuration = loadConfiguration({ AUTH_PROVIDER: 'oidc', SECRETS, ...oidc, ...ory, ...auth0 });
    expect(configuration).toMatchObject({ ...oidc, OIDC_ISSUER: 'https://sso.example.org' });
    const foreign = Object.keys(configuration).filter((name) =>
      /^(?:KRATOS|HYDRA|AUTH0|SPA|ADMIN)_/.test(name),
    );
    expect(foreign).toEqual([]);
  });

  it('another provider is refused by the names there are', () => {
    expect(problemsOf({ AUTH_PROVIDER: 'okta', SECRETS })).toEqual([
      'AUTH_PROVIDER: must be ory, auth0 or oidc',
    ]);
  });

  it.each([
    ['ory', Object.keys(ory)],
    ['auth0', Object.keys(auth0)],
    ['oidc', Object.keys(oidc)],
  ])('%s: everything that is missing is said at once', (provider, names) => {
    expect(problemsOf({ AUTH_PROVIDER: provider })).toEqual(
      ['SECRETS', ...names].map((name) => `${name}: is missing`),
    );
  });

  it('everything that is wrong is said at once, by name', () => {
    const problems = problemsOf({
      SECRETS: 'short',
      ...ory,
      KRATOS_ADMIN_URL: 'kratos',
      PORT: '70000',
      TOKEN_TTL: '10',
      LOG_LEVEL: 'loud',
      ADMIN_EMAIL: 'nobody',
    });
    expect(problems.map((problem) => problem.split(':', 1)[0]).sort()).toEqual(
      ['SECRETS', 'KRATOS_ADMIN_URL', 'PORT', 'TOKEN_TTL', 'LOG_LEVEL', 'ADMIN_EMAIL'].sort(),
    );
  });

  it.each([
    ['nothing but blanks', ' '],
    ['nothing but blanks', '\t\r\n'],
    ['a control character', 'a\u0000b'],
    ['a control character', '\u001B[31mred'],
  ])('a value that has %s is refused, once and by its name, whatever the setting', (what, value) => {
    const settings = ['HOST', 'DATA_DIR', 'TOKEN_AUDIENCE', 'ALLOWED_CLIENT_IDS', 'REDIS_URL', 'TOKEN_TTL'];
    const named = [...settings, 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'ADMIN_EMAIL'];
    const environment = Object.fromEntries(named.map((name) => [name, value]));
    const expected = named.map((name) => `${name}: has ${what}`).toSorted();
    expect(problemsOf({ AUTH_PROVIDER: 'oidc', SECRETS, ...oidc, ...environment }).toSorted()).toEqual(
      expected,
    );
  });

  it('an audience that no cookie has room for is refused', () => {
    expect(problemsOf({ SECRETS, ...ory, TOKEN_AUDIENCE: 'a'.repeat(513) })).toEqual([
      'TOKEN_AUDIENCE: must have at most 512 characters',
    ]);
    expect(problemsOf({ SECRETS, ...ory, TOKEN_AUDIENCE: 'a'.repeat(512) })).toEqual([]);
  });

  it('an empty text counts as not set', () => {
    const configuration = loadConfiguration({ SECRETS, ...ory, PORT: '', ADMIN_EMAIL: '', TOKEN_TTL: '' });
    expect(configuration).toMatchObject({ PORT: 3000, TOKEN_TTL: 600 });
    expect(problemsOf({ SECRETS: '', ...ory })).toEqual(['SECRETS: is missing']);
  });

  it('the message lists the problems and says where each variable is explained', () => {
    expect(() => loadConfiguration({ SECRETS })).toThrow(
      /^The configuration is not valid:\n {2}KRATOS_PUBLIC_URL: is missing\n[^]*docs\/configuration\.md/,
    );
  });
});

describe('PUBLIC_URL', () => {
  it.each([
    'http://localhost:3000',
    'http://app.localhost',
    'http://127.0.0.1:1',
    'http://127.1:1',
    'http://[::1]:1',
    'https://a.example.org',
  ])('%s is taken', (PUBLIC_URL) => {
    expect(problemsOf({ SECRETS, ...ory, PUBLIC_URL })).toEqual([]);
  });

  it.each([
    'http://auth.example.org',
    'http://10.0.0.1',
    'http://0.0.0.0:3000',
    'http://localhost.example.org',
    'http://127.example.org',
    'http://127.0.0.1.example.org',
    'http://[::2]',
    'http://notlocalhost',
  ])('%s is refused: plain http on a host that is not this machine', (PUBLIC_URL) => {
    expect(problemsOf({ SECRETS, ...ory, PUBLIC_URL })).toEqual([
      'PUBLIC_URL: must be https, except for localhost and loopback addresses',
    ]);
  });

  it.each([
    'nonsense',
    'localhost:3000',
    'ftp://localhost',
    'https://user:pass@auth.example.org',
    'https://auth.example.org/path',
    'https://auth.example.org/?a=b',
    'https://auth.example.org/#a',
    'https://',
    '//auth.example.org',
  ])('%s is refused: not an origin', (PUBLIC_URL) => {
    const problems = problemsOf({ SECRETS, ...ory, PUBLIC_URL });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(/^PUBLIC_URL: must be an/);
  });

  it('the port to listen on follows from it on plain http, and is 3000 behind https', () => {
    const portFor = (PUBLIC_URL: string): number => loadConfiguration({ SECRETS, ...ory, PUBLIC_URL }).PORT;
    expect(portFor('http://localhost:4123')).toBe(4123);
    expect(portFor('http://localhost')).toBe(80);
    expect(portFor('https://auth.example.org')).toBe(3000);
  });

  it('a slash at its end is dropped', () => {
    const { PUBLIC_URL } = loadConfiguration({ SECRETS, ...ory, PUBLIC_URL: 'https://auth.example.org/' });
    expect(PUBLIC_URL).toBe('https://auth.example.org');
  });
});

describe('other settings', () => {
  it.each(['10', '10 m', '1.5h', '-1m', '0s', '10M', '10ms', 'm', '1e3s', '9999999999s', '١s'])(
    'duration %j is refused',
    (TOKEN_TTL) => {
      expect(problemsOf({ SECRETS, ...ory, TOKEN_TTL })).toEqual([
        'TOKEN_TTL: must be a whole number with a unit, such as 90s, 10m, 12h or 30d, and at most 36500d',
      ]);
    },
  );

  it('lives that contradict each other are refused', () => {
    const lives = { TOKEN_TTL: '2d', SESSION_IDLE_TTL: '1d', SESSION_MAX_TTL: '12h' };
    expect(problemsOf({ SECRETS, ...ory, ...lives })).toEqual([
      'SESSION_IDLE_TTL: must not be longer than SESSION_MAX_TTL',
      'TOKEN_TTL: must not be longer than SESSION_IDLE_TTL',
    ]);
  });

  it.each(['0', '65536', '-1', '3000x', '0x10', '1.5', ' 80'])('PORT %j is refused', (PORT) => {
    expect(problemsOf({ SECRETS, ...ory, PORT })).toEqual(['PORT: must be a port number from 1 to 65535']);
  });

  it.each(['mysql://db', 'postgres:', 'db.sqlite', 'file:'])('DATABASE_URL %j is refused', (DATABASE_URL) => {
    expect(problemsOf({ SECRETS, ...ory, DATABASE_URL })).toHaveLength(1);
  });

  const nodes = 'redis://user:a,b@one:7000, redis://two:7000/,redis://[::1]:7000';

  it.each([
    { REDIS_CLUSTER: 'true' },
    { REDIS_SENTINEL_MASTER: 'mymaster', REDIS_SENTINEL_PASSWORD: 'it,is' },
  ])('several addresses of Redis are a list, with commas in a password: %j', (settings) => {
    const { REDIS_URL } = loadConfiguration({ SECRETS, ...ory, ...settings, REDIS_URL: nodes });
    expect(REDIS_URL).toEqual(['redis://user:a,b@one:7000', 'redis://two:7000/', 'redis://[::1]:7000']);
  });

  it.each([
    [
      { REDIS_URL: nodes },
      'REDIS_URL: must be one URL, unless REDIS_SENTINEL_MASTER or REDIS_CLUSTER is set',
    ],
    [{ REDIS_CLUSTER: 'true' }, 'REDIS_URL: is missing, and REDIS_SENTINEL_MASTER or REDIS_CLUSTER is set'],
    [
      { REDIS_URL: nodes, REDIS_CLUSTER: 'true', REDIS_SENTINEL_MASTER: 'a' },
      'REDIS_CLUSTER: must not be true if REDIS_SENTINEL_MASTER is set',
    ],
    [
      { REDIS_URL: 'redis://a,rediss://b', REDIS_CLUSTER: 'true' },
      'REDIS_URL: must have redis:// in all of its URLs, or rediss:// in all',
    ],
    ...['redis://u:p@a,redis://u:q@b', 'redis://a,redis://u:p@b', 'redis://a/1,redis://b/2'].map(
      (REDIS_URL): [Record<string, string>, string] => [
        { REDIS_URL, REDIS_SENTINEL_MASTER: 'mymaster' },
        'REDIS_URL: must have user, password and database number in its first URL only, or the same in all',
      ],
    ),
    [
      { REDIS_URL: 'redis://:50%off@a' },
      'REDIS_URL: has a % in user or password that escapes nothing: write it as %25',
    ],
    [
      { SMTP_URL: 'smtp://u:50%off@a' },
      'SMTP_URL: has a % in user or password that escapes nothing: write it as %25',
    ],
    [
      { REDIS_URL: 'redis://a/b' },
      'REDIS_URL: may have nothing but the number of a database after the address',
    ],
    [
      { REDIS_URL: 'redis://a/5', REDIS_CLUSTER: 'true' },
      'REDIS_URL: must name no database, which a cluster does not have',
    ],
    ...['redis://a,b,c', 'redis://a,'].map((REDIS_URL): [Record<string, string>, string] => [
      { REDIS_URL, REDIS_CLUSTER: 'true' },
      'REDIS_URL: must start with redis:// or rediss://, and so must each further URL',
    ]),
    [
      { SESSION_MAX_TTL: '36501d' },
      'SESSION_MAX_TTL: must be a whole number with a unit, such as 90s, 10m, 12h or 30d, and at most 36500d',
    ],
    [
      { REDIS_URL: 'redis://a:1,b:2,redis://c', REDIS_CLUSTER: 'true' },
      'REDIS_URL: must start with redis:// or rediss://, and so must each further URL',
    ],
    [
      { REDIS_URL: 'redis://a:1,b:2' },
      'REDIS_URL: must start with redis:// or rediss://, and so must each further URL',
    ],
  ])('%j is refused', (settings, problem) => {
    expect(problemsOf({ SECRETS, ...ory, ...settings })).toEqual([problem]);
  });

  it.each(['admin1234567', 'Password12345', 'changeme-changeme', 'letmein-letmein', '123456789012'])(
    'default admin password %j is refused [W17]',
    (ADMIN_PASSWORD) => {
      expect(problemsOf({ SECRETS, ...ory, ADMIN_PASSWORD })).toEqual([
        'ADMIN_PASSWORD: must not be a default password',
      ]);
    },
  );

  it.each(['debug', 'trace'])(
    'LOG_LEVEL %s is refused in production, and nowhere else [W17]',
    (LOG_LEVEL) => {
      expect(problemsOf({ SECRETS, ...ory, LOG_LEVEL, NODE_ENV: 'production' })).toEqual([
        'LOG_LEVEL: debug and trace are for development, and NODE_ENV is production',
      ]);
      expect(problemsOf({ SECRETS, ...ory, LOG_LEVEL })).toEqual([]);
    },
  );

  it('a list of domains without a domain is refused, and does not mean every domain', () => {
    expect(problemsOf({ SECRETS, ...ory, EMAIL_DOMAINS: ',' })).toEqual([
      'EMAIL_DOMAINS: must name a domain',
    ]);
  });

  it('a short admin password is refused [W17]', () => {
    expect(problemsOf({ SECRETS, ...ory, ADMIN_PASSWORD: 'short' })).toEqual([
      'ADMIN_PASSWORD: must have at least 12 characters',
    ]);
  });

  it.each(['null', '*', 'https://a.example.org/path', 'a.example.org'])(
    'ALLOWED_ORIGINS %j is refused',
    (entry) => {
      const problems = problemsOf({ SECRETS, ...ory, ALLOWED_ORIGINS: `https://b.example.org,${entry}` });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatch(/^ALLOWED_ORIGINS: /);
    },
  );
});
