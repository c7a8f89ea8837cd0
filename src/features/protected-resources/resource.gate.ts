import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Inject, Injectable } from '@nestjs/common';
import { isLoopbackHost, isRedirectUriOf } from '../../platform/core/loopback.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { type ProtectedResource, resourceOf } from '../../providers/ory/hydra/protected-resource.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import { clientRefusal } from '../../providers/ory/proxy/self-registered.gate.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { hasDocument, hydraIdOf, isAgentId, isDocumentUrl } from '../../providers/ory/hydra/agent-client.js';
import { withAddedState } from '../../providers/ory/hydra/added-state.js';
import { ChallengeBinding } from '../../providers/ory/hydra/challenge-binding.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { type HydraClientRecord, isHydraId, recordOf } from '../../providers/ory/hydra/hydra-clients.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { isContinued, isEncodedForm, parametersIn, queryOf } from '../../providers/ory/proxy/query-limit.js';
import { readWholeBody, replaceBody } from '../../providers/ory/proxy/whole-body.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { OAuthRefusal, answerClient } from '../../providers/ory/proxy/oauth-refusal.js';
import { ResourceRegistry } from '../../providers/ory/hydra/resource-registry.js';
import { ownScopes } from './protected-resources.parser.js';
import { ResourceKeys } from './resource-keys.js';
import { ResourceTokens, grantOfOtherResource } from './resource-tokens.js';

/**
 * Adds to Hydra what it doesn't know: resource indicators (RFC 8707), which become its audiences, and that clients which registered
 * themselves get nothing else. It stands in the proxy, so that every request for a code or a token passes it.
 */
@Injectable()
export class ResourceGate {
  readonly #audience: string;
  readonly #origin: string;

  constructor(
    private readonly hydra: HydraClient,
    private readonly resources: ResourceRegistry,
    private readonly tokens: ResourceTokens,
    private readonly keys: ResourceKeys,
    private readonly binding: ChallengeBinding,
    @Inject(CONFIGURATION) { PUBLIC_URL, TOKEN_AUDIENCE }: OryConfiguration,
    gates: AddedGates,
  ) {
    this.#audience = TOKEN_AUDIENCE;
    this.#origin = PUBLIC_URL;
    gates.add('requests', {
      name: 'resource',
      admit: async (exchange) => this.#admit(exchange),
      settle: async (exchange, payload) => this.#settle(exchange, payload),
    });
  }

