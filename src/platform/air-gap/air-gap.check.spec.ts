import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { isInside } from './air-gap-address.js';
import { type HostResolver, assertInside, assertNoMetadata } from './air-gap.check.js';
import { ConfigurationError, loadConfiguration } from '../config/configuration.js';
import { ownFeatures } from '../../app/features.js';

const ory = {
  SECRETS: randomBytes(32).toString('base64'),
  AIR_GAPPED: 'true',
  PUBLIC_URL: 'https://auth.example.org',
  KRATOS_PUBLIC_URL: 'http://kratos:4433',
  KRATOS_ADMIN_URL: 'http://10.1.2.3:4434',
  HYDRA_PUBLIC_URL: 'http://[fd12:3456::1]:4444',
  HYDRA_ADMIN_URL: 'http://hydra.internal:4445',
};
const { SECRETS, AIR_GAPPED } = ory;
const auth0 = { AUTH0_CLIENT_ID: 'id', AUTH0_CLIENT_SECRET: 'secret' };
const oidc = { OIDC_CLIENT_ID: 'id', OIDC_CLIENT_SECRET: 'secret' };

/** Names of the test network, with their addresses. No other name resolves. */
const names: Readonly<Record<string, readonly string[]>> = {
  kratos: ['172.20.0.5'],
  'hydra.internal': ['192.168.4.5', 'fd00::5'],
  'both.example': ['10.0.0.1', '198.51.100.7'],
  'public.example': ['2001:db8::7'],
  ai: ['203.0.113.9'],
  'metadata.example': ['169.254.169.254'],
};
const resolver: HostResolver = async (host) => names[host] ?? Promise.reject(new Error('ENOTFOUND'));

/** The names of the variables that `assertInside` refuses. */
async function refused(
  environment: Readonly<Record<string, string>>,
  own: HostResolver = resolver,
): Promise<readonly string[]> {
  try {
    await assertInside(loadConfiguration(environment, ownFeatures), own);
    return [];
  } catch (error) {
    if (error instanceof ConfigurationError) {
      return error.problems.map((problem) => problem.split(':')[0] ?? '');
    }
    throw error;
  }
}

describe('addresses', () => {
  it.each([
    '127.0.0.1',
    '10.255.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '::1',
    'fd12::1',
    '::ffff:10.0.0.1',
  ])('%s is inside', (address) => expect(isInside(address)).toBe(true));
  it.each([
    '8.8.8.8',
    '172.15.255.255',
    '172.32.0.1',
    '192.169.0.1',
    '100.64.0.1',
    '0.0.0.0',
    '169.254.1.1',
    '169.254.169.254',
    '::',
    'fe80::1',
    'fd00:ec2::254',
    'fd20:ce::254',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    '64:ff9b::a00:1',
    'localhost',
    '',
  ])('%s is not', (address) => expect(isInside(address)).toBe(false));
});

