import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { commonVariables } from './common.variables.js';
import { loadConfiguration } from './configuration.js';
import { guardedVariables, productionProblems } from './production.check.js';
import { auth0Variables, oidcVariables, oryVariables } from './provider.variables.js';
import { secret } from './secret.parser.js';
import { variableDocs } from './variable.js';

const root = new URL('../../../', import.meta.url);
const shapes: Readonly<Record<string, z.ZodType>> = Object.assign(
  {},
  ...[commonVariables, oryVariables, auth0Variables, oidcVariables].map(({ shape }) => shape),
);
const isSecret = (name: string): boolean => {
  const schema = shapes[name];
  return schema !== undefined && variableDocs.get(schema)?.secret === true;
};

/** All files from which people copy settings. */
const files = [
  'README.md',
  '.env.example',
  ...['docs', 'docker'].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name}`,
    ),
  ),
].filter(
  (path) =>
    !/^docker\/(?:secrets\/|\.env$)|\.(?:png|sum|mod|go)$/.test(path) &&
    statSync(new URL(path, root)).isFile(),
);
const texts = new Map(files.map((path) => [path, readFileSync(new URL(path, root), 'utf8')]));

/** Whether a text is a value, and not a placeholder that a shell, compose or a template fills in. */
const isValue = (text: string): boolean => text !== '' && !/\$[({]|^\$\w|^`/.test(text);

