import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { type AgentClient, agentOf } from '../hydra/agent-client.js';
import { ConsentRecorder, type GivenConsent } from '../hydra/consent-recorder.js';
import { HydraClient } from '../hydra/hydra.client.js';
import { applicationOf, mayRememberConsent } from '../hydra/hydra-applications.js';
import { isNativeApp, isOwnClient, keepsLoggedIn } from '../hydra/hydra-clients.js';
import type { ConsentRequest } from '../hydra/hydra.schemas.js';
import { OwnLogins } from '../hydra/own-logins.js';
import { IdentitySource } from '../sources/identity-source.js';
import type { ProviderIdentity } from '../../../directory/users/identity.js';
import { AccountOwnership } from '../../../accounts/account-ownership.service.js';
import { type Admission, ApplicationAdmission } from './application-admission.js';
import { ApplicationClaims } from './application-claims.js';
import { restarted } from './ory-challenge.js';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import type { ProtectedResource } from '../hydra/protected-resource.js';
import { ResourceRegistry } from '../hydra/resource-registry.js';

/** What a consent for a protected resource is about. */
interface ResourceRequest {
  readonly resource: ProtectedResource;
  /** Seconds for which a token is valid. */
  readonly tokenTtl: number;
}

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
  /** The account that it is about: its address, or else its name; null if it has neither. */
  readonly account: string | null;
  /** The organisation that the application belongs to; null for none. */
  readonly orgId: string | null;
  /** The resource that the client wants to use; undefined if it is none of the protected ones. */
  readonly target: ResourceRequest | undefined;
  /** The client, if it registered itself. */
  readonly agent: AgentClient | undefined;
}

/** Answers Hydra's consent challenge (step 5): skipped for clients that are the product itself, asked for any other. */
@Injectable()
export class OryConsentService {
  readonly #publicUrl: string;
  readonly #tokenTtl: number;

  constructor(
    private readonly hydra: HydraClient,
    private readonly ownLogins: OwnLogins,
    private readonly sources: IdentitySource,
    private readonly ownership: AccountOwnership,
    private readonly recorder: ConsentRecorder,
    private readonly claims: ApplicationClaims,
    private readonly admission: ApplicationAdmission,
    private readonly resources: ResourceRegistry,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#publicUrl = configuration.PUBLIC_URL;
    this.#tokenTtl = configuration.TOKEN_TTL;
  }

  /** The request behind a challenge, if its login is still live. */
  async request(challenge: string): Promise<OpenConsent> {
    const request = await this.hydra.consentRequest(challenge);
    const { email, name } = await this.#identityOf(request);
    return {
      account: email ?? name,
      orgId: applicationOf(request.client)?.orgId ?? null,
      request,
      canRemember: this.#canRemember(request),
      target: this.#targetOf(request),
      agent: agentOf(request.client),
    };
  }

