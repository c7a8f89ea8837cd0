import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createApp } from '../../src/app/app-setup.js';
import { loadConfiguration } from '../../src/platform/config/configuration.js';
import { createLogger } from '../../src/platform/logging/pino-logger.js';
import { ClaimsEnricher, type EnrichedSubject } from '../../src/session/tokens/claims-enricher.js';
import { SessionService } from '../../src/session/session.service.js';
import { UsersService } from '../../src/directory/users/users.service.js';
import { newSecret, providerEnv } from '../support/gateway.js';
import { ownFeatures } from '../../src/app/features.js';

class PlanEnricher extends ClaimsEnricher {
  override async enrich({ user }: EnrichedSubject): Promise<Readonly<Record<string, unknown>>> {
    return { plan: `plan of ${user.name}` };
  }
}

class ForgingEnricher extends ClaimsEnricher {
  override async enrich(): Promise<Readonly<Record<string, unknown>>> {
    return { sub: 'somebody else' };
  }
}

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'vestibule-enricher-'));
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

async function claimsWith(claimsEnricher: new () => ClaimsEnricher): Promise<unknown> {
  const configuration = loadConfiguration(
    { SECRETS: newSecret(), DATA_DIR: dataDir, ...providerEnv.oidc },
    ownFeatures,
  );
  const logger = createLogger('silent');
  const app = await createApp(configuration, { logger, claimsEnricher });
  await app.init();
  try {
    const account = await app.get(UsersService, { strict: false }).recordLogin({
      issuer: 'https://provider.example.test',
      subject: 'ada',
      email: null,
      emailVerified: false,
      name: 'Ada',
      picture: null,
    });
    const { claims } = await app.get(SessionService, { strict: false }).start(
      account,
      {
        provider: 'oidc',
        issuer: 'https://provider.example.test',
        subject: 'ada',
        clientId: 'vestibule',
        scope: [],
        amr: [],
        acr: 'aal1',
        authTime: null,
        providerSessionId: null,
        oidcSid: null,
      },
      {},
      { userAgent: null, remoteAddress: '127.0.0.1' },
    );
    return claims;
  } finally {
    await app.close();
  }
}

it('an adopter’s enricher adds its claims to every token', async () => {
  expect(await claimsWith(PlanEnricher)).toMatchObject({ plan: 'plan of Ada', name: 'Ada' });
});

it('an enricher that adds a reserved claim is refused, and the token is never minted', async () => {
  await expect(claimsWith(ForgingEnricher)).rejects.toMatchObject({ code: 'claims_rejected' });
});
