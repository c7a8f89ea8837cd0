import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { isNativeApp, keepsLoggedIn } from '../hydra/hydra.clients.js';
import type { ConsentRequest } from '../hydra/hydra.schemas.js';
import { KratosClient } from '../kratos/kratos.client.js';
import { toProviderIdentity } from '../kratos/kratos.session.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';

/** The user's choice on the consent page. */
export interface ConsentDecision {
  readonly allow: boolean;
  readonly scope: readonly string[];
  readonly remember: boolean;
}

/** A consent challenge that the user must answer. */
export interface OpenConsent {
  readonly request: ConsentRequest;
  /** Whether the answer may hold for later logins too. */
  readonly canRemember: boolean;
}

/** Answers Hydra's consent challenge (step 5): skipped for clients that are the product itself, asked for any other. */
@Injectable()
export class OryConsentService {
  readonly #hydra: HydraClient;
  readonly #kratos: KratosClient;
  readonly #ownership: AccountOwnership;
  readonly #publicUrl: string;

  constructor(
    hydra: HydraClient,
    kratos: KratosClient,
    ownership: AccountOwnership,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#ownership = ownership;
    this.#hydra = hydra;
    this.#kratos = kratos;
    this.#publicUrl = configuration.PUBLIC_URL;
  }

  /** The request behind a challenge, if its login is still live. */
  async request(challenge: string): Promise<OpenConsent> {
    const request = await this.#hydra.consentRequest(challenge);
    await this.#identityOf(request);
    return { request, canRemember: !this.#isNative(request) };
  }

  /**
   * Grants everything that was requested if the user needn't be asked: to a client of ours, or one that was agreed to before.
   * Hydra accepts a silent login (`prompt=none`) on a consent that it remembers, and then no longer distinguishes such logins
   * of one application. An application that refresh tokens keep logged in would lose them by a logout on another device, and
   * needs no silent login.
   *
   * The user is always asked about a native application, whatever its registration or an earlier consent states.
   * @returns where the browser goes next; nothing when the user must be asked.
   */
  async grantUnasked(challenge: string): Promise<string | undefined> {
    const request = await this.#hydra.consentRequest(challenge);
    const identity = await this.#identityOf(request);
    if (this.#isNative(request)) {
      return isSilent(request) ? this.#hydra.rejectConsent(challenge, 'consent_required') : undefined;
    }
    return request.skip === true || request.client.skip_consent === true
      ? this.#grant(request, identity, request.requested_scope ?? [], !keepsLoggedIn(request.client))
      : undefined;
  }

  /** Carries out the user's decision; it grants never more than the client requested. @returns where the browser goes next. */
  async decide(challenge: string, decision: ConsentDecision): Promise<string> {
    const request = await this.#hydra.consentRequest(challenge);
    if (!decision.allow) {
      return this.#hydra.rejectConsent(challenge);
    }
    const asked = request.requested_scope ?? [];
    if (decision.scope.some((scope) => !asked.includes(scope))) {
      throw new Problem('challenge_rejected', { reason: 'consent_scope_not_asked' });
    }
    // openid isn't a permission that a user could remove: without it, it's another protocol.
    const scope = asked.filter((entry) => entry === 'openid' || decision.scope.includes(entry));
    const remember = decision.remember && !this.#isNative(request);
    return this.#grant(request, await this.#identityOf(request), scope, remember);
  }

  #isNative({ client }: ConsentRequest): boolean {
    return isNativeApp(client, this.#publicUrl);
  }

  async #grant(
    request: ConsentRequest,
    identity: ProviderIdentity,
    scope: readonly string[],
    remember: boolean,
  ): Promise<string> {
    return this.#hydra.acceptConsent(request, {
      scope,
      remember,
      context: {
        ...request.context,
        ...(request.login_session_id ? { hydra_session_id: request.login_session_id } : {}),
      },
      idToken: idTokenClaims(identity, scope),
    });
  }

  async #identityOf(request: ConsentRequest): Promise<ProviderIdentity> {
    const session = await this.#kratos.findSession(request.context.kratos_session_id);
    if (
      session === undefined ||
      session.identity.id !== request.subject ||
      session.identity.state !== 'active'
    ) {
      throw new Problem('challenge_rejected', { reason: 'kratos_session_ended' });
    }
    return this.#ownership.judge(toProviderIdentity(session.identity));
  }
}

/** Whether the application requests that no page is shown (OpenID Connect Core section 3.1.2.1). */
function isSilent({ request_url: url }: ConsentRequest): boolean {
  const prompt = URL.canParse(url) ? new URL(url).searchParams.get('prompt') : null;
  return (prompt ?? '').split(' ').includes('none');
}

/** The claims that the granted scopes stand for (OpenID Connect Core section 5.4). */
function idTokenClaims(identity: ProviderIdentity, scope: readonly string[]): Record<string, unknown> {
  return {
    ...(scope.includes('email') && identity.email !== null
      ? { email: identity.email, email_verified: identity.emailVerified }
      : {}),
    ...(scope.includes('profile') && identity.name !== null ? { name: identity.name } : {}),
    ...(scope.includes('profile') && identity.picture !== null ? { picture: identity.picture } : {}),
  };
}
