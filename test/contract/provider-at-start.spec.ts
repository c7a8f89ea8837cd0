import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { SelfCheck } from '../../src/doctor/self.check.js';
import { findFreePorts } from '../../src/launcher/port-finder.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { startFaultyProxy } from '../support/faulty.proxy.js';
import { type GatewaySite, newGatewaySite } from '../support/gateway.runner.js';
import { startOpenIdSide } from '../support/openid.driver.js';
import type { ProviderSide } from '../support/provider.driver.js';
import { waitUntil } from '../support/stack.js';
import { ownFeatures } from '../../src/app/features.js';

/** Milliseconds in which a start names what keeps everybody from logging in. */
const firstSeconds = 8000;

describe.each(['oidc', 'auth0'] as const)('a gateway that starts under %s', (name) => {
  const issuerVariable = name === 'oidc' ? 'OIDC_ISSUER' : 'AUTH0_DOMAIN';
  let site: GatewaySite;
  let side: ProviderSide;

  beforeAll(async () => {
    site = await newGatewaySite();
    side = await startOpenIdSide(name, site.url);
  });

  afterAll(async () => {
    await side?.stop();
    await site?.remove();
  });

  /** Starts one. @returns its findings in the log so far, and what it found when it was done. */
  async function start(env: Readonly<Record<string, string>>) {
    const configuration = loadConfiguration({ ...site.env, ...side.env, ...env }, ownFeatures);
    const lines: string[] = [];
    const logger = createLogger('warn', { write: (line: string) => void lines.push(line) });
    const app = await createApp(configuration, { logger, selfCheck: true });
    await app.listen(configuration.PORT, '127.0.0.1');
    return {
      said: (): unknown[] =>
        lines.filter((line) => line.includes('"self_check"')).map((line): unknown => JSON.parse(line)),
      findings: app.get(SelfCheck, { strict: false }).findings,
      close: () => app.close(),
    };
  }

  it('and whose issuer does not answer says so in the first seconds, in words that name the setting', async () => {
    const gateway = await start({ [issuerVariable]: 'http://127.0.0.1:9' });
    try {
      await waitUntil(() => gateway.said().length > 0, 'a line of the log', firstSeconds);
      expect(gateway.said()).toEqual([
        expect.objectContaining({
          msg: 'The OpenID provider cannot be discovered',
          code: 'provider_unreachable',
          detail: expect.stringContaining('127.0.0.1:9'),
          fix: expect.stringContaining(issuerVariable),
        }),
      ]);
    } finally {
      await gateway.close();
    }
  });

  it('and whose issuer is another, or which finds no token endpoint, says so in the first seconds', async () => {
    const [port = 0] = await findFreePorts(1);
    const wire = await startFaultyProxy(port, String(side.env[issuerVariable]));
    wire.rewrite('/.well-known/openid-configuration', ({ token_endpoint: _left, ...metadata }) => metadata);
    const gateway = await start({ [issuerVariable]: wire.url });
    try {
      await waitUntil(() => gateway.said().length > 1, 'two lines of the log', firstSeconds);
      expect(gateway.said()).toEqual([
        expect.objectContaining({ code: 'issuer_mismatch' }),
        expect.objectContaining({ code: 'provider_metadata_incomplete', detail: 'token_endpoint' }),
      ]);
    } finally {
      await gateway.close();
      await wire.stop();
    }
  });

  it('while the provider is down says so once, and nothing of it any more when it is there', async () => {
    side.wire.down();
    const gateway = await start({});
    try {
      await waitUntil(() => gateway.said().length > 0, 'a line of the log', firstSeconds);
      side.wire.reset();
      expect((await gateway.findings).map(({ code }) => code)).not.toContain('provider_unreachable');
      const codes = gateway.said().map((line) => Reflect.get(Object(line), 'code'));
      expect(codes.filter((code) => code === 'provider_unreachable')).toHaveLength(1);
    } finally {
      side.wire.reset();
      await gateway.close();
    }
  });
});