  /**
   * Judges a request before it goes to Hydra.
   * @returns whether the request is answered.
   * @throws {Problem} `malformed_request` for a client that a browser can't be sent back to.
   */
  async #admit(exchange: Exchange): Promise<boolean> {
    const { request, path } = exchange;
    if (path === '/oauth2/auth') {
      return this.#authorize(exchange);
    }
    if (request.method === 'POST' && /^\/oauth2\/(?:token|revoke)$/.test(path)) {
      return this.#token(exchange, path === '/oauth2/token');
    }
    return false;
  }

  /**
   * Judges an answer before it is sent.
   * @param payload of Hydra's answer.
   * @returns the text to send instead; undefined if the answer stays as it is.
   * @throws {Problem} `malformed_request` for a refusal with which a browser must not be sent on.
   */
  async #settle(exchange: Exchange, payload: unknown): Promise<string | undefined> {
    this.#requireAgreed(exchange);
    const { request, reply, grant } = exchange;
    const isReadable = payload instanceof Readable && reply.getHeader('content-encoding') === undefined;
    if (grant === undefined || reply.statusCode !== 200 || !isReadable) {
      return undefined;
    }
    const json = await text(payload);
    void reply.removeHeader('content-length');
    try {
      const bound = await this.tokens.bind(JSON.parse(json), grant);
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
  #requireAgreed({ request: { url, headers }, reply }: Exchange): void {
    const location = reply.getHeader('location');
    const target = typeof location === 'string' && URL.canParse(location) ? new URL(location) : undefined;
    const isRefusal =
      target?.searchParams.has('error') === true || parametersIn(target?.hash.slice(1) ?? '').has('error');
    if (target === undefined || !isRefusal || target.origin === this.#origin) {
      return;
    }
    const asked = parametersIn(queryOf(url));
    // Hydra refuses what is no verifier of its own by sending the browser on, too.
    const hasAnswered = this.binding.holds(asked.get('consent_verifier') ?? '', headers.cookie);
    if (mayMislead(asked, target.href) && !hasAnswered) {
      void reply.removeHeader('location');
      throw new Problem('malformed_request', {
        detail: 'The application that sent you here asked for something that isn’t possible.',
        reason: 'refused_before_consent',
      });
    }
  }

  async #authorize(exchange: Exchange): Promise<boolean> {
    const { request, reply } = exchange;
    const asked = parametersIn(queryOf(request.url));
    const clientId = asked.get('client_id') ?? '';
    const isAgent = isAgentId(hydraIdOf(clientId));
    const isConcerned =
      isAgent || asked.has('resource') || targetsIn(asked).some((target) => this.resources.find(target));
    if (!isConcerned) {
      return false;
    }
    const client =
      (isAgent || asked.has('resource')) && isJudged(asked)
        ? await this.#clientOf(exchange, clientId)
        : undefined;
    try {
      exchange.query = String(this.#requestFor(asked, client));
      return false;
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'authorization request refused');
      // With the state as Hydra would answer it, from which the answer's gate makes the client's own.
      const sent = isContinued(asked) ? asked : parametersIn(withAddedState(queryOf(request.url)));
      await reply.redirect(
        refusalUrl(error, sent, client ?? (await this.#clientOf(exchange, clientId))),
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
    const resource = this.resources.find(target);
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
    if (needsResource && this.resources.find(target) === undefined) {
      throw new OAuthRefusal('invalid_target', 'tokens are not issued for this resource', 'resource_unknown');
    }
    return target;
  }

  /** A resource identifier, as it is an audience. @throws {OAuthRefusal} `invalid_target` */
  #known(identifier: string): string {
    const resource = this.resources.find(identifier);
    if (resource === undefined && resourceOf(identifier) !== resourceOf(this.#audience)) {
      throw new OAuthRefusal('invalid_target', 'tokens are not issued for this resource', 'resource_unknown');
    }
    return resource?.resource ?? this.#audience;
  }

  /**
   * The client that a gate has admitted, or else as Hydra has it. What one with a document states, Hydra doesn't know.
   * @throws {Problem} `malformed_request`
   */
  async #clientOf({ client, request }: Exchange, clientId: string): Promise<HydraClientRecord> {
    const isKept = isHydraId(clientId) && !hasDocument(clientId);
    const found = client ?? (isKept ? recordOf(await this.hydra.client(clientId)) : undefined);
    if (found === undefined) {
      request.log.info({ reason: 'client_refused' }, 'it is unknown');
      throw clientRefusal('it is unknown');
    }
    return found;
  }

  async #token(exchange: Exchange, isToken: boolean): Promise<boolean> {
    const { request, reply, refresh } = exchange;
    if (!(request.body instanceof Readable) || !isEncodedForm(request.headers['content-type'])) {
      return false;
    }
    const bytes = await readWholeBody(request.body);
    const form = parametersIn(bytes.toString());
    try {
      // Any that isn't a machine's.
      const isGrant = isToken && form.get('grant_type') !== 'client_credentials' && !this.resources.isEmpty;
      const wanted = isToken && form.has('resource') ? this.#targetOf(form, isGrant) : undefined;
      if (wanted !== undefined && refresh?.audience.includes(wanted) === false) {
        // Before Hydra sees it, which would make a new refresh token of it.
        throw grantOfOtherResource();
      }
      const own = this.#tokenRequestFor(form, wanted);
      const body = own === undefined ? bytes : Buffer.from(String(own));
      exchange.grant = isGrant
        ? {
            wanted,
            jkt: await this.keys.keyOf(exchange),
            isPublic: (exchange.presented?.secret ?? '') === '',
            isCode: form.get('grant_type') === 'authorization_code',
          }
        : undefined;
      if (own !== undefined) {
        exchange.length = body.length;
      }
      replaceBody(request, body);
      return false;
    } catch (error) {
      if (!(error instanceof OAuthRefusal || error instanceof OAuthError)) {
        throw error;
      }
      request.log.info({ error: error.code, reason: error.reason }, 'token request refused');
      await answerClient(reply, error);
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

/** Whether a client may ask for a scope in a request for this resource. */
function mayAskFor(scope: string, { scopes }: ProtectedResource): boolean {
  return scopes.has(scope) || ownScopes.has(scope);
}

/**
 * Whether the client of an authorization request is to be judged: it isn't any more when the browser comes back from a page of Hydra's. What
 * that request asks for is checked again all the same.
 */
export function isJudged(asked: URLSearchParams): boolean {
  return !isContinued(asked) || asked.has('resource') || isDocumentUrl(asked.get('client_id') ?? '');
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
