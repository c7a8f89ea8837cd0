// Makes one call with each of the gateway's outgoing clients to each group of SERVERS and writes what came of it, as JSON: `answered`,
// or `refused` by the client itself. A program of its own, because Node reads NODE_EXTRA_CA_CERTS at its start alone.
import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { sql } from 'kysely';
import { pino } from 'pino';
import { createApp } from '../../dist/app/app-setup.js';
import { Auth0Client } from '../../dist/providers/auth0/auth0.client.js';
import { ownFeatures } from '../../dist/app/features.js';
import { loadConfiguration } from '../../dist/platform/config/configuration.js';
import { CircuitBreaker } from '../../dist/platform/upstream/circuit-breaker.js';
import { DatabaseConnection } from '../../dist/platform/database/database-connection.js';
import { ask } from '../../dist/doctor/http.probe.js';
import { HydraClient } from '../../dist/providers/ory/hydra/hydra.client.js';
import {
  hydraKeysUrl,
  hydraLogoutTokens,
  hydraRelyingParty,
} from '../../dist/providers/ory/hydra/hydra-relying-party.js';
import { KratosClient } from '../../dist/providers/ory/kratos/kratos.client.js';
import { SmtpMailer } from '../../dist/platform/mail/smtp-mailer.js';
import { OpenIdProvider } from '../../dist/providers/oidc/openid.provider.js';
import { ProviderKeys } from '../../dist/platform/upstream/provider-keys.js';
import { RedisChannel } from '../../dist/platform/pubsub/redis-channel.js';
import { UpstreamCalls } from '../../dist/platform/upstream/upstream-calls.js';

const secret = randomBytes(32).toString('hex');

/** @returns the outcome by the name of the client. */
async function callAll({ httpUrl: upstream, smtpUrl, redisUrl, databaseUrl }) {
  const configuration = loadConfiguration(
    {
      PUBLIC_URL: 'https://auth.example.test',
      SECRETS: secret,
      DATA_DIR: process.env.DATA_DIR,
      DEMO: 'true',
      RATE_LIMIT: 'false',
      AUTH_PROVIDER: 'ory',
      KRATOS_PUBLIC_URL: upstream,
      KRATOS_ADMIN_URL: upstream,
      HYDRA_PUBLIC_URL: upstream,
      HYDRA_ADMIN_URL: upstream,
    },
    ownFeatures,
  );
  const keys = new ProviderKeys(hydraKeysUrl(configuration));
  const breaker = () => new CircuitBreaker('one of its own');
  const calls = UpstreamCalls.unobserved();
  const kratos = new KratosClient(configuration, breaker());
  const hydra = new HydraClient(configuration, breaker());
  const checks = { state: 'state', nonce: 'nonce', codeVerifier: 'v'.repeat(43) };
  const callback = new URL('https://auth.example.test/auth/callback?code=code&state=state');
  const party = {
    clientId: 'client',
    clientSecret: 'secret',
    allowedClientIds: ['client'],
    audience: 'audience',
  };
  const header = Buffer.from('{"alg":"RS256","kid":"unknown"}').toString('base64url');

  const app = await createApp(configuration, { logger: pino({ level: 'silent' }) });
  await app.init();
  const passOn = async (url) => {
    const { statusCode } = await app.inject({ url, headers: { host: 'auth.example.test', cookie: 'a=b' } });
    return statusCode !== 503;
  };
  /** Refused is what ends as an upstream that isn't there; any other refusal is an answer of its own. */
  const isThere = (call) =>
    call.then(
      () => true,
      (error) => !(error.code === 'provider_unavailable' || error.name === 'NoAnswerError'),
    );

  const made = {
    'proxy to Kratos': () => passOn('/ory/kratos/sessions/whoami'),
    'proxy to Hydra': () => passOn('/ory/hydra/.well-known/openid-configuration'),
    "Kratos' public API": () => isThere(kratos.whoami('__Host-ory_kratos_session=1')),
    "Kratos' admin API": () => isThere(kratos.findSession(randomUUID())),
    "Kratos' readiness": () => isThere(kratos.requireReady()),
    "Hydra's admin API": () => isThere(hydra.introspect('token')),
    "Hydra's readiness": () => isThere(hydra.requireReady()),
    "Hydra's token endpoint": () =>
      isThere(hydraRelyingParty(configuration, keys, breaker(), calls).exchange(callback, checks)),
    "Hydra's JWKS": () => isThere(hydraLogoutTokens(configuration, keys).verify(`${header}.e30.c2ln`)),
    "an OpenID provider's discovery": () =>
      isThere(new OpenIdProvider({ ...party, issuer: upstream }, breaker()).metadata()),
    "Auth0's token endpoint": () => {
      const auth0 = { AUTH0_DOMAIN: upstream, AUTH0_CLIENT_ID: 'client', AUTH0_CLIENT_SECRET: 'secret' };
      const client = new Auth0Client({ ...auth0, PUBLIC_URL: 'https://auth.example.test' }, breaker(), calls);
      return isThere(client.exchange(callback, checks));
    },
    'the doctor': () => isThere(ask(upstream)),
    SMTP: () =>
      new SmtpMailer(smtpUrl, 'no-reply@example.test').send({
        to: 'ada@example.test',
        subject: 'Hello',
        text: 'Hello',
        html: '<p>Hello</p>',
      }),
    PostgreSQL: async () => {
      const database = new DatabaseConnection(databaseUrl);
      try {
        await sql`select 1`.execute(database.query);
        return true;
      } catch {
        return false;
      } finally {
        await database.close();
      }
    },
    Redis: async () => {
      const redis = new Redis(redisUrl, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
      redis.on('error', () => undefined);
      const isAnswered = await redis.ping().then(
        () => true,
        () => false,
      );
      redis.disconnect();
      return isAnswered;
    },
    'news by Redis': async () => {
      const channel = new RedisChannel(
        { REDIS_URL: [redisUrl], REDIS_CLUSTER: false },
        'https://auth.example.test',
      );
      const isRefusedBy = performance.now() + 1500;
      while (channel.state !== 'connected' && performance.now() < isRefusedBy) {
        await new Promise((resolve) => {
          setTimeout(resolve, 20);
        });
      }
      const isConnected = channel.state === 'connected';
      await channel.close();
      return isConnected;
    },
  };

  const outcomes = {};
  for (const [name, call] of Object.entries(made)) {
    outcomes[name] = (await call()) ? 'answered' : 'refused';
  }
  await app.close();
  return outcomes;
}

const outcomes = [];
for (const servers of JSON.parse(process.env.SERVERS)) {
  outcomes.push(await callAll(servers));
}
process.stdout.write(JSON.stringify(outcomes));
process.exit(0);
