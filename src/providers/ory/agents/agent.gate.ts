import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RateLimits, addressCheck } from '../../../directory/rate-limit/rate.limits.js';
import { isLoopbackHost, isRedirectUriOf } from '../../../platform/core/loopback.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { resourceOf } from '../../../platform/config/protected-resources.parser.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { scopeTokens } from '../../../session/guards/scopes.js';
import { ChallengeBinding } from '../hydra/challenge.binding.js';
import { isEncodedForm, parametersIn, queryOf } from '../proxy/query.limit.js';
import { readWholeBody, replaceBody } from '../proxy/whole.body.js';
import {
  AgentClients,
  type HydraClientRecord,
  hydraIdOf,
  isAgentId,
  isDocumentUrl,
} from './agent.clients.js';
import { ClientMetadataError } from './client.metadata.js';
import { OAuthRefusal } from './oauth.refusal.js';
import { ResourceRegistry, mayAskFor } from './resource.registry.js';
import { ResourceTokens, grantOfOtherResource } from './resource.tokens.js';

/** The form of ids at Hydra. */
const hydraIdForm = /^[\w~-][\w.~-]{0,254}$/;

/** A request as Hydra gets it. */
interface Rewritten {
  /** Without the question mark; undefined if it stays as it is. */
  readonly query?: string;
  /** Bytes of the body; undefined if it stays as it is. */
  readonly length?: number;
  /** The resource that a token request named. */
  readonly wanted?: string;
  readonly isGrant?: boolean;
}

/**
 * Adds to Hydra what it doesn't know: resource indicators (RFC 8707), which become its audiences, and clients whose id is the address
 * of their metadata document. It stands in the proxy, so that every request for a code or a token passes it.
 */
@Injectable()
export class AgentGate {
  readonly #clients: AgentClients;
  readonly #resources: ResourceRegistry;
  readonly #tokens: ResourceTokens;
  readonly #limits: RateLimits;
  readonly #binding: ChallengeBinding;
  readonly #audience: string;
  readonly #origin: string;
  readonly #rewritten = new WeakMap<object, Rewritten>();

  constructor(
    clients: AgentClients,
    resources: ResourceRegistry,
    tokens: ResourceTokens,
    limits: RateLimits,
    binding: ChallengeBinding,
    @Inject(CONFIGURATION) { PUBLIC_URL, TOKEN_AUDIENCE }: OryConfiguration,
  ) {
    this.#clients = clients;
    this.#resources = resources;
    this.#tokens = tokens;
    this.#limits = limits;
    this.#binding = binding;
    this.#audience = TOKEN_AUDIENCE;
    this.#origin = PUBLIC_URL;
  }

  /**
   * Call it before a request goes to Hydra.
   * @param path after the prefix.
   * @param granted audience of the refresh token in the request, if it has one.
   * @returns whether the request is answered.
   * @throws {Problem} `malformed_request` for a client that a browser can't be sent back to.
   */
  async admit(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    granted: readonly string[] | undefined,
  ): Promise<boolean> {
    if (path === '/oauth2/auth') {
      return this.#authorize(request, reply);
    }
    if (request.method === 'POST' && /^\/oauth2\/(?:token|revoke)$/.test(path)) {
      return this.#token(request, reply, { isToken: path === '/oauth2/token', granted });
    }
    return false;
  }

  /** The query with which a request goes to Hydra. @param url path and query that came. */
  queryOf(request: object, url: string): string {
    return this.#rewritten.get(request)?.query ?? queryOf(url);
  }

  /** Headers with which a request goes to Hydra. */
  headersOf(request: object): Readonly<Record<string, string>> {
    const length = this.#rewritten.get(request)?.length;
    return length === undefined ? {} : { 'content-length': String(length) };
  }

