import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { LRUCache } from 'lru-cache';
import { isId } from '../../../platform/core/id.schema.js';
import type { PresentedCredential, SecretMethod } from '../../oidc/client-authentication.js';
import type { ApplicationSecretRepository } from '../hydra/application-secret.repository.js';
import type { ClientAssertions } from '../hydra/client-assertions.js';
import type { HydraApplications } from '../hydra/hydra-applications.js';
import type { Exchange } from './exchange.js';
import { OAuthRefusal, answerClient } from './oauth-refusal.js';
import { parametersIn, requirePlainGrantType, requireSameReading } from './query-limit.js';
import { peekBody, replaceBody } from './whole-body.js';

const twoCredentials = new OAuthRefusal(
  'invalid_request',
  'The request has several credentials: send one (RFC 6749 section 2.3).',
  'two_credentials',
);
const wrongAssertion = new OAuthRefusal(
  'invalid_client',
  'The assertion is not signed by a key of the client, is for another audience, has expired, or was used before.',
  'assertion_refused',
);
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
/** Applications whose method is known, and milliseconds for which it is: an administrator may change it. */
const [knownMethods, methodKept] = [1000, 10_000];

const authenticated = new Set(['/oauth2/token', '/oauth2/revoke', '/oauth2/device/auth', '/oauth2/par']);

/**
 * Lets an application authenticate by header or form, whichever its program sends, with its previous secret while that is still accepted, or
 * by a key of its own.
 * Hydra knows one secret of a client, and takes it in one way: this passes it on so.
 */
export class SecretGate {
  /** By application, how Hydra takes its secret. */
  readonly #methods = new LRUCache<string, SecretMethod>({ max: knownMethods, ttl: methodKept });

  constructor(
    private readonly secrets: ApplicationSecretRepository,
    private readonly applications: Pick<HydraApplications, 'find'>,
    private readonly assertions: Pick<ClientAssertions, 'verify'>,
  ) {}

  /**
   * Call it before the request is passed on.
   * @returns whether it has answered: a request has one credential.
   * @throws {Problem} `payload_too_large`, `malformed_request`, `provider_unavailable`
   */
  async admit(exchange: Exchange): Promise<boolean> {
    const { request, reply, path } = exchange;
    if (request.method !== 'POST' || !authenticated.has(path)) {
      return false;
    }
    const form = request.body instanceof Readable ? await this.#formOf(request, request.body) : undefined;
    const basic = basicCredential(request.headers.authorization);
    const inForm = credentialIn(form);
    if (form?.has('client_assertion') === true) {
      return this.#admitAssertion(exchange, form, basic !== undefined || inForm.secret !== '');
    }
    if (basic !== undefined && !agree(basic, inForm)) {
      request.log.info({ reason: twoCredentials.reason }, 'token request refused');
      await answerClient(reply, twoCredentials);
      return true;
    }
    const presented = basic ?? inForm;
    const { id, secret } = presented;
    // Hydra isn't asked about a client for anyone who only guesses.
    const current = isId(id) && secret !== '' ? await this.secrets.currentFor(id, secret) : undefined;
    const method = current === undefined ? undefined : await this.#methodOf(id);
    const credential = { id, secret: current ?? secret, method: method ?? presented.method };
    const isTwice = basic !== undefined && inForm.secret !== '';
    if (credential.secret !== secret || credential.method !== presented.method || isTwice) {
      present(exchange, form, credential);
    }
    exchange.presented = credential;
    return false;
  }

  /** Puts the secret that Hydra knows in the place of an assertion (RFC 7523 section 2.2). @returns whether it has answered. */
  async #admitAssertion(exchange: Exchange, form: URLSearchParams, hasOther: boolean): Promise<boolean> {
    const { request, reply, path } = exchange;
    const isKnown = form.get('client_assertion_type') === assertionType;
    const application =
      isKnown && !hasOther
        ? await this.assertions.verify(form.get('client_assertion') ?? '', path)
        : undefined;
    const secret = application && (await this.secrets.current(application.id));
    const isSame = [null, application?.id].includes(form.get('client_id'));
    if (application === undefined || secret === undefined || !isSame) {
      const refusal = hasOther ? twoCredentials : wrongAssertion;
      request.log.info({ reason: refusal.reason }, 'token request refused');
      await answerClient(reply, refusal);
      return true;
    }
    const { id, tokenEndpointAuthMethod: method } = application;
    form.delete('client_assertion');
    form.delete('client_assertion_type');
    exchange.presented = { id, secret, method };
    present(exchange, form, exchange.presented);
    return false;
  }

  /** Has Hydra asked anew, for the next request, how it takes the secret of an application that it refuses. */
  settle({ reply, presented }: Exchange): void {
    if (reply.statusCode === 401) {
      this.#methods.delete(presented?.id ?? '');
    }
  }

  async #formOf(request: FastifyRequest, body: Readable): Promise<URLSearchParams> {
    const text = String(await peekBody(request, body));
    requireSameReading(text);
    const form = parametersIn(text);
    requirePlainGrantType(form);
    return form;
  }

  /** How Hydra takes an application's secret; undefined if it has none, or isn't one. */
  async #methodOf(id: string): Promise<SecretMethod | undefined> {
    const known = this.#methods.get(id);
    if (known !== undefined) {
      return known;
    }
    // If Hydra can't be asked, the credential is passed on as it was sent.
    const application = await this.applications.find(id).catch(() => undefined);
    const method = application?.tokenEndpointAuthMethod;
    if (method === undefined || method === 'none') {
      return undefined;
    }
    this.#methods.set(id, method);
    return method;
  }
}

function credentialIn(form: URLSearchParams | undefined): PresentedCredential {
  const secret = form?.get('client_secret') ?? '';
  return {
    id: form?.get('client_id') ?? '',
    secret,
    method: secret === '' ? 'none' : 'client_secret_post',
  };
}

/** Whether a form has nothing that contradicts the header. */
function agree(basic: PresentedCredential, { id, secret }: PresentedCredential): boolean {
  return (id === '' || id === basic.id) && (secret === '' || secret === basic.secret);
}

/** Puts a credential into a request as its method requires, in the place of what was there. */
function present(
  exchange: Exchange,
  form = new URLSearchParams(),
  { id, secret, method }: PresentedCredential,
): void {
  const { request } = exchange;
  delete request.headers.authorization;
  form.delete('client_secret');
  if (method === 'client_secret_basic') {
    const encoded = [id, secret].map((text) => encodeURIComponent(text)).join(':');
    request.headers.authorization = `Basic ${Buffer.from(encoded).toString('base64')}`;
  } else {
    form.set('client_id', id);
    form.set('client_secret', secret);
  }
  const body = Buffer.from(String(form));
  exchange.length = body.length;
  replaceBody(request, body);
}

/** The id and the secret of an `Authorization` header (RFC 6749 section 2.3.1). */
function basicCredential(header: string | undefined): PresentedCredential | undefined {
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
