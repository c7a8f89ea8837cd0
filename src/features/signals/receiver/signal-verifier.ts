import { Inject, Injectable } from '@nestjs/common';
import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from 'jose';
import { z } from 'zod';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import type { SettingsOf } from '../../../platform/features/feature.js';
import { signalSettings } from '../signal.settings.js';
import { parseJson } from '../../../platform/config/json.parser.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { keyProblem, signatureAlgorithms } from '../../../platform/upstream/provider-keys.js';
import { SignalRefusal } from './signal-refusal.js';
import { SignalTransmitter } from './signal-transmitter.js';

/**
 * Milliseconds after its issue in which a signal is accepted. A transmitter delivers it again for as long as the gateway can't be
 * reached, and a user who has logged in again meanwhile only has to do so once more.
 */
const maximumAge = 3_600_000;
/** Milliseconds by which a transmitter's clock may differ from ours. */
export const clockTolerance = 60_000;
/** A greater number is no time in seconds: it would be after the year 5000. */
const latestSecond = 100_000_000_000;

const type = /^(?:application\/)?secevent\+jwt$/i;

/** The claims of a security event token: RFC 8417 section 2.2, as Shared Signals Framework 1.0 section 4.1 narrows it. */
const claimsSchema = z.looseObject({
  jti: z.string().regex(/^\P{Cc}{1,255}$/u),
  iat: z.number(),
  aud: z.union([z.string(), z.array(z.string())]),
  events: z
    .record(z.string(), z.looseObject({}))
    .refine((events) => Object.keys(events).length > 0, { error: 'must have an event' }),
  sub_id: z.unknown().optional(),
  // Section 2.2: when the event happened.
  toe: z.unknown().optional(),
  // Sections 4.1.2 and 4.1.7: an ID token or access token, which have them, must never pass for a signal.
  sub: z.never().optional(),
  exp: z.never().optional(),
});

/** A signal whose token is verified. Its first use isn't checked yet. */
export interface VerifiedSignal {
  readonly transmitter: SignalTransmitter;
  readonly jti: string;
  /** Milliseconds; from then on the token is refused for its age. */
  readonly expiresAt: number;
  /** Milliseconds; the event happened then at the latest. Our clock and the transmitter's may differ by {@link clockTolerance}. */
  readonly happenedBy: number;
  /** The events by their type, a URI. There is one, or several URIs of the same event (Shared Signals Framework 1.0 section 4.2). */
  readonly events: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** `sub_id`, not parsed yet: its form depends on the event. */
  readonly subject: unknown;
}

/** Verifies security event tokens of the trusted transmitters. */
@Injectable()
export class SignalVerifier {
  readonly #transmitters: ReadonlyMap<string, SignalTransmitter>;
  readonly #audiences: ReadonlySet<string>;

  constructor(
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL: url }: Configuration,
    @Inject(signalSettings.token) { SIGNAL_TRANSMITTERS: issuers }: SettingsOf<typeof signalSettings>,
  ) {
    this.#transmitters = new Map(issuers.map((issuer) => [issuer, new SignalTransmitter(issuer)]));
    this.#audiences = new Set([url, `${url}/ssf/events`]);
  }

  /** Whether any transmitter is trusted. */
  get isOn(): boolean {
    return this.#transmitters.size > 0;
  }

  /**
   * Verifies a token: type, issuer, signature, claims, audience and age. Nothing is fetched for one of another type or issuer.
   * @throws {SignalRefusal}
   * @throws {Problem} `provider_unavailable` when there are no keys to check with.
   */
  async verify(token: string): Promise<VerifiedSignal> {
    const transmitter = this.#transmitterOf(token);
    const { jti, iat, aud, events, sub_id: subject, toe } = await claimsOf(token, transmitter);
    if (![aud].flat().some((audience) => this.#audiences.has(audience))) {
      throw new SignalRefusal('invalid_audience', 'signal_audience', 'the token is for another receiver');
    }
    const issuedAt = Math.ceil(iat * 1000);
    const now = this.clock.now();
    if (issuedAt > now + clockTolerance) {
      throw invalid('signal_from_the_future', 'the token was issued in the future');
    }
    const expiresAt = issuedAt + maximumAge + clockTolerance;
    if (expiresAt < now) {
      throw invalid('signal_too_old', 'the token was issued too long ago');
    }
    const stated = Object.values(events).map((event) => event['event_timestamp']);
    const happenedBy = Math.min(issuedAt, ...[toe, ...stated].flatMap((time) => millisecondsOf(time) ?? []));
    return { transmitter, jti, expiresAt, happenedBy, events, subject };
  }

  /** The transmitter that a token names, before its signature is verified. */
  #transmitterOf(token: string): SignalTransmitter {
    const { typ, iss } = unverified(token);
    if (typ === undefined || !type.test(typ)) {
      throw invalid('signal_type', 'the token has another type than secevent+jwt');
    }
    const transmitter = this.#transmitters.get(iss ?? '');
    if (transmitter === undefined) {
      throw new SignalRefusal('invalid_issuer', 'signal_issuer', 'the issuer is not trusted here');
    }
    return transmitter;
  }
}

/** A time that a transmitter states: seconds since the epoch (CAEP 1.0 section 2), or milliseconds, as earlier drafts had it. */
function millisecondsOf(time: unknown): number | undefined {
  if (typeof time !== 'number' || !Number.isFinite(time) || time <= 0) {
    return undefined;
  }
  return time > latestSecond ? time : time * 1000;
}

function unverified(token: string): { readonly typ: string | undefined; readonly iss: string | undefined } {
  try {
    const { typ } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    return { typ, iss };
  } catch {
    throw invalid('signal_malformed', 'the body is no security event token');
  }
}

async function claimsOf(
  token: string,
  transmitter: SignalTransmitter,
): Promise<z.output<typeof claimsSchema>> {
  const { payload } = await compactVerify(token, transmitter.findKey, {
    algorithms: signatureAlgorithms,
  }).catch((error: unknown) => {
    throw keyProblem(error, signatureRefusal(error));
  });
  const parsed = claimsSchema.safeParse(parseJson(new TextDecoder().decode(payload)));
  if (!parsed.success || parsed.data['iss'] !== transmitter.issuer) {
    throw invalid('signal_claims', 'the claims are not those of a security event token');
  }
  return parsed.data;
}

function signatureRefusal(error: unknown): SignalRefusal {
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return new SignalRefusal('authentication_failed', 'signal_signature', 'the signature is not valid');
  }
  return error instanceof errors.JWSInvalid
    ? invalid('signal_malformed', 'the body is no security event token')
    : new SignalRefusal('invalid_key', 'signal_key', 'the key or algorithm is not accepted');
}

function invalid(reason: string, description: string): SignalRefusal {
  return new SignalRefusal('invalid_request', reason, description);
}
