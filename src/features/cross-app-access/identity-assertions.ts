import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { jwtVerify } from 'jose';
import { z } from 'zod';
import type { Application } from '../../auth-strategy/application-administration.js';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import type { ClientInfo } from '../../platform/http/client-info.js';
import { Clock } from '../../platform/time/clock.service.js';
import { ProviderKeys, keyProblem, signatureAlgorithms } from '../../platform/upstream/provider-keys.js';
import { ApplicationAdmission } from '../../providers/ory/challenges/application-admission.js';
import { HydraClient } from '../../providers/ory/hydra/hydra.client.js';
import { hydraIssuer } from '../../providers/ory/hydra/hydra-relying-party.js';
import { IdTokenSigner } from '../../providers/ory/hydra/id-token-signer.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { IdentitySource } from '../../providers/ory/sources/identity-source.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { assertionLife, assertionType } from './cross-app-assertions.js';
import { CrossAppTargetRepository } from './cross-app-target.repository.js';
import type { CrossAppTargetRow } from './cross-app.schema.js';

const idTokenSchema = z.looseObject({
  sub: z.string().min(1),
  sid: z.string().optional(),
  auth_time: z.number().optional(),
  acr: z.string().optional(),
  amr: z.array(z.string()).optional(),
});
type IdToken = z.output<typeof idTokenSchema>;

/** A request for an assertion. */
export interface IdentityAssertionRequest {
  readonly application: Application;
  readonly idToken: string;
  readonly audience: string;
  /** Undefined: the only one of the audience. */
  readonly resource: string | undefined;
  /** Undefined: all that the target has. */
  readonly scope: readonly string[] | undefined;
  readonly client: ClientInfo;
}

/** An assertion, and of whom it is. */
export interface IssuedAssertion {
  readonly assertion: string;
  readonly expiresIn: number;
  readonly scope: string;
  readonly userId: string | undefined;
}

/**
 * Makes assertions that let an application act for its user at another site (draft-ietf-oauth-identity-assertion-authz-grant section 4.3):
 * for one that an administrator has named, about a user who is logged in to the application.
 */
@Injectable()
export class IdentityAssertions {
  readonly #issuer: string;

  constructor(
    private readonly targets: CrossAppTargetRepository,
    private readonly keys: ProviderKeys,
    private readonly hydra: HydraClient,
    private readonly sources: IdentitySource,
    private readonly admission: ApplicationAdmission,
    private readonly signer: IdTokenSigner,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#issuer = hydraIssuer(configuration);
  }

  /** @throws {OAuthRefusal} @throws {Problem} `provider_unavailable` */
  async issue(request: IdentityAssertionRequest): Promise<IssuedAssertion> {
    const { application, client } = request;
    const target = await this.#targetOf(request);
    const scope = scopeOf(request, target);
    const token = await this.#verify(request.idToken, application.id);
    await this.#requireLoggedIn(token, application, client);
    const { sub, auth_time: authTime, acr, amr } = token;
    const stated = { auth_time: authTime, acr, amr, scope: scope === '' ? undefined : scope };
    const assertion = await this.signer.sign({
      claims: {
        sub,
        jti: randomUUID(),
        client_id: target.client_id,
        resource: target.resource,
        ...Object.fromEntries(Object.entries(stated).filter(([, value]) => value !== undefined)),
      },
      audience: target.audience,
      typ: assertionType,
      life: assertionLife,
    });
    return { assertion, expiresIn: assertionLife, scope, userId: await this.admission.userIdOf(sub) };
  }

  /** @throws {OAuthRefusal} `invalid_target` */
  async #targetOf({ application, audience, resource }: IdentityAssertionRequest): Promise<CrossAppTargetRow> {
    const [target, ...others] = (await this.targets.list(application.id)).filter(
      (one) => one.audience === audience && (resource === undefined || one.resource === resource),
    );
    if (target === undefined || others.length > 0) {
      throw new OAuthRefusal(
        'invalid_target',
        'name one audience and resource that the application may act at',
        target === undefined ? 'cross_app_target_unknown' : 'several_resources',
      );
    }
    return target;
  }

  /** The claims of an ID token that this application got here. @throws {OAuthRefusal} `invalid_request` (RFC 8693 section 2.2.2) */
  async #verify(token: string, clientId: string): Promise<IdToken> {
    const { payload } = await jwtVerify(token, this.keys.find, {
      issuer: this.#issuer,
      audience: clientId,
      algorithms: signatureAlgorithms,
      requiredClaims: ['sub', 'exp', 'iat'],
      currentDate: this.clock.date(),
    }).catch((error: unknown) => {
      throw keyProblem(error, refused('id_token_invalid'));
    });
    const { data } = idTokenSchema.safeParse(payload);
    const { at_hash: hash, events } = payload;
    // The same key signs logout tokens, and these assertions.
    if (data === undefined || hash === undefined || events !== undefined) {
      throw refused('id_token_claims');
    }
    return data;
  }

  /** Requires that the user is there, may use the application, and is logged in to it. @throws {OAuthRefusal} `invalid_request` */
  async #requireLoggedIn(
    { sub, sid }: IdToken,
    { id }: Pick<Application, 'id'>,
    from: ClientInfo,
  ): Promise<void> {
    const [user, client, consents] = await Promise.all([
      this.sources.findUser(sub),
      this.hydra.client(id),
      this.hydra.grants(sub),
    ]);
    const isLoggedIn = consents.some(
      ({ consent_request: { client: ofConsent, login_session_id: session }, remember }) =>
        // Of a consent that is remembered, Hydra doesn't list the later logins.
        ofConsent.client_id === id && (remember === true || (sid !== undefined && session === sid)),
    );
    if (user?.isActive !== true || !isLoggedIn) {
      throw refused(isLoggedIn ? 'user_gone' : 'login_ended');
    }
    if ((await this.admission.judge(user.identity, { client, from })) !== 'admitted') {
      throw refused('application_not_admitted');
    }
  }
}

/** The scopes that an assertion names. @throws {OAuthRefusal} `invalid_scope` */
function scopeOf({ scope: asked }: IdentityAssertionRequest, target: CrossAppTargetRow): string {
  const allowed = scopeTokens(target.scope);
  if (asked?.every((token) => allowed.includes(token)) === false) {
    throw new OAuthRefusal('invalid_scope', 'the application may not ask for this scope there');
  }
  return (asked ?? allowed).join(' ');
}

function refused(reason: string): OAuthRefusal {
  return new OAuthRefusal(
    'invalid_request',
    'the subject token is not an ID token of a user who is logged in to this application',
    reason,
  );
}
