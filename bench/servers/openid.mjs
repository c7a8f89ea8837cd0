// A real OpenID provider (the package oidc-provider) in the benchmark's own process: idle while anything is measured.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';
import { freePort } from '../child.mjs';

/** Who is logged in everywhere. */
export const person = {
  sub: '01980000-0000-7000-8000-000000000001',
  email: 'person-000000@example.org',
  email_verified: true,
  name: 'Ada Lovelace',
};
const scopes = 'openid profile email';

/** One of several people; the first one is the one everywhere. */
function personOf(number) {
  const digits = String(number).padStart(6, '0');
  return {
    ...person,
    sub: `01980000-0000-7000-8000-${String(number + 1).padStart(12, '0')}`,
    email: `person-${digits}@example.org`,
  };
}

/** @returns the issuer, and how to register a client; whoever comes to log in is logged in without a page. */
export async function startOpenId() {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const clients = new Map();
  let seen = 0;
  let people = 1;
  let logins = 0;
  const provider = new Provider(issuer, {
    // The registered ones can be read before there are any.
    clients: [],
    adapter: adapterWith(clients),
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig' }] },
    cookies: { keys: [randomBytes(32).toString('hex')] },
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    pkce: { required: () => false },
    features: { devInteractions: { enabled: false } },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => personOf(Number(id.slice(-12)) - 1) }),
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope(scopes);
      await grant.save();
      return grant;
    },
  });
  provider.use(async (ctx, next) => {
    seen += 1;
    if (ctx.path.startsWith('/interaction/')) {
      const { sub } = personOf(logins % people);
      logins += 1;
      await provider.interactionFinished(ctx.req, ctx.res, { login: { accountId: sub } });
      ctx.respond = false;
      return;
    }
    await next();
  });
  const server = createServer(provider.callback()).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    issuer,
    /** Requests so far. */
    seen: () => seen,
    /** From now on logins are of as many people, in turn. */
    spread(count) {
      people = count;
    },
    /** A confidential client with one redirect URI. */
    register(redirectUri) {
      const client = {
        client_id: `bench-${randomBytes(6).toString('hex')}`,
        client_secret: randomBytes(24).toString('hex'),
        redirect_uris: [redirectUri],
      };
      clients.set(client.client_id, client);
      return client;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Everything in memory. */
function adapterWith(clients) {
  const stored = new Map();
  return class {
    #name;
    constructor(name) {
      this.#name = name;
    }
    #key(id) {
      return `${this.#name} ${id}`;
    }
    async find(id) {
      return this.#name === 'Client' ? clients.get(id) : stored.get(this.#key(id));
    }
    async findByUid(uid) {
      return [...stored.values()].find((value) => value.uid === uid);
    }
    async findByUserCode() {
      return undefined;
    }
    async upsert(id, payload) {
      stored.set(this.#key(id), payload);
    }
    async destroy(id) {
      stored.delete(this.#key(id));
    }
    async consume(id) {
      stored.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000);
    }
    async revokeByGrantId(grantId) {
      for (const [key, value] of stored) {
        if (value.grantId === grantId) {
          stored.delete(key);
        }
      }
    }
  };
}
