import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { isId } from '../../../platform/core/id.schema.js';
import type { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import { parametersIn } from './query-limit.js';
import { peekBody, replaceBody } from './whole-body.js';

const authenticated = new Set(['/oauth2/token', '/oauth2/revoke']);

/** How a client says who it is. */
export interface ClientCredential {
  readonly id: string;
  /** As Hydra gets it; empty if there is none. */
  readonly secret: string;
  /** In the words of OAuth's registry of methods. */
  readonly method: 'client_secret_basic' | 'client_secret_post' | 'none';
}

/**
 * Lets an application authenticate with its previous secret while that is still accepted. Hydra knows the current one only, so this
 * puts it in the place of the previous one.
 */
export class SecretGate {
  readonly #presented = new WeakMap<FastifyRequest, ClientCredential>();

  constructor(private readonly secrets: ApplicationSecretRepository) {}

  /** Call it before the request is passed on. @param path after the prefix. @throws {Problem} `payload_too_large`, `malformed_request` */
  async admit(request: FastifyRequest, path: string): Promise<void> {
    if (request.method !== 'POST' || !authenticated.has(path)) {
      return;
    }
    const basic = basicCredential(request.headers.authorization);
    if (basic !== undefined) {
      const current = await this.#currentFor(request, basic);
      if (current !== undefined) {
        request.headers.authorization = `Basic ${Buffer.from(`${basic.id}:${current}`).toString('base64')}`;
      }
    } else if (request.body instanceof Readable) {
      await this.#admitForm(request, request.body);
    }
  }

  /** Who sent a request that was admitted, by its own word; undefined if it doesn't say. */
  presentedBy(request: FastifyRequest): ClientCredential | undefined {
    return this.#presented.get(request);
  }

  async #admitForm(request: FastifyRequest, given: Readable): Promise<void> {
    const form = parametersIn(String(await peekBody(request, given)));
    const secret = form.get('client_secret') ?? '';
    const current = await this.#currentFor(request, {
      id: form.get('client_id') ?? '',
      secret,
      method: secret === '' ? 'none' : 'client_secret_post',
    });
    if (current !== undefined) {
      form.set('client_secret', current);
      const body = Buffer.from(String(form));
      request.headers['content-length'] = String(body.length);
      replaceBody(request, body);
    }
  }

  async #currentFor(request: FastifyRequest, presented: ClientCredential): Promise<string | undefined> {
    const { id, secret } = presented;
    const current = isId(id) && secret !== '' ? await this.secrets.currentFor(id, secret) : undefined;
    this.#presented.set(request, { ...presented, secret: current ?? secret });
    return current;
  }
}

/** The id and the secret of an `Authorization` header (RFC 6749 section 2.3.1). */
function basicCredential(header: string | undefined): ClientCredential | undefined {
  const [, encoded] = /^basic +([a-z\d+/]+=*)$/i.exec(header ?? '') ?? [];
  if (encoded === undefined) {
    return undefined;
  }
  const [id = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
  return { id: formDecoded(id), secret: formDecoded(rest.join(':')), method: 'client_secret_basic' };
}

function formDecoded(text: string): string {
  return new URLSearchParams(`x=${text.replaceAll('&', '%26')}`).get('x') ?? '';
}
