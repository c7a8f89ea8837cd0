import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../platform/errors/problem.error.js';
import type { Claims } from '../tokens/claims.schema.js';
import { type AuthenticatedKey, KeyAuthenticator } from './key-authenticator.js';
import { type CheckedToken, VerifiedTokenCache } from '../tokens/verified-token.cache.js';
import { type Principal, userOf } from '../principal.js';
import { RevocationList } from '../revocation/revocation-list.js';
import { SessionCookie } from '../cookie/session-cookie.js';
import { ProofsOfPossession } from '../tokens/proofs-of-possession.js';
import { SessionRenewer } from '../session-renewer.js';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { applicationHostOf } from '../../platform/http/application-hosts.js';

const bearerCredentials = /^Bearer +([\w.-]+) *$/i;
const apiKeyForm = /^vst_/;
const boundCredentials = /^DPoP +([\w.-]+) *$/i;
const usualScheme = 'Bearer ';
/** A bearer as most programs write it, and not an API key. A token in another spelling is verified each time. */
const usualBearer = /^[Bb]earer (?!vst_)/;
/** Parameter names under which a caller might put a credential into a URL, where logs and histories keep it. */
const credentialParameters = new Set(['api_key', 'apikey', 'api-key', 'x-api-key', 'access_token']);

/** The caller of a request, and whether it was known from memory or had to be decrypted, verified or looked up. */
export interface Authenticated {
  readonly principal: Principal;
  readonly cache: 'hit' | 'miss';
}

/**
 * Authenticates a request by an augmented token, in the session cookie, as a bearer or with a proof of its key, or by an API key, in
 * `X-API-Key` or as a bearer. It reads nothing but memory, with three exceptions: a cookie's token is near its end, expired or outdated, so
 * that its session is renewed; an API key hasn't been seen for a minute; or a proof must not have been used before.
 */
@Injectable()
export class RequestAuthenticator {
  constructor(
    private readonly cookie: SessionCookie,
    private readonly tokens: VerifiedTokenCache,
    private readonly revocations: RevocationList,
    private readonly renewer: SessionRenewer,
    private readonly keys: KeyAuthenticator,
    private readonly proofs: ProofsOfPossession,
  ) {}

  /**
   * Authenticates the request.
   * @param reply on which a renewed session's cookie is set.
   * @returns synchronously when the credential was verified before and is still valid.
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
      const bound = boundTokenOf(request);
      return bound === undefined
        ? this.#bearerHolder(request, authorization)
        : this.#keyProver(request, bound).then(asMiss);
    }
    const sealed = this.cookie.find(request);
    if (sealed === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    const known = this.tokens.get('cookie', sealed, audienceAt(request));
    if (known !== undefined) {
      return { principal: known, cache: 'hit' };
    }
    const found = this.#cookieSession(sealed, request, reply);
    return found instanceof Promise ? found.then(asMiss) : asMiss(found);
  }

  /**
   * The claims of a live augmented token for the gateway itself.
   * @param jkt thumbprint of the key that the request proves: a bound token is accepted with its own.
   * @throws {Problem} `unauthenticated` for any other or outdated token.
   */
  async liveClaims(token: string, jkt: string | undefined): Promise<Claims> {
    const { claims } = await this.#live(token);
    if (claims.cnf !== undefined && claims.cnf.jkt !== jkt) {
      throw new Problem('unauthenticated', { reason: 'proof_missing' });
    }
    return claims;
  }

