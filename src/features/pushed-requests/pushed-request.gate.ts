import { Readable } from 'node:stream';
import { Inject, Injectable } from '@nestjs/common';
import type { Application } from '../../auth-strategy/application-administration.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { isRedirectUriOf } from '../../platform/core/loopback.js';
import { RateLimits, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { Problem } from '../../platform/errors/problem.error.js';
import {
  protectionFault,
  protectionRefusals,
  standInFor,
} from '../../providers/ory/hydra/code-protection.js';
import { HydraDiscovery } from '../../providers/ory/hydra/hydra-discovery.js';
import { AddedGates } from '../../providers/ory/proxy/added-gates.js';
import { ApplicationAuthentication } from '../../providers/ory/proxy/application-authentication.js';
import type { Exchange } from '../../providers/ory/proxy/exchange.js';
import { OAuthRefusal, answerClientWith } from '../../providers/ory/proxy/oauth-refusal.js';
import { parametersIn, requireShortQuery } from '../../providers/ory/proxy/query-limit.js';
import { peekBody } from '../../providers/ory/proxy/whole-body.js';
import { ProofsOfPossession } from '../../session/tokens/proofs-of-possession.js';
import { PushedRequestRepository, requestLife } from './pushed-request.repository.js';

/** After the prefix of Hydra. */
const endpoint = '/oauth2/par';
const authorization = '/oauth2/auth';
/** RFC 9126 section 2.2. */
const prefix = 'urn:ietf:params:oauth:request_uri:';
/**
 * Takes authorization requests from applications (RFC 9126 section 2), and puts them in the place of the references by which browsers
 * bring them. Hydra and the gates see a request as if the browser had come with all of it.
 */
@Injectable()
export class PushedRequestGate {
  readonly #base: string;

  constructor(
    private readonly requests: PushedRequestRepository,
    private readonly applications: ApplicationAuthentication,
    private readonly limits: RateLimits,
    private readonly proofs: ProofsOfPossession,
    discovery: HydraDiscovery,
    gates: AddedGates,
    @Inject(CONFIGURATION) { PUBLIC_URL }: OryConfiguration,
  ) {
    this.#base = `${PUBLIC_URL}/ory/hydra`;
    gates.add('replacement', {
      name: 'pushed-request',
      admit: async (exchange) => this.#replace(exchange),
    });
    gates.add('clients', { name: 'push', admit: async (exchange) => this.#admit(exchange) }, [
      { methods: ['POST'], path: /^\/oauth2\/par$/ },
    ]);
    discovery.add({ pushed_authorization_request_endpoint: `${this.#base}${endpoint}` });
  }

  /** @throws {Problem} `malformed_request` for a reference that is used, expired, or another client's. */
  async #replace(exchange: Exchange): Promise<void> {
    const { request, reply, path } = exchange;
    const asked = parametersIn(exchange.query);
    const [uri = '', ...others] = asked.getAll('request_uri');
    if (path !== authorization || request.method !== 'GET' || others.length > 0 || !uri.startsWith(prefix)) {
      return;
    }
    // One that there is counts as any login that is begun, at the gate of limits.
    await this.limits.take(reply, [addressCheck(request, 'start-address', 'return')]);
    const query = await this.requests.take(uri.slice(prefix.length), asked.get('client_id') ?? '');
    if (query === undefined) {
      throw new Problem('malformed_request', {
        detail:
          'This login was begun more than a minute ago, was opened before, or is another application’s. Begin it anew where you came from.',
        reason: 'pushed_request_unknown',
      });
    }
    exchange.replaceQuery(query);
  }

  /** @returns whether the request is answered. */
  async #admit(exchange: Exchange): Promise<boolean> {
    const { request, reply, path, presented } = exchange;
    if (path !== endpoint) {
      return false;
    }
    const form = request.body instanceof Readable ? String(await peekBody(request, request.body)) : '';
    const push = async (): Promise<Readonly<Record<string, unknown>>> => {
      const application = await this.applications.authenticate(presented);
      const asked = parametersIn(form);
      const jkt = await this.proofs.keyOf(request, reply);
      const query = pushable(asked, application, jkt);
      return {
        request_uri: `${prefix}${await this.requests.put(application.id, query)}`,
        expires_in: requestLife,
      };
    };
    await answerClientWith(exchange, 'pushed request', push, 201);
    return true;
  }
}

/** The query that a pushed request stands for. @throws {OAuthRefusal} `invalid_request` @throws {Problem} `uri_too_long`, `malformed_request` */
function pushable(asked: URLSearchParams, application: Application, jkt: string | undefined): string {
  if (
    [...asked.keys()].some(
      (name) => /^request(?:_uri)?$|_(?:challenge|verifier)$/.test(name) && name !== 'code_challenge',
    )
  ) {
    throw new OAuthRefusal(
      'invalid_request',
      'push the parameters of a new request themselves: no request objects',
    );
  }
  const uri = asked.get('redirect_uri');
  if (uri !== null && !isRedirectUriOf(application.redirectUris, uri)) {
    throw new OAuthRefusal('invalid_request', 'the redirect URI is not registered', 'redirect_uri_unknown');
  }
  if (asked.get('response_type') !== 'code') {
    throw new OAuthRefusal('invalid_request', 'response_type must be code');
  }
  if (jkt !== undefined && (asked.get('dpop_jkt') ?? jkt) !== jkt) {
    throw new OAuthRefusal(
      'invalid_request',
      'dpop_jkt is of another key than the proof',
      'code_of_other_key',
    );
  }
  const request = new URLSearchParams(asked);
  if (jkt !== undefined) {
    request.set('dpop_jkt', jkt);
  }
  // What else authenticates is gone before.
  request.delete('client_secret');
  request.set('client_id', application.id);
  const fault = protectionFault(application, withStandIn(request));
  if (fault !== undefined) {
    throw new OAuthRefusal('invalid_request', protectionRefusals[fault].error_description, fault);
  }
  requireShortQuery(`${authorization}?${request}`);
  return String(request);
}

/** A request as it will go to Hydra, which requires a challenge of each. */
function withStandIn(request: URLSearchParams): URLSearchParams {
  return (request.get('code_challenge') ?? '') === ''
    ? new URLSearchParams({
        ...Object.fromEntries(request),
        ...standInFor(request.get('client_id') ?? ''),
      })
    : request;
}