  /**
   * Call it in an `onSend` hook.
   * @param payload of Hydra's answer.
   * @returns the text to send instead; undefined if the answer stays as it is.
   * @throws {Problem} `malformed_request` for a refusal with which a browser must not be sent on.
   */
  async settle(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<string | undefined> {
    this.#requireAgreed(request, reply);
    const { isGrant, wanted } = this.#rewritten.get(request) ?? {};
    const isReadable = payload instanceof Readable && reply.getHeader('content-encoding') === undefined;
    if (isGrant !== true || reply.statusCode !== 200 || !isReadable) {
      return undefined;
    }
    const json = await text(payload);
    void reply.removeHeader('content-length');
    try {
      const bound = await this.#tokens.bind(JSON.parse(json), wanted);
      return bound === undefined ? json : JSON.stringify(bound);
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      void reply.code(400);
      return JSON.stringify(error);
    }
  }

  /** Requires that Hydra doesn't send a browser on with a refusal where it might mislead, unless its user has answered the consent page. */
  #requireAgreed({ url, headers }: FastifyRequest, reply: FastifyReply): void {
    const location = reply.getHeader('location');
    const target = typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined;
    const isRefusal =
      target?.searchParams.has('error') === true || parametersIn(target?.hash.slice(1) ?? '').has('error');
    if (target === undefined || !isRefusal || target.origin === this.#origin) {
      return;
    }
    const asked = parametersIn(queryOf(url));
    // Hydra refuses what is no verifier of its own by sending the browser on, too.
    const hasAnswered = this.#binding.holds(asked.get('consent_verifier') ?? '', headers.cookie);
    if (mayMislead(asked, target.href) && !hasAnswered) {
      void reply.removeHeader('location');
      throw new Problem('malformed_request', {
        detail: 'The application that sent you here asked for something that isn’t possible.',
        reason: 'refused_before_consent',
      });
    }
  }

  async #authorize(request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const asked = parametersIn(queryOf(request.url));
    const clientId = asked.get('client_id') ?? '';
    const targets = targetsIn(asked);
    const isConcerned = isDocumentUrl(clientId) || isAgentId(clientId) || asked.has('resource');
    if (!isConcerned && !targets.some((target) => this.#resources.find(target))) {
      return false;
    }
    // A request that comes back from a page of Hydra's has been rewritten before: what it asks for is checked again all the same.
    const isBack = isVerifier(asked.get('login_verifier')) || isVerifier(asked.get('consent_verifier'));
    const isByHydraId = isAgentId(clientId) && !isBack;
    const client =
      asked.has('resource') || isDocumentUrl(clientId) || isByHydraId
        ? await this.#clientOf(asked, request, reply)
        : undefined;
    try {
      this.#rewritten.set(request, { query: String(this.#requestFor(asked, client)) });
      return false;
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'authorization request refused');
      await reply.redirect(
        refusalUrl(error, asked, client ?? (await this.#clientOf(asked, request, reply))),
        303,
      );
      return true;
    }
  }

  /** The authorization request as Hydra gets it. @throws {OAuthRefusal} */
  #requestFor(asked: URLSearchParams, client: HydraClientRecord | undefined): URLSearchParams {
    const request = new URLSearchParams(asked);
    const clientId = asked.get('client_id') ?? '';
    const isAgent = isAgentId(hydraIdOf(clientId));
    if (
      isAgent &&
      ((asked.get('response_mode') ?? 'query') !== 'query' || asked.get('response_type') !== 'code')
    ) {
      // Refusals would leave in a fragment, or in a page that posts itself.
      throw new OAuthRefusal('invalid_request', 'only a code is issued, in the query', 'response_of_agent');
    }
    const target = this.#targetOf(asked, isAgent);
    const resource = this.#resources.find(target);
    request.delete('resource');
    // In the spelling by which the consent and the token are found to be for it.
    request.set('audience', resource?.resource ?? target);
    request.set('client_id', hydraIdOf(clientId));
    if (resource === undefined) {
      return request;
    }
    if (asked.get('code_challenge_method') !== 'S256' || (asked.get('code_challenge') ?? '') === '') {
      // Hydra refuses it too, but only once the user has logged in and agreed.
      throw new OAuthRefusal('invalid_request', 'PKCE with S256 is needed', 'pkce_missing');
    }
    if ((asked.get('state') ?? '') === '') {
      // Hydra insists on one. Clients with PKCE needn't have any, and ignore what they didn't ask for (RFC 6749 section 4.1.2).
      request.set('state', randomUUID());
    }
    const given = scopeTokens(asked.get('scope') ?? '');
    // RFC 6749 section 3.3: without a scope, all that there is. The user decides.
    const scopes = given.length === 0 ? [...resource.scopes.keys()] : given;
    if (!scopes.every((scope) => mayAskFor(scope, resource))) {
      throw new OAuthRefusal('invalid_scope', 'the resource has no such scope', 'scope_of_other_resource');
    }
    // An agent states by its grant types that it wants refresh tokens; the scope is how Hydra, and the user, are asked for them.
    const staying = client?.refreshes === true && isAgentId(client.id) ? ['offline_access'] : [];
    request.set('scope', [...new Set([...scopes, ...staying])].join(' '));
    return request;
  }