  #bearerHolder(request: FastifyRequest, authorization: string): Authenticated | Promise<Authenticated> {
    if (usualBearer.test(authorization)) {
      // A cached credential needs no check of its characters.
      const known = this.tokens.get('bearer', authorization.slice(usualScheme.length), audienceAt(request));
      if (known !== undefined) {
        return { principal: known, cache: 'hit' };
      }
    }
    const token = bearerOf(request);
    if (token === undefined) {
      throw new Problem('unauthenticated', { reason: 'authorization_malformed' });
    }
    return apiKeyForm.test(token)
      ? this.#keyHolder(token)
      : this.#bearer(token, audienceAt(request)).then(asMiss);
  }

  async #bearer(token: string, audience?: string): Promise<Principal> {
    const checked = await this.#live(token, audience);
    if (checked.claims.cnf !== undefined) {
      throw new Problem('unauthenticated', { reason: 'proof_missing' });
    }
    return this.tokens.set('bearer', token, checked);
  }

  /** The holder of a token that is bound to a key. Each request needs a proof of its own, so that nothing is cached. */
  async #keyProver(request: FastifyRequest, token: string): Promise<Principal> {
    const { claims } = await this.#live(token, audienceAt(request));
    await this.proofs.require(request, token, claims);
    return { user: userOf(claims), claims, credential: 'bearer' };
  }

  async #live(token: string, audience?: string): Promise<CheckedToken> {
    const checked = await this.tokens.verify(token, audience);
    if (checked.expired || checked.verdict === 'outdated') {
      throw new Problem('unauthenticated', { reason: checked.expired ? 'token_expired' : 'token_stale' });
    }
    return checked;
  }

  #keyHolder(key: string): Authenticated | Promise<Authenticated> {
    const found = this.keys.authenticate(key);
    return found instanceof Promise
      ? found.then((read) => asMiss(keyPrincipal(read)))
      : { principal: keyPrincipal(found), cache: 'hit' };
  }

  #cookieSession(
    sealed: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Principal | Promise<Principal> {
    const opened = this.cookie.decrypt(sealed);
    if (opened === undefined) {
      throw new Problem('unauthenticated', { reason: 'cookie_absent_or_unreadable' });
    }
    const use = (checked: CheckedToken): Principal | Promise<Principal> =>
      !checked.expired && checked.verdict === 'live' && !this.tokens.isNearEnd(checked.claims)
        ? this.tokens.set('cookie', sealed, checked)
        : this.#renew(checked, request, reply);
    const checked = this.tokens.verifyOpened(opened, audienceAt(request));
    return checked instanceof Promise ? checked.then(use) : use(checked);
  }

  /** Renews a cookie's token that can't be used as it is, or soon can't, and sets the cookie anew. */
  async #renew(checked: CheckedToken, request: FastifyRequest, reply: FastifyReply): Promise<Principal> {
    const { claims } = checked;
    const isUsable = !checked.expired && checked.verdict === 'live';
    const from = clientInfoOf(request);
    const renewed = isUsable
      ? await this.renewer.renewAhead(claims, from)
      : await this.renewer.renew(claims, from);
    if (renewed === undefined) {
      return { user: userOf(claims), claims, credential: 'cookie' };
    }
    // A logout during the renewal takes precedence.
    if (this.revocations.isSessionOver(claims.sid)) {
      throw new Problem('unauthenticated', { reason: 'session_ended' });
    }
    this.cookie.write(reply, renewed.token);
    return {
      user: userOf(renewed.claims),
      claims: renewed.claims,
      credential: 'cookie',
      token: renewed.token,
    };
  }
}

/** The audience that tokens must have at the host of a request; undefined for `TOKEN_AUDIENCE`. */
function audienceAt(request: FastifyRequest): string | undefined {
  return applicationHostOf(request)?.origin;
}

function asMiss(principal: Principal): Authenticated {
  return { principal, cache: 'miss' };
}

function keyPrincipal({ user, claims, expiresAt }: AuthenticatedKey): Principal {
  return { user, claims, credential: 'api_key', keyEndsAt: expiresAt };
}

/** The token of an Authorization header with the scheme `DPoP` (RFC 9449 section 7.1). */
export function boundTokenOf({ headers }: FastifyRequest): string | undefined {
  return headers.authorization === undefined ? undefined : boundCredentials.exec(headers.authorization)?.[1];
}

/** The credential of an Authorization header with the scheme `Bearer` (RFC 6750 section 2.1). */
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
      detail: 'Send credentials in a header, not in the URL.',
      reason: 'credential_in_url',
    });
  }
}
