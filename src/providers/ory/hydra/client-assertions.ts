import { Inject, Injectable } from '@nestjs/common';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import type { Application } from '../../../auth-strategy/application-administration.js';
import { assertionAlgorithms, toJwk } from '../../../auth-strategy/public-keys.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { OryConfiguration } from '../../../platform/config/configuration.js';
import { isId } from '../../../platform/core/id.schema.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { UsedTokenRepository } from '../../../session/store/used-token.repository.js';
import { ClientRepository } from './client.repository.js';
import { HydraApplications } from './hydra-applications.js';
import { hydraIssuer } from './hydra-relying-party.js';

/** Seconds by which an application's clock may differ, and for which an assertion may be valid at most. */
const [tolerance, longestLife] = [10, 3600];
/** Seconds for which a used assertion is known after it has expired: clocks of replicas differ. */
const kept = 120;
const longestId = 500;

/**
 * Verifies by which keys an application says that it is itself (`private_key_jwt`, OpenID Connect Core section 9). Hydra never sees it: it
 * would take the address of its token endpoint alone for the audience, and not the issuer, which newer programs send.
 */
@Injectable()
export class ClientAssertions {
  readonly #issuer: string;

  constructor(
    private readonly applications: HydraApplications,
    private readonly index: ClientRepository,
    private readonly used: UsedTokenRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: OryConfiguration,
  ) {
    this.#issuer = hydraIssuer(configuration);
  }

  /**
   * @param path of the endpoint that is asked, after the issuer.
   * @returns the application; undefined if it isn't one that has signed this for us, a moment ago and for the first time.
   */
  async verify(assertion: string, path: string): Promise<Application | undefined> {
    const id = subjectOf(assertion);
    // Hydra isn't asked about clients that nobody registered.
    const isKnown = isId(id) && (await this.index.hasApplication(id));
    const application = isKnown ? await this.applications.find(id) : undefined;
    if (!application?.jwks) {
      return undefined;
    }
    const keys = createLocalJWKSet({ keys: application.jwks.keys.map((key) => toJwk(key)) });
    const claims = await jwtVerify(assertion, keys, {
      algorithms: [...assertionAlgorithms],
      issuer: id,
      subject: id,
      requiredClaims: ['exp', 'jti', 'aud'],
      clockTolerance: tolerance,
      currentDate: new Date(this.clock.now()),
    }).then(
      ({ payload }) => payload,
      () => undefined,
    );
    const { exp = 0, jti = '' } = claims ?? {};
    const audiences = [claims?.aud ?? []].flat();
    const own = new Set([this.#issuer, `${this.#issuer}/oauth2/token`, `${this.#issuer}${path}`]);
    const isGood =
      claims !== undefined &&
      audiences.length > 0 &&
      audiences.every((audience) => own.has(audience)) &&
      exp <= this.clock.seconds() + longestLife &&
      jti !== '' &&
      jti.length <= longestId;
    return isGood && (await this.used.use(`client ${id}`, jti, Math.ceil((exp + kept) * 1000)))
      ? application
      : undefined;
  }
}

/** Whose an assertion says that it is. */
function subjectOf(assertion: string): string {
  try {
    return decodeJwt(assertion).sub ?? '';
  } catch {
    return '';
  }
}