/** Each value that a file sets for one of our variables: `NAME=value`, `NAME: value`, `"NAME": "value"`. */
const examples = [...texts].flatMap(([path, text]) =>
  [...text.matchAll(/(?<![\w$])["']?([A-Z][A-Z0-9_]+)["']?(?:=|: )(?:"([^"\n]*)"|'([^'\n]*)'|([^\s`|"']*))/g)]
    .map(([, name = '', double, single, bare]) => ({ path, name, value: double ?? single ?? bare ?? '' }))
    .filter(({ name, value }) => name in shapes && isValue(value)),
);
const refusals = (name: string, value: string): readonly string[] => [
  ...productionProblems({ [name]: value }),
  ...(shapes[name]?.safeParse(value).error?.issues ?? []).map(({ message }) => message),
];

describe('what stands in the documentation', () => {
  it('is read at all: every file, and secrets and addresses among it', () => {
    expect(files.length).toBeGreaterThan(40);
    expect(examples.length).toBeGreaterThan(60);
    expect(examples.filter(({ name }) => isSecret(name)).length).toBeGreaterThan(5);
  });

  it('every variable that is declared secret is looked at', () => {
    const declared = Object.keys(shapes).filter((name) => isSecret(name));
    expect(guardedVariables.toSorted()).toEqual(declared.toSorted());
  });

  const withSecrets = examples.filter(
    ({ name, value }) => isSecret(name) && (!/^\w+:/.test(value) || /^\w+:\/\/[^/\s]*:[^/\s]+@/.test(value)),
  );

  it.each(withSecrets)(
    '$path: the secret in $name=$value is refused in production [W17]',
    ({ name, value }) => {
      expect(refusals(name, value)).not.toEqual([]);
    },
  );

  const addresses = examples.filter(({ value }) => /\bexample\.(?:com|net|org)\b/.test(value));

  it.each(addresses)(
    '$path: the address in $name=$value is refused in production [W17]',
    ({ name, value }) => {
      expect(productionProblems({ [name]: value })).toHaveLength(1);
    },
  );

  it('the examples of Auth0 settings are refused too: that tenant is somebody’s', () => {
    for (const [name, schema] of Object.entries(auth0Variables.shape)) {
      const example = variableDocs.get(schema)?.example;
      expect(example === undefined || productionProblems({ [name]: example }).length === 1).toBe(true);
    }
  });

  it.each([...texts])('%s holds no text that would pass for a secret', (_path, text) => {
    const candidates = (text.match(/(?<![\w+/-])[\w+/-]{43,}={0,2}(?![\w+/-])/g) ?? []).filter(
      (word) => /^[\da-f]+$/i.test(word) || (/\d/.test(word) && /[A-Z]/.test(word) && /[a-z]/.test(word)),
    );
    // Flame graphs hold names of V8's own functions.
    const own = candidates.filter((word) => !word.startsWith('Builtins_'));
    expect(own.filter((word) => secret.safeParse(word).success)).toEqual([]);
  });
});

describe('production', () => {
  const password = randomBytes(24).toString('base64url');
  const social = (client_secret: string): string =>
    JSON.stringify([{ id: 'corp', provider: 'generic', client_id: 'front-door', client_secret }]);

  it.each([
    ['ADMIN_PASSWORD', 'please-change-me'],
    ['DATABASE_URL', 'postgres://vestibule:postgres@db.internal/vestibule'],
    ['DATABASE_URL', 'postgres://vestibule:p%61ssword@db.internal/vestibule'],
    ['REDIS_URL', 'redis://:secret@redis.internal:6379'],
    ['REDIS_URL', 'redis://one.internal:7000,redis://:secret@two.internal:7000'],
    ['REDIS_SENTINEL_PASSWORD', 'changeme'],
    ['SMTP_URL', 'smtps://user:password@mail.internal:465/'],
    ['AUTH0_CLIENT_SECRET', 'your-client-secret'],
    ['OIDC_CLIENT_SECRET', '<client secret>'],
    ['OIDC_CLIENT_SECRET', 'xxxxxxxxxxxxxxxx'],
    ['SOCIAL_PROVIDERS', social('changeme')],
    ['CONNECTIONS', '[{"id":"staff","bind_password":"changeme"}]'],
    ['CONNECTIONS', '[{"id":"company","client_secret":"changeme"}]'],
    ['PUBLIC_URL', 'https://auth.example.org'],
    ['ALLOWED_ORIGINS', 'https://app.internal,https://app.EXAMPLE.com:8443'],
    ['OIDC_ISSUER', 'https://sso.example.net/realms/main'],
    ['ADMIN_EMAIL', 'admin@example.org'],
  ])('%s=%s is refused by name, and the message does not hold the value [W17]', (name, value) => {
    const [problem = '', ...more] = productionProblems({ [name]: value });
    expect([problem.split(':', 1)[0], more]).toEqual([name, []]);
    expect(problem).not.toContain(value);
  });

  const environment = {
    SECRETS: randomBytes(32).toString('base64'),
    PUBLIC_URL: 'https://auth.example.test',
    AUTH_PROVIDER: 'auth0',
    AUTH0_DOMAIN: 'front-door.eu.auth0.com',
    AUTH0_CLIENT_ID: randomBytes(16).toString('hex'),
    AUTH0_CLIENT_SECRET: randomBytes(32).toString('base64url'),
  };

  it.each([
    ['AUTH0_CLIENT_SECRET', 'your-client-secret'],
    ['PUBLIC_URL', 'https://auth.example.org'],
  ])('is what decides: %s=%s is taken elsewhere [W17]', (name, value) => {
    const values = { ...environment, [name]: value };
    expect(() => loadConfiguration({ ...values, NODE_ENV: 'production' })).toThrow(
      new RegExp(`^The configuration is not valid:\\n {2}${name}: is [^\\n]*, and NODE_ENV is production\\n`),
    );
    for (const NODE_ENV of [undefined, 'development', 'test']) {
      expect(() => loadConfiguration({ ...values, NODE_ENV })).not.toThrow();
    }
  });

  it.each([undefined, 'development', 'production'])(
    'plain http is for loopback alone, also when NODE_ENV is %s [W17]',
    (NODE_ENV) => {
      for (const PUBLIC_URL of [
        'http://auth.internal',
        'http://10.0.0.1:3000',
        'http://127.0.0.1.nip.internal',
      ]) {
        expect(() => loadConfiguration({ ...environment, PUBLIC_URL, NODE_ENV })).toThrow(
          'PUBLIC_URL: must be https, except for localhost and loopback addresses',
        );
      }
      for (const PUBLIC_URL of ['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000']) {
        expect(() => loadConfiguration({ ...environment, PUBLIC_URL, NODE_ENV })).not.toThrow();
      }
    },
  );

  it('plain http for pages that get tokens is for loopback, and for a PUBLIC_URL that is http itself [H08]', () => {
    const PUBLIC_URL = 'https://auth.internal';
    for (const name of ['SPA_REDIRECT_URIS', 'ALLOWED_ORIGINS']) {
      const wrong = `${name}: has an http address beyond loopback although PUBLIC_URL is https, and NODE_ENV is production`;
      expect(productionProblems({ PUBLIC_URL, [name]: 'https://a.internal, http://app.internal' })).toEqual([
        wrong,
      ]);
      expect(productionProblems({ PUBLIC_URL, [name]: 'http://127.0.0.1.nip.internal' })).toEqual([wrong]);
      for (const right of [
        'https://app.internal',
        'http://localhost:5173',
        'http://127.0.0.1:1',
        'http://[::1]:1',
      ]) {
        expect(productionProblems({ PUBLIC_URL, [name]: right })).toEqual([]);
      }
      expect(
        productionProblems({ PUBLIC_URL: 'http://localhost:3000', [name]: 'http://app.internal' }),
      ).toEqual([]);
    }
  });

  it('what is random, and addresses of one’s own, are taken', () => {
    for (let count = 0; count < 200; count += 1) {
      const random = randomBytes(32).toString('base64url');
      expect(
        productionProblems({
          SECRETS: random,
          ADMIN_PASSWORD: randomBytes(12).toString('hex'),
          DATABASE_URL: `postgres://vestibule:${random}@db.internal/vestibule`,
          OIDC_CLIENT_SECRET: random,
          SOCIAL_PROVIDERS: social(random),
        }),
      ).toEqual([]);
    }
    expect(
      productionProblems({
        PUBLIC_URL: 'https://auth.my-example.org',
        TOKEN_AUDIENCE: 'https://api.example.org.uk',
        ADMIN_EMAIL: 'admin@vestibule.example',
        DATABASE_URL: 'postgres://vestibule@db.internal/vestibule',
        KRATOS_ADMIN_URL: 'http://kratos:4434',
        REDIS_URL: `redis://:${password}@redis:6379`,
        SOCIAL_PROVIDERS: 'not JSON',
        LOG_LEVEL: 'info',
      }),
    ).toEqual([]);
  });
});
