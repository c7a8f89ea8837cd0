import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { newSecret, providerEnv } from '../support/gateway.js';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** Runs the built program, which has to end by itself. @returns its exit code and everything that it wrote. */
async function boot(env: Readonly<Record<string, string>>): Promise<{ code: unknown; output: string }> {
  return new Promise((resolve) => {
    const options = { env: { PATH: process.env['PATH'] ?? '', ...env }, timeout: 25_000 };
    execFile(process.execPath, [program], options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, output: stdout + stderr });
    });
  });
}

const wrong: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  [
    'a placeholder for a secret, a default admin password and debug in production [W17]',
    {
      SECRETS: 'please-change-this-secret-0123456789-abcdefghijk',
      ADMIN_PASSWORD: 'changeme-changeme',
      LOG_LEVEL: 'trace',
    },
  ],
  [
    'bytes that count for a secret, two halves of the Internet as proxies [W17] [H08]',
    {
      SECRETS: Buffer.from(Array.from({ length: 32 }, (_, index) => index)).toString('hex'),
      TRUST_PROXY: '0.0.0.0/1,128.0.0.0/1',
    },
  ],
  [
    'a short secret, both halves of IPv6 as proxies [W17] [H08]',
    { SECRETS: randomBytes(16).toString('hex'), TRUST_PROXY: '::/1,8000::/1' },
  ],
  ['a row of the keyboard as the admin password [W17]', { ADMIN_PASSWORD: 'qwertyuiopas' }],
  ['digits in a row as the admin password [W17]', { ADMIN_PASSWORD: '098765432109' }],
  [
    "the administrator's own address as the admin password, all of IPv4 in another form as proxies, plain http where pages get tokens, and debug lines where production is written in another case [W17] [H08]",
    {
      ADMIN_PASSWORD: 'admin@example.test',
      TRUST_PROXY: '::ffff:0.0.0.0/96',
      SPA_REDIRECT_URIS: 'http://app.internal/callback',
      ALLOWED_ORIGINS: 'http://app.internal',
      NODE_ENV: 'Production',
      LOG_LEVEL: 'debug',
    },
  ],
  [
    'an address of a metadata service, whatever way it is written, or its name, with a dot at its end [W16] [H08]',
    {
      HYDRA_ADMIN_URL: 'http://169.254.169.254',
      KRATOS_ADMIN_URL: 'http://2852039166/latest',
      HYDRA_PUBLIC_URL: 'http://metadata.google.internal.',
      KRATOS_PUBLIC_URL: 'http://Metadata.Google.Internal',
    },
  ],
];

it.each(wrong)('no boot with %s', async (_what, values) => {
  const [port = 0] = await findFreePorts(1);
  const { code, output } = await boot({
    ...providerEnv.ory,
    PUBLIC_URL: 'https://auth.example.test',
    PORT: String(port),
    NODE_ENV: 'production',
    SECRETS: newSecret(),
    ADMIN_EMAIL: 'admin@example.test',
    ...values,
  });
  expect(code).toBeGreaterThan(0);
  const named = [...output.matchAll(/^ {2}([A-Z_]+):/gm)].map(([, name]) => name);
  // NODE_ENV isn't wrong itself.
  expect(named.toSorted()).toEqual(
    Object.keys(values)
      .filter((name) => name !== 'NODE_ENV')
      .toSorted(),
  );
  for (const value of Object.values(values).filter(
    (value) => !['trace', 'debug', 'Production'].includes(value),
  )) {
    expect(output).not.toContain(value);
  }
  // Not a line of a log: it ended before it was a gateway.
  expect(output).not.toContain('{"level"');
});