  /**
   * Grants everything that was requested if the user needn't be asked: to a client of ours, or one that was agreed to before.
   * Hydra accepts a silent login (`prompt=none`) on a consent that it remembers, and then no longer distinguishes such logins
   * of one application. An application that refresh tokens keep logged in would lose them by a logout on another device, and
   * needs no silent login.
   *
   * The user is always asked about a native application and about one that registered itself, whatever its registration or an earlier
   * consent states; and about an application that isn't ours if it wants to use a protected resource, because Hydra remembers of which
   * scopes a consent was, and not of which resource.
   * @returns where the browser goes next; nothing when the user must be asked.
   */
  async grantUnasked(challenge: string, from: ClientInfo): Promise<string | undefined> {
    const own = this.ownLogins.take(challenge);
    const request = own?.request ?? (await this.hydra.consentRequest(challenge));
    const identity =
      own === undefined ? await this.#identityOf(request) : await this.ownership.judge(own.identity);
    if (this.#isAlwaysAsked(request)) {
      return isSilent(request) ? this.hydra.rejectConsent(challenge, 'unasked') : undefined;
    }
    return request.skip === true || request.client.skip_consent === true
      ? this.#grant({ request, identity, client: from }, request.requested_scope ?? [], {
          remember: !keepsLoggedIn(request.client),
          wasAsked: false,
        })
      : undefined;
  }

  /** Carries out the user's decision; it grants never more than the client requested. @returns where the browser goes next. */
  async decide(challenge: string, decision: ConsentDecision, from: ClientInfo): Promise<string> {
    const request = await this.hydra.consentRequest(challenge);
    if (!decision.allow) {
      return this.hydra.rejectConsent(challenge, 'denied');
    }
    const asked = request.requested_scope ?? [];
    if (decision.scope.some((scope) => !asked.includes(scope))) {
      throw new Problem('challenge_rejected', { reason: 'consent_scope_not_asked' });
    }
    // openid isn't a permission that a user could remove: without it, it's another protocol.
    const scope = asked.filter((entry) => entry === 'openid' || decision.scope.includes(entry));
    const remember = decision.remember && this.#canRemember(request);
    const consent = { request, identity: await this.#identityOf(request), client: from };
    return this.#grant(consent, scope, { remember, wasAsked: true });
  }

  /** Logs the user out in this browser, and begins the application's login anew. @returns where the browser goes next. */
  async changeAccount(challenge: string): Promise<string> {
    const {
      context,
      subject,
      login_session_id: sid,
      request_url: url,
    } = await this.hydra.consentRequest(challenge);
    await this.sources.endSession({ id: context.kratos_session_id, subject });
    if (sid) {
      await this.hydra.forgetSession(sid);
    }
    return restarted(this.#publicUrl, url);
  }

  #canRemember(request: ConsentRequest): boolean {
    return !this.#isAlwaysAsked(request) && mayRememberConsent(request.client);
  }

  #isAlwaysAsked(request: ConsentRequest): boolean {
    const { client } = request;
    const isOwn = client.skip_consent === true;
    return (
      isNativeApp(client, this.#publicUrl) ||
      agentOf(client) !== undefined ||
      (!isOwn && (this.#targetOf(request) !== undefined || !mayRememberConsent(client)))
    );
  }

  /** What a consent is about; undefined if it is for no protected resource. */
  #targetOf({ requested_access_token_audience: audience }: ConsentRequest): ResourceRequest | undefined {
    const resource = this.resources.ofAudience(audience);
    return resource && { resource, tokenTtl: this.#tokenTtl };
  }

  async #grant(
    consent: GivenConsent,
    scope: readonly string[],
    { remember, wasAsked }: { readonly remember: boolean; readonly wasAsked: boolean },
  ): Promise<string> {
    const { request, identity } = consent;
    const { client } = request;
    // The login was admitted, but the user may have read this page for an hour. The challenge has the client as it was then.
    const admission = isOwnClient(client.client_id) ? 'admitted' : await this.#judge(consent);
    if (admission === 'refused') {
      return this.hydra.rejectConsent(request.challenge, 'not_admitted');
    }
    if (admission === 'factorless') {
      // The new login asks for it.
      return restarted(this.#publicUrl, request.request_url);
    }
    const ofResource = await this.resources.issuer?.contextOf(consent);
    const target = await this.hydra.acceptConsent(request, {
      scope,
      remember,
      context: {
        ...request.context,
        ...(request.login_session_id ? { hydra_session_id: request.login_session_id } : {}),
        ...ofResource,
      },
      idToken: await this.claims.forScopes(identity, scope, client.client_id),
    });
    this.recorder.noteUse(identity, request);
    if (wasAsked) {
      await this.recorder.noteConsent(consent, scope);
    }
    return target;
  }

  async #judge({ request, identity, client: from }: GivenConsent): Promise<Admission> {
    const client = await this.hydra.client(request.client.client_id);
    return this.admission.judge(identity, { client, acr: request.context.acr ?? 'aal1', from });
  }

  async #identityOf(request: ConsentRequest): Promise<ProviderIdentity> {
    const { subject } = request;
    const session = await this.sources.findSession({ id: request.context.kratos_session_id, subject });
    if (session?.isActive !== true || session.identity.subject !== subject) {
      throw new Problem('challenge_rejected', { reason: 'kratos_session_ended' });
    }
    return this.ownership.judge(session.identity);
  }
}

/** Whether the application requests that no page is shown (OpenID Connect Core section 3.1.2.1). */
function isSilent({ request_url: url }: ConsentRequest): boolean {
  const prompt = URL.canParse(url) ? new URL(url).searchParams.get('prompt') : null;
  return (prompt ?? '').split(' ').includes('none');
}