describe('a configuration', () => {
  it('whose hosts are all inside is taken, with PUBLIC_URL of any name', async () => {
    const more = {
      DATABASE_URL: 'postgres://vestibule:pass@10.0.0.9/vestibule',
      REDIS_URL: 'redis://:pass@localhost:6379',
      SMTP_URL: 'smtps://user:pass@192.168.0.25:465/',
      BACKCHANNEL_LOGOUT_URL: 'http://kratos:3000/auth/backchannel-logout',
    };
    expect(await refused({ ...ory, ...more }, async (host) => names[host] ?? ['127.0.0.1'])).toEqual([]);
  });

  it.each([
    ['KRATOS_PUBLIC_URL', 'http://198.51.100.1:4433'],
    ['KRATOS_ADMIN_URL', 'http://public.example'],
    ['HYDRA_PUBLIC_URL', 'http://both.example'],
    ['HYDRA_ADMIN_URL', 'http://metadata.example'],
    ['HYDRA_ADMIN_URL', 'http://169.254.169.254'],
    ['HYDRA_ADMIN_URL', 'http://2852039166'],
    ['HYDRA_ADMIN_URL', 'http://[fd00:ec2::254]'],
    ['HYDRA_ADMIN_URL', 'http://[::ffff:198.51.100.1]'],
    ['HYDRA_ADMIN_URL', 'http://ai'],
    ['BACKCHANNEL_LOGOUT_URL', 'https://public.example/logout'],
    ['DATABASE_URL', 'postgres://user:pass@public.example/db'],
    ['DATABASE_URL', 'postgres:///db?host=public.example'],
    ['DATABASE_URL', 'postgres://10.0.0.1/db?host=%2Fvar%2Frun&host=198.51.100.1'],
    ['DATABASE_URL', 'postgres://user:p/ss@public.example/db'],
    ['REDIS_URL', 'rediss://public.example:6379'],
    ['REDIS_URL', 'redis://127.0.0.1:7000,redis://public.example:7000'],
    ['SMTP_URL', 'smtp://198.51.100.25:25'],
    ['DNS_SERVERS', '10.0.0.53,198.51.100.53'],
    ['DNS_SERVERS', '198.51.100.53:5353'],
    ['DNS_SERVERS', '[2001:db8::53]:53'],
    ['SOCIAL_PROVIDERS', '[{"id":"g","provider":"google","client_id":"x"}]'],
    ['SOCIAL_PROVIDERS', '[{"id":"g","provider":"google","client_id":"x","issuer_url":"http://kratos"}]'],
    ['SOCIAL_PROVIDERS', '[{"id":"g","provider":"gitlab","client_id":"x"}]'],
    [
      'SOCIAL_PROVIDERS',
      '[{"id":"s","provider":"generic","client_id":"x","issuer_url":"https://public.example"}]',
    ],
    [
      'SOCIAL_PROVIDERS',
      '[{"id":"s","provider":"generic","client_id":"x","issuer_url":"http://kratos","token_url":"https://public.example"}]',
    ],
  ])('%s=%s is refused by its name, without its value', async (variable, value) => {
    const REDIS_CLUSTER = String(value.includes(',redis:'));
    const environment = { ...ory, [variable]: value, REDIS_CLUSTER };
    expect(await refused(environment)).toEqual([variable]);
    const message = await assertInside(loadConfiguration(environment, ownFeatures), resolver).catch(String);
    expect(message).not.toContain(value);
    expect(message).not.toMatch(/198\.51|public\.example|pass/);
  });

  it.each([
    [{ AUTH_PROVIDER: 'auth0', ...auth0, AUTH0_DOMAIN: 'public.example' }, ['AUTH0_DOMAIN']],
    [{ AUTH_PROVIDER: 'auth0', ...auth0, AUTH0_DOMAIN: 'http://127.0.0.1:4400' }, []],
    [{ AUTH_PROVIDER: 'oidc', ...oidc, OIDC_ISSUER: 'https://public.example/realm' }, ['OIDC_ISSUER']],
    [{ AUTH_PROVIDER: 'oidc', ...oidc, OIDC_ISSUER: 'https://hydra.internal/realm' }, []],
    [
      {
        AUTH_PROVIDER: 'oidc',
        ...oidc,
        OIDC_ISSUER: 'https://hydra.internal',
        SIGNAL_TRANSMITTERS: 'https://hydra.internal,https://public.example',
      },
      ['SIGNAL_TRANSMITTERS'],
    ],
    [
      {
        AUTH_PROVIDER: 'oidc',
        ...oidc,
        OIDC_ISSUER: 'https://hydra.internal',
        DNS_SERVERS: '10.0.0.53,fd00::53,[fd00::53]:5353,127.0.0.1:5353',
      },
      [],
    ],
  ])('%j: %j', async (environment, expected) => {
    expect(await refused({ SECRETS, AIR_GAPPED, ...environment })).toEqual(expected);
  });

  it('every variable is named at once', async () => {
    const outside = { REDIS_URL: 'redis://public.example', SMTP_URL: 'smtp://public.example' };
    expect(await refused({ ...ory, ...outside })).toEqual(['REDIS_URL', 'SMTP_URL']);
  });

  it('a name without an address is not outside, nor is one whose look-up never ends', async () => {
    const elsewhere = { ...ory, REDIS_URL: 'redis://nowhere.example' };
    expect(await refused(elsewhere)).toEqual([]);
    expect(
      await refused(elsewhere, (host) =>
        host === 'nowhere.example' ? new Promise(() => {}) : resolver(host),
      ),
    ).toEqual([]);
  });
});

describe('a configuration that may leave the private network', () => {
  const open = { ...ory, AIR_GAPPED: 'false' };

  it.each([
    ['HYDRA_ADMIN_URL', 'http://169.254.169.254'],
    ['HYDRA_ADMIN_URL', 'http://2852039166/latest'],
    ['KRATOS_ADMIN_URL', 'http://[::ffff:169.254.170.2]'],
    ['KRATOS_PUBLIC_URL', 'http://[fd00:ec2::254]'],
    ['REDIS_URL', 'redis://100.100.100.200'],
    ['SMTP_URL', 'smtp://metadata.example'],
  ])('%s=%s is refused: a metadata service [W16]', async (variable, value) => {
    const configuration = loadConfiguration({ ...open, [variable]: value }, ownFeatures);
    await expect(assertNoMetadata(configuration, resolver)).rejects.toMatchObject({
      problems: [`${variable}: leads to a cloud's metadata service`],
    });
  });

  it('so is a transmitter of signals that is one', async () => {
    const provider = { AUTH_PROVIDER: 'oidc', ...oidc, OIDC_ISSUER: 'https://public.example' };
    const configuration = loadConfiguration(
      {
        ...open,
        ...provider,
        SIGNAL_TRANSMITTERS: 'https://metadata.example',
      },
      ownFeatures,
    );
    await expect(assertNoMetadata(configuration, resolver)).rejects.toMatchObject({
      problems: ["SIGNAL_TRANSMITTERS: leads to a cloud's metadata service"],
    });
  });

  it('goes anywhere else, and to names that do not resolve', async () => {
    const anywhere = { ...open, REDIS_URL: 'redis://public.example', SMTP_URL: 'smtp://nowhere.example' };
    await expect(
      assertNoMetadata(loadConfiguration(anywhere, ownFeatures), resolver),
    ).resolves.toBeUndefined();
  });
});
