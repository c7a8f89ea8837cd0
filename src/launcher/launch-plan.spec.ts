import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LaunchError } from './launch.error.js';
import { gatewayEnvironment, gatewayProbe, isEmbedded, planEmbedded } from './launch-plan.js';

const folder = mkdtempSync(join(tmpdir(), 'vestibule-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('whether Ory is run here', () => {
  test.each([
    [{}, true],
    [{ AUTH_PROVIDER: 'ory' }, true],
    [{ AUTH_PROVIDER: '', HYDRA_ADMIN_URL: '' }, true],
    [{ AUTH_PROVIDER: 'auth0' }, false],
    [{ AUTH_PROVIDER: 'oidc' }, false],
    [{ AUTH_PROVIDER_FILE: file('provider', 'auth0\n') }, false],
    [{ KRATOS_PUBLIC_URL: 'http://kratos:4433' }, false],
    [{ KRATOS_ADMIN_URL: 'http://kratos:4434' }, false],
    [{ HYDRA_PUBLIC_URL: 'http://hydra:4444' }, false],
    [{ HYDRA_ADMIN_URL_FILE: '/run/secrets/hydra' }, false],
  ])('%j: %s', (environment, expected) => {
    expect(isEmbedded(environment)).toBe(expected);
  });
});

describe('defaults', () => {
  test('without anything set', () => {
    expect(planEmbedded({})).toMatchObject({
      publicUrl: 'http://localhost:3000',
      brandName: 'Vestibule',
      mailFrom: 'no-reply@localhost',
      passwordMinLength: 10,
      host: '127.0.0.1',
      port: 3000,
      dataDir: resolve('.data'),
      adminEmail: 'admin@vestibule.example',
    });
  });

  test('PUBLIC_URL follows PORT', () => {
    expect(planEmbedded({ PORT: '4100' })).toMatchObject({ publicUrl: 'http://localhost:4100', port: 4100 });
    const mounted = { PORT_FILE: file('port', '4200\n') };
    expect(planEmbedded(mounted)).toMatchObject({ publicUrl: 'http://localhost:4200', port: 4200 });
  });

  test('PORT follows PUBLIC_URL', () => {
    expect(planEmbedded({ PUBLIC_URL: 'http://localhost:4300' }).port).toBe(4300);
    expect(planEmbedded({ PUBLIC_URL: 'https://auth.example.org' }).port).toBe(3000);
  });
});

describe('MAILBOX_PORT', () => {
  test('is where the mailbox listens', () => {
    expect(planEmbedded({ MAILBOX_PORT: '8025' }).mailbox.port).toBe(8025);
    expect(planEmbedded({}).mailbox.port).toBeUndefined();
  });

  test.each(['0', '70000', 'x', '3000'])('%s is refused, with exit code 78', (port) => {
    expect(() => planEmbedded({ MAILBOX_PORT: port })).toThrow(
      expect.objectContaining({
        name: LaunchError.name,
        exitCode: 78,
        message: 'MAILBOX_PORT must be a port number from 1 to 65535, and not that of PORT.',
      }),
    );
  });

  test('may be the usual port of the gateway if that has another one', () => {
    expect(planEmbedded({ PORT: '4100', MAILBOX_PORT: '3000' }).mailbox.port).toBe(3000);
    expect(() => planEmbedded({ PORT: '4100', MAILBOX_PORT: '4100' })).toThrow('not that of PORT');
  });
});

test('everything that is wrong with the environment is one error with exit code 78', () => {
  let error: unknown;
  try {
    planEmbedded({ PORT: 'http', LOG_LEVEL: 'loud', TOKEN_TTL: 'soon' });
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(LaunchError);
  expect(error).toMatchObject({ exitCode: 78 });
  expect(String(error)).toMatch(/PORT[^]*TOKEN_TTL[^]*LOG_LEVEL|LOG_LEVEL[^]*PORT|PORT[^]*LOG_LEVEL/);
});

describe("the gateway's environment", () => {
  const ory = { KRATOS_PUBLIC_URL: 'http://127.0.0.1:1', SMTP_URL: 'smtp://127.0.0.1:2' };
  const secrets = ['ab'.repeat(32)];

  test('keeps what was given and adds what is missing', () => {
    const given = { FOO: 'bar', DATABASE_URL: 'postgres://db/x', PORT: '4100' };
    const admin = { email: 'admin@vestibule.example', password: 'a-b-c' };
    expect(gatewayEnvironment(given, planEmbedded(given), { secrets, ory, admin })).toEqual({
      FOO: 'bar',
      DATABASE_URL: 'postgres://db/x',
      AUTH_PROVIDER: 'ory',
      PUBLIC_URL: 'http://localhost:4100',
      HOST: '127.0.0.1',
      PORT: '4100',
      DATA_DIR: resolve('.data'),
      DEMO: 'true',
      SECRETS: secrets[0],
      ADMIN_EMAIL: 'admin@vestibule.example',
      ADMIN_PASSWORD: 'a-b-c',
      ...ory,
    });
  });

  test('asks for no administrator once there is one', () => {
    const admin = { email: 'admin@vestibule.example' };
    const environment = gatewayEnvironment({}, planEmbedded({}), { secrets, ory, admin });
    expect(environment).not.toHaveProperty('ADMIN_PASSWORD');
    expect(environment).not.toHaveProperty('ADMIN_EMAIL');
  });

  test('no variable is given twice, by itself and by a mounted file', () => {
    const given = { PORT_FILE: file('p', '4200'), SECRETS_FILE: file('s', secrets.join(',')) };
    const plan = { ...planEmbedded({ PORT_FILE: given.PORT_FILE }) };
    const admin = { email: 'a@example.org' };
    const environment = gatewayEnvironment(given, plan, { secrets: ['other'], ory, admin });
    expect(environment['PORT']).toBe('4200');
    expect(environment).not.toHaveProperty('PORT_FILE');
    expect(environment).not.toHaveProperty('SECRETS');
    expect(environment['SECRETS_FILE']).toBe(given.SECRETS_FILE);
  });
});

test.each([
  ['127.0.0.1', 'http://127.0.0.1:3000/health/ready'],
  ['0.0.0.0', 'http://127.0.0.1:3000/health/ready'],
  ['::', 'http://[::1]:3000/health/ready'],
  ['::1', 'http://[::1]:3000/health/ready'],
])('a gateway on %s is asked at %s', (host, url) => {
  expect(gatewayProbe({ ...planEmbedded({}), host })).toEqual({ url, host: 'localhost:3000', status: 'ok' });
});