  /** The one audience of a request. @throws {OAuthRefusal} `invalid_target` (RFC 8707 section 2) */
  #targetOf(asked: URLSearchParams, needsResource: boolean): string {
    const resources = new Set(asked.getAll('resource').map((identifier) => this.#known(identifier)));
    const audiences = targetsIn(asked);
    const targets = new Set([...resources, ...audiences]);
    const [target] = targets;
    if (targets.size !== 1 || target === undefined) {
      throw new OAuthRefusal(
        'invalid_target',
        targets.size === 0 ? 'a resource is needed' : 'a token is for one resource: name one',
        targets.size === 0 ? 'resource_missing' : 'several_resources',
      );
    }
    if (needsResource && this.#resources.find(target) === undefined) {
      throw new OAuthRefusal('invalid_target', 'tokens are not issued for this resource', 'resource_unknown');
    }
    return target;
  }

  /** A resource identifier, as it is an audience. @throws {OAuthRefusal} `invalid_target` */
  #known(identifier: string): string {
    const resource = this.#resources.find(identifier);
    if (resource === undefined && resourceOf(identifier) !== resourceOf(this.#audience)) {
      throw new OAuthRefusal('invalid_target', 'tokens are not issued for this resource', 'resource_unknown');
    }
    return resource?.resource ?? this.#audience;
  }

  async #clientOf(
    asked: URLSearchParams,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<HydraClientRecord> {
    const clientId = asked.get('client_id') ?? '';
    try {
      if (isDocumentUrl(clientId) && this.#resources.isEmpty) {
        throw new ClientMetadataError('metadata documents are not supported here');
      }
      if (!isDocumentUrl(clientId) && !hydraIdForm.test(clientId)) {
        throw new ClientMetadataError('it is unknown');
      }
      const found = await this.#clients.find(clientId, async () =>
        this.#limits.take(request, reply, [addressCheck(request, 'document-address', 'keep')]),
      );
      if (found !== undefined) {
        return found;
      }
      throw new ClientMetadataError('it is unknown');
    } catch (error) {
      if (!(error instanceof ClientMetadataError)) {
        throw error;
      }
      request.log.info({ reason: 'client_refused', fault: error.fault, err: error.cause }, error.message);
      throw new Problem('malformed_request', {
        detail: `The application that sent you here can’t be used: ${error.message}.`,
        reason: 'client_refused',
        cause: error,
      });
    }
  }

