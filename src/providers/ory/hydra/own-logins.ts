import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import type { ConsentRequest, LoginContext, LoginRequest } from './hydra.schemas.js';

/** Logins that are remembered, some kilobytes each, for the milliseconds that a browser takes from one redirect to the next. */
const shortly = { max: 1000, ttl: 30_000, ttlAutopurge: true };

/** A login of the gateway's own client that this process has accepted at Hydra. */
export interface OwnLogin {
  readonly request: LoginRequest;
  /** What it was accepted with. */
  readonly context: LoginContext;
  /** The user, as the source reported them for the login challenge (step 4). */
  readonly identity: ProviderIdentity;
}

/**
 * Own logins between step 5's two challenges, so that neither Hydra nor the user's source is asked again what it has just said. Each is given
 * once, soon, and to this process; otherwise they are asked. Step 9 asks the source in any case.
 */
@Injectable()
export class OwnLogins {
  readonly #byVerifier = new LRUCache<string, OwnLogin>(shortly);
  readonly #byChallenge = new LRUCache<string, OwnLogin>(shortly);

  /** Notes that Hydra has accepted a login. @param target where Hydra sends the browser: its verifier stands for the login. */
  accepted(target: string, login: OwnLogin): void {
    const verifier = new URL(target).searchParams.get('login_verifier');
    if (verifier) {
      this.#byVerifier.set(verifier, login);
    }
  }

  /** Notes that Hydra, asked with a login verifier, has sent a browser to a consent challenge. */
  redirected(verifier: string, consentChallenge: string): void {
    const login = this.#byVerifier.get(verifier);
    if (login !== undefined) {
      this.#byVerifier.delete(verifier);
      this.#byChallenge.set(consentChallenge, login);
    }
  }

  /** A consent challenge as Hydra would state it, and the user; undefined for one that isn't of such a login. */
  take(
    challenge: string,
  ): { readonly request: ConsentRequest; readonly identity: ProviderIdentity } | undefined {
    const login = this.#byChallenge.get(challenge);
    if (login === undefined) {
      return undefined;
    }
    this.#byChallenge.delete(challenge);
    const { request, context, identity } = login;
    const { subject } = identity;
    return {
      request: { ...request, challenge, subject, skip: false, login_session_id: request.session_id, context },
      identity,
    };
  }
}
