import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import type { Claims } from './claims.schema.js';
import { KeyAuthenticator } from './key.authenticator.js';
import { type Principal, userOf } from './principal.js';
import { RevocationList } from './revocation.list.js';
import { SessionCookie } from './session.cookie.js';
import type { MintedSession } from './session.minter.js';
import { SessionRenewer } from './session.renewer.js';
import type { UsedFrom } from './session.repository.js';
import { TokenService, type VerifiedToken } from './token.service.js';
import { usedFrom } from './used.from.js';

const bearerCredentials = /^Bearer +([\w.-]+) *$/i;
const apiKeyForm = /^vst_/;
/** Names under which somebody might put a credential into a URL, where logs and histories keep it. */
const credentialParameters = new Set(['api_key', 'apikey', 'api-key', 'x-api-key', 'access_token']);

/**
 * Whose a request is: an augmented token in the session cookie or as a bearer, or an API key in `X-API-Key` or as a bearer.
 * Nothing but memory is asked, except when a cookie's token is near its end, over or stale and its session is renewed, or an
 * API key hasn't been seen for a minute.
 */
@Injectable()
export class RequestAuthenticator {
  readonly #cookie: SessionCookie;
  readonly #tokens: TokenService;
  readonly #revocations: RevocationList;
  readonly #renewer: SessionRenewer;
  readonly #keys: KeyAuthenticator;

  constructor(
    cookie: SessionCookie,
    tokens: TokenService,
    revocations: RevocationList,
    renewer: SessionRenewer,
    keys: KeyAuthenticator,
  ) {
    this.#cookie = cookie;
    this.#tokens = tokens;
    this.#revocations = revocations;
    this.#renewer = renewer;
    this.#keys = keys;
  }

  /**
   * @param reply on which a renewed session's cookie is set.
   * @throws {Problem} `unauthenticated`; `malformed_request` for a credential in the URL, or two in the headers.
   */
  async authenticate(request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    refuseInUrl(request);
    const { authorization, 'x-api-key': apiKey } = request.headers;
    if (apiKey !== undefined) {
      if (authorization !== undefined || typeof apiKey !== 'string') {
        throw new Problem('malformed_request', {
          detail: 'Send one credential: Authorization or X-API-Key.',
          reason: 'two_credentials',
        });
      }
      return this.#keyHolder(apiKey);
    }
    if (authorization !== undefined) {
      const token = bearerCredentials.exec(authorization)?.[1];
      if (token === undefined) {
        throw new Problem('unauthenticated', { reason: 'authorization_malformed' });
      }
      return apiKeyForm.test(token)
        ? this.#keyHolder(token)
        : principal({ token, claims: await this.bearerClaims(token) }, 'bearer');
    }
    const token = await this.#cookie.read(request);
    if (token === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    return principal(await this.#cookieSession(token, request, reply), 'cookie');
  }

  async #keyHolder(key: string): Promise<Principal> {
    const { user, claims, expiresAt } = await this.#keys.authenticate(key);
    return { user, claims, credential: 'api_key', keyEndsAt: expiresAt };
  }

  /**
   * The claims of a live augmented token.
   * @throws {Problem} `unauthenticated` for any other, and for one that says what has changed since.
   */
  async bearerClaims(token: string): Promise<Claims> {
    const { claims, expired, verdict } = await this.#verify(token);
    if (expired || verdict === 'stale') {
      throw new Problem('unauthenticated', { reason: expired ? 'token_expired' : 'token_stale' });
    }
    return claims;
  }

  /** A cookie's token that can't be used as it is, or soon can't, is renewed and the cookie set anew. */
  async #cookieSession(token: string, request: FastifyRequest, reply: FastifyReply): Promise<MintedSession> {
    const { claims, expired, verdict } = await this.#verify(token);
    const isUsable = !expired && verdict === 'live';
    if (isUsable && !this.#tokens.isNearEnd(claims)) {
      return { token, claims };
    }
    const from = usedFrom(request);
    const renewed = isUsable
      ? await this.#renewer.renewAhead(claims, from)
      : await this.#renewNow(claims, from);
    if (renewed === undefined) {
      return { token, claims };
    }
    // A logout that came while the renewal was under way wins.
    if (this.#revocations.isSessionOver(claims.sid)) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    await this.#cookie.write(reply, renewed.token);
    return renewed;
  }

  /** A renewal that was shared may be older than what has made this token stale: then once more. */
  async #renewNow(claims: Claims, from: UsedFrom): Promise<MintedSession> {
    const renewed = await this.#renewer.renew(claims, from);
    return this.#revocations.verdict(renewed.claims) === 'stale'
      ? this.#renewer.renew(renewed.claims, from)
      : renewed;
  }

  /** The token, unless its session has ended. */
  async #verify(token: string): Promise<VerifiedToken & { readonly verdict: 'live' | 'stale' }> {
    const verified = await this.#tokens.verify(token);
    this.#revocations.requireFresh();
    const verdict = this.#revocations.verdict(verified.claims);
    if (verdict === 'ended') {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    return { ...verified, verdict };
  }
}

function principal({ token, claims }: MintedSession, credential: 'cookie' | 'bearer'): Principal {
  return { user: userOf(claims), claims, credential, token };
}

function refuseInUrl(request: FastifyRequest): void {
  const query = request.url.indexOf('?');
  if (query === -1) {
    return;
  }
  const names = new URLSearchParams(request.url.slice(query + 1)).keys();
  if ([...names].some((name) => credentialParameters.has(name.toLowerCase()))) {
    throw new Problem('malformed_request', {
      detail: 'Credentials belong into a header, not into the URL.',
      reason: 'credential_in_url',
    });
  }
}