  async #token(
    request: FastifyRequest,
    reply: FastifyReply,
    { isToken, granted }: { readonly isToken: boolean; readonly granted: readonly string[] | undefined },
  ): Promise<boolean> {
    if (!(request.body instanceof Readable) || !isEncodedForm(request.headers['content-type'])) {
      return false;
    }
    const bytes = await readWholeBody(request.body);
    const form = parametersIn(bytes.toString());
    try {
      // Whatever isn't a machine's: Hydra ignores blanks around the type.
      const isGrant = isToken && form.get('grant_type') !== 'client_credentials' && !this.#resources.isEmpty;
      const wanted = isToken && form.has('resource') ? this.#targetOf(form, isGrant) : undefined;
      if (wanted !== undefined && granted?.includes(wanted) === false) {
        // Before Hydra sees it, which would make a new refresh token of it.
        throw grantOfOtherResource();
      }
      const own = this.#tokenRequestFor(form, wanted);
      const body = own === undefined ? bytes : Buffer.from(String(own));
      this.#rewritten.set(request, {
        isGrant,
        ...(wanted === undefined ? {} : { wanted }),
        ...(own === undefined ? {} : { length: body.length }),
      });
      replaceBody(request, body);
      return false;
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      await reply.code(400).headers({ 'cache-control': 'no-store', pragma: 'no-cache' }).send(error.toJSON());
      return true;
    }
  }

  /** The token request as Hydra gets it; undefined if it stays as it is. @throws {OAuthRefusal} */
  #tokenRequestFor(form: URLSearchParams, wanted: string | undefined): URLSearchParams | undefined {
    const clientId = form.get('client_id') ?? '';
    const isMachine = form.get('grant_type') === 'client_credentials';
    if (wanted === undefined && !isDocumentUrl(clientId)) {
      return undefined;
    }
    if (isMachine && wanted !== undefined && wanted !== this.#audience) {
      throw new OAuthRefusal('invalid_target', 'a resource needs a user', 'resource_without_user');
    }
    const own = new URLSearchParams(form);
    own.delete('resource');
    if (isDocumentUrl(clientId)) {
      own.set('client_id', hydraIdOf(clientId));
    }
    if (isMachine && wanted !== undefined) {
      own.set('audience', wanted);
    }
    return own;
  }
}

/** Whether a parameter is what Hydra gave a browser that comes back from a page. It takes a blank one for none, and begins anew. */
function isVerifier(value: string | null): boolean {
  return /[\w-]{16}/.test(value ?? '');
}

/**
 * Whether a refusal before the user has agreed must not send a browser on: that a client registered itself is no reason to trust where it
 * leads (RFC 9700 section 4.11.2). On the user's own device, it leads to a program that they have started.
 */
function mayMislead(asked: URLSearchParams, target: string): boolean {
  const isLocal = URL.canParse(target) && isLoopbackHost(new URL(target).hostname);
  return isAgentId(hydraIdOf(asked.get('client_id') ?? '')) && !isLocal;
}

/** The audiences that a request names in Hydra's own parameter. */
function targetsIn(asked: URLSearchParams): string[] {
  return asked.getAll('audience').flatMap((value) => value.split(' ').filter((part) => part !== ''));
}

/**
 * Where the browser goes with a refusal (RFC 6749 section 4.1.2.1).
 * @throws {Problem} `malformed_request` if the request names no redirect URI of the client: then it goes nowhere.
 */
function refusalUrl(
  refusal: OAuthRefusal,
  asked: URLSearchParams,
  { redirectUris }: HydraClientRecord,
): string {
  const uri = asked.get('redirect_uri') ?? '';
  if (!isRedirectUriOf(redirectUris, uri) || mayMislead(asked, uri)) {
    throw new Problem('malformed_request', {
      detail: `The application that sent you here asked for something that isn’t possible: ${refusal.message}.`,
      reason: refusal.reason,
      cause: refusal,
    });
  }
  const state = asked.get('state');
  const target = new URL(uri);
  const answer = {
    error: refusal.code,
    error_description: refusal.message,
    ...(state === null ? {} : { state }),
  };
  for (const [name, value] of Object.entries(answer)) {
    target.searchParams.set(name, value);
  }
  return target.href;
}
