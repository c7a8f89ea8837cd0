import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import type { Claims } from './claims.schema.js';
import { type AuthenticatedKey, KeyAuthenticator } from './key.authenticator.js';
import { type CheckedToken, LiveTokens } from './live.tokens.js';
import { type Principal, userOf } from './principal.js';
import { RevocationList } from './revocation.list.js';
import { SessionCookie } from './session.cookie.js';
import type { MintedSession } from './session.minter.js';
import { SessionRenewer } from './session.renewer.js';
import { type RequestUse, usedFrom } from './used.from.js';

const bearerCredentials = /^Bearer +([\w.-]+) *$/i;
const apiKeyForm = /^vst_/;
const usualScheme = 'Bearer ';
/** As most programs write it, and not an API key: a token in another spelling is verified each time. */
const usualBearer = /^[Bb]earer (?!vst_)/;
/** Names under which somebody might put a credential into a URL, where logs and histories keep it. */
const credentialParameters = new Set(['api_key', 'apikey', 'api-key', 'x-api-key', 'access_token']);

/** Who makes a request, and whether that was known in memory or had to be decrypted, verified or looked up. */
export interface Authenticated {
  readonly principal: Principal;
  readonly cache: 'hit' | 'miss';
}

/**
 * Whose a request is: an augmented token in the session cookie or as a bearer, or an API key in `X-API-Key` or as a bearer.
 * Nothing but memory is asked, except when a cookie's token is near its end, over or stale and its session is renewed, or an
 * API key hasn't been seen for a minute.
 */
@Injectable()
export class RequestAuthenticator {
  readonly #cookie: SessionCookie;
  readonly #tokens: LiveTokens;
  readonly #revocations: RevocationList;
  readonly #renewer: SessionRenewer;
  readonly #keys: KeyAuthenticator;

  constructor(
    cookie: SessionCookie,
    tokens: LiveTokens,
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
   * @returns at once when the credential was verified before and is still good.
   * @throws {Problem} `unauthenticated`; `malformed_request` for a credential in the URL, or two in the headers.
   */
  authenticate(request: FastifyRequest, reply: FastifyReply): Authenticated | Promise<Authenticated> {
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
      return this.#bearerHolder(request, authorization);
    }
    const sealed = this.#cookie.find(request);
    if (sealed === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    const known = this.#tokens.recall('cookie', sealed);
    if (known !== undefined) {
      return { principal: known, cache: 'hit' };
    }
    const found = this.#cookieSession(sealed, request, reply);
    return found instanceof Promise ? found.then(asMiss) : asMiss(found);
  }

  /**
   * The claims of a live augmented token.
   * @throws {Problem} `unauthenticated` for any other, and for one that says what has changed since.
   */
  async bearerClaims(token: string): Promise<Claims> {
    return (await this.#bearer(token)).claims;
  }

  #bearerHolder(request: FastifyRequest, authorization: string): Authenticated | Promise<Authenticated> {
    if (usualBearer.test(authorization)) {
      // What is known needs no look at its characters.
      const known = this.#tokens.recall('bearer', authorization.slice(usualScheme.length));
      if (known !== undefined) {
        return { principal: known, cache: 'hit' };
      }
    }
    const token = bearerOf(request);
    if (token === undefined) {
      throw new Problem('unauthenticated', { reason: 'authorization_malformed' });
    }
    return apiKeyForm.test(token) ? this.#keyHolder(token) : this.#bearer(token).then(asMiss);
  }

  async #bearer(token: string): Promise<Principal> {
    const checked = await this.#tokens.verify(token);
    if (checked.expired || checked.verdict === 'stale') {
      throw new Problem('unauthenticated', { reason: checked.expired ? 'token_expired' : 'token_stale' });
    }
    return this.#tokens.remember('bearer', token, checked);
  }

  #keyHolder(key: string): Authenticated | Promise<Authenticated> {
    const found = this.#keys.authenticate(key);
    return found instanceof Promise
      ? found.then((read) => asMiss(keyPrincipal(read)))
      : { principal: keyPrincipal(found), cache: 'hit' };
  }

  #cookieSession(
    sealed: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Principal | Promise<Principal> {
    const opened = this.#cookie.open(sealed);
    if (opened === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    const use = (checked: CheckedToken): Principal | Promise<Principal> =>
      !checked.expired && checked.verdict === 'live' && !this.#tokens.isNearEnd(checked.claims)
        ? this.#tokens.remember('cookie', sealed, checked)
        : this.#renew(checked, request, reply);
    const checked = this.#tokens.verifyOpened(opened);
    return checked instanceof Promise ? checked.then(use) : use(checked);
  }

  /** A cookie's token that can't be used as it is, or soon can't, is renewed and the cookie set anew. */
  async #renew(checked: CheckedToken, request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const { claims } = checked;
    const isUsable = !checked.expired && checked.verdict === 'live';
    const from = usedFrom(request);
    const renewed = isUsable
      ? await this.#renewer.renewAhead(claims, from)
      : await this.#renewNow(claims, from);
    if (renewed === undefined) {
      return { user: userOf(claims), claims, credential: 'cookie' };
    }
    // A logout that came while the renewal was under way wins.
    if (this.#revocations.isSessionOver(claims.sid)) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    this.#cookie.write(reply, renewed.token);
    return {
      user: userOf(renewed.claims),
      claims: renewed.claims,
      credential: 'cookie',
      token: renewed.token,
    };
  }

  /** A renewal that was shared may be older than what has made this token stale: then once more. */
  async #renewNow(claims: Claims, from: RequestUse): Promise<MintedSession> {
    const renewed = await this.#renewer.renew(claims, from);
    return this.#revocations.verdict(renewed.claims) === 'stale'
      ? this.#renewer.renew(renewed.claims, from)
      : renewed;
  }
}

function asMiss(principal: Principal): Authenticated {
  return { principal, cache: 'miss' };
}

function keyPrincipal({ user, claims, expiresAt }: AuthenticatedKey): Principal {
  return { user, claims, credential: 'api_key', keyEndsAt: expiresAt };
}

/** What the Authorization header holds for the scheme `Bearer` (RFC 6750 section 2.1). */
export function bearerOf({ headers }: FastifyRequest): string | undefined {
  return headers.authorization === undefined ? undefined : bearerCredentials.exec(headers.authorization)?.[1];
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
