import { randomUUID } from 'node:crypto';
import { exportJWK } from 'jose';
import { z } from 'zod';
import type { Person } from './person.js';
import { makeRsaKeys } from './rsa.keys.js';
import type { UserAgent } from './user-agent.js';

const clientSchema = z.looseObject({ client_id: z.string(), client_secret: z.string().default('') });
const recoverySchema = z.looseObject({ recovery_link: z.url(), recovery_code: z.string() });
const whoamiSchema = z.looseObject({ id: z.string(), identity: z.looseObject({ id: z.string() }) });

/** A client registered at Hydra. */
export interface RegisteredClient {
  readonly id: string;
  /** Empty for public clients. */
  readonly secret: string;
}

/** What an operator does at Kratos and Hydra behind the gateway's back. */
export class OryAdmin {
  readonly #kratos: string;
  readonly #hydra: string;

  /** @param env of the stack: the admin URLs are taken from it. */
  constructor(env: Readonly<Record<string, string>>) {
    this.#kratos = env['KRATOS_ADMIN_URL'] ?? '';
    this.#hydra = env['HYDRA_ADMIN_URL'] ?? '';
  }

  /** Registers a client at Hydra, in place of one of that id; what isn't said makes it a confidential web application. */
  async createClient(definition: Readonly<Record<string, unknown>>): Promise<RegisteredClient> {
    const body = {
      grant_types: ['authorization_code'],
      response_types: ['code'],
      scope: 'openid profile email',
      token_endpoint_auth_method: 'client_secret_basic',
      ...definition,
    };
    const given = definition['client_id'];
    if (typeof given === 'string') {
      await fetch(`${this.#hydra}/admin/clients/${given}`, { method: 'DELETE' });
    }
    const answer = await call(`${this.#hydra}/admin/clients`, 'POST', body);
    const { client_id: id, client_secret: secret } = clientSchema.parse(await answer.json());
    return { id, secret };
  }

  /** Makes an account: the same as signing up by the pages, in a tenth of the time. */
  async createPerson({ email, name, password }: Person, { isVerified = false } = {}): Promise<void> {
    await call(`${this.#kratos}/admin/identities`, 'POST', {
      schema_id: 'default',
      traits: { email, name },
      credentials: { password: { config: { password } } },
      ...(isVerified
        ? { verifiable_addresses: [{ value: email, verified: true, via: 'email', status: 'completed' }] }
        : {}),
    });
  }

  /** Gives an identity a password hash of another system, as an import does. */
  async importPassword(id: string, { email, name }: Person, hash: string): Promise<void> {
    await call(`${this.#kratos}/admin/identities/${id}`, 'PUT', {
      schema_id: 'default',
      state: 'active',
      traits: { email, name },
      credentials: { password: { config: { hashed_password: hash } } },
    });
  }

  /** Makes an identity with whatever Kratos' admin API takes: verified addresses, a picture. */
  async createIdentity(definition: Readonly<Record<string, unknown>>): Promise<void> {
    await call(`${this.#kratos}/admin/identities`, 'POST', { schema_id: 'default', ...definition });
  }

  /** Gives Hydra a new key for its ID tokens, which is smaller than one that it would make; it signs with the newest. */
  async rotateKey(): Promise<void> {
    const { privateKey } = await makeRsaKeys();
    const kid = randomUUID();
    const key = { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
    await call(`${this.#hydra}/admin/keys/hydra.openid.id-token/${kid}`, 'PUT', key);
  }

  /** Whether Hydra holds this token for live. */
  async isActive(token: string): Promise<boolean> {
    return (await this.introspect(token)).active;
  }

  /** What Hydra says of a token. */
  async introspect(token: string): Promise<{ active: boolean; sub?: string | undefined }> {
    const answer = await fetch(`${this.#hydra}/admin/oauth2/introspect`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
    });
    return z.looseObject({ active: z.boolean(), sub: z.string().optional() }).parse(await answer.json());
  }

  /** Ids of the browser's Kratos session and of its identity. */
  async sessionOf(agent: UserAgent): Promise<{ sessionId: string; identityId: string }> {
    const page = await agent.fetch('/ory/kratos/sessions/whoami');
    const { id, identity } = whoamiSchema.parse(page.json());
    return { sessionId: id, identityId: identity.id };
  }

  /** Changes a trait of an identity, past the gateway. */
  async changeTrait(identityId: string, name: string, value: string): Promise<void> {
    const patch = [{ op: 'replace', path: `/traits/${name}`, value }];
    await call(`${this.#kratos}/admin/identities/${identityId}`, 'PATCH', patch);
  }

  /** Begins a recovery, as an administrator's does. */
  async recover(identityId: string): Promise<{ readonly flow: string; readonly code: string }> {
    const answer = await call(`${this.#kratos}/admin/recovery/code`, 'POST', { identity_id: identityId });
    const { recovery_link: link, recovery_code: code } = recoverySchema.parse(await answer.json());
    return { flow: new URL(link).searchParams.get('flow') ?? '', code };
  }

  /** Ends the Kratos session of this browser. */
  async endSessionOf(agent: UserAgent): Promise<void> {
    const { sessionId } = await this.sessionOf(agent);
    await call(`${this.#kratos}/admin/sessions/${sessionId}`, 'DELETE');
  }

  /** Disables the identity behind this browser's Kratos session. */
  async disableIdentityOf(agent: UserAgent): Promise<void> {
    const { identityId } = await this.sessionOf(agent);
    await this.#disable(identityId);
  }

  /** Disables the identity with this address. */
  async disableIdentity(email: string): Promise<void> {
    await this.#disable(await this.#identityOf(email));
  }

  /** Deletes the identity with this address. */
  async deleteIdentity(email: string): Promise<void> {
    await call(`${this.#kratos}/admin/identities/${await this.#identityOf(email)}`, 'DELETE');
  }

  async #disable(identityId: string): Promise<void> {
    const patch = [{ op: 'replace', path: '/state', value: 'inactive' }];
    await call(`${this.#kratos}/admin/identities/${identityId}`, 'PATCH', patch);
  }

  async #identityOf(email: string): Promise<string> {
    const query = new URLSearchParams({ credentials_identifier: email });
    const answer = await call(`${this.#kratos}/admin/identities?${query}`, 'GET');
    const [identity] = z.array(z.looseObject({ id: z.string() })).parse(await answer.json());
    return identity?.id ?? '';
  }
}

async function call(url: string, method: string, body?: unknown): Promise<Response> {
  const answer = await fetch(url, {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  if (!answer.ok) {
    throw new Error(`${method} ${new URL(url).pathname} answered ${answer.status}: ${await answer.text()}`);
  }
  return answer;
}
