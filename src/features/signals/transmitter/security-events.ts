import { Inject, Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import type { RevocationKind } from '../../../platform/database/database.schema.js';
import type { SignalStreamRow } from '../signal.schema.js';
import { SignalKeys } from './signal-keys.js';
import type { PendingRevocation } from './signal-stream.repository.js';
import { eventTypes, verificationType } from './signal.schemas.js';

/** A security event token (SET, RFC 8417), and what acknowledges it. */
export interface SecurityEvent {
  readonly jti: string;
  readonly token: string;
}

type Subject = Readonly<Record<string, unknown>>;

interface EventContent {
  readonly type: string;
  /** RFC 9493. */
  readonly subject: Subject;
  readonly claims: Readonly<Record<string, unknown>>;
}

const kindsByType: Readonly<Record<string, readonly RevocationKind[]>> = {
  [eventTypes.sessionRevoked]: ['session', 'everything'],
  [eventTypes.credentialChange]: ['api_key'],
  [eventTypes.tokenClaimsChange]: ['user', 'org'],
};

/** Kinds of revocations of which a stream is told. */
export function kindsOf({ events }: SignalStreamRow): readonly RevocationKind[] {
  return requestedBy(events).flatMap((type) => kindsByType[type] ?? []);
}

/** Types of events that a stream asks for, as they are stored. */
export function requestedBy(events: string): readonly string[] {
  const parsed: unknown = JSON.parse(events);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}

/** The `aud` of a stream's events. */
export function audienceOf({ PUBLIC_URL }: Configuration, streamId: string): string {
  return `${PUBLIC_URL}/ssf/streams/${streamId}`;
}

/** Who ended a session, by the reason that is stored with it (CAEP 1.0 section 2). */
const initiators: Readonly<Record<string, 'admin' | 'user'>> = {
  logout: 'user',
  ended_by_user: 'user',
  ended_by_administrator: 'admin',
  ended_by_operator: 'admin',
};

/** What happened, for the log of a receiver. */
const reasons: Readonly<Record<RevocationKind, string>> = {
  session: 'The session has ended.',
  api_key: 'The API key was revoked.',
  user: 'The user was changed, disabled or deleted.',
  org: 'The organisation or its members were changed.',
  everything: 'All sessions that had begun before were ended.',
};

/** Revocations as CAEP events. */
@Injectable()
export class SecurityEvents {
  readonly #configuration: Configuration;

  constructor(
    private readonly keys: SignalKeys,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  /** A revocation as an event of a stream: the same `jti` each time. */
  async of(stream: SignalStreamRow, revocation: PendingRevocation): Promise<SecurityEvent> {
    const { id, recorded_at: recordedAt } = revocation;
    return this.#sign(stream, `${id}.${recordedAt}`, recordedAt, this.#content(revocation));
  }

  /** The verification event that a stream's receiver has asked for. */
  async verification(stream: SignalStreamRow): Promise<SecurityEvent> {
    const { id, verification_id: verificationId, verification_state: state, verification_at: at } = stream;
    return this.#sign(stream, verificationId ?? '', at, {
      type: verificationType,
      subject: { format: 'opaque', id },
      claims: state === null ? {} : { state },
    });
  }

  #content(revocation: PendingRevocation): EventContent {
    const { kind, id, before, recorded_at: recordedAt, user_id: userId } = revocation;
    const initiator = kind === 'everything' ? 'admin' : initiators[revocation.end_reason ?? ''];
    const common = {
      event_timestamp: seconds(before ?? recordedAt),
      ...(initiator === undefined ? {} : { initiating_entity: initiator }),
      // The CAEP Interoperability Profile requires it (sections 3.1 and 3.2).
      reason_admin: { en: reasons[kind] },
    };
    const holder = userId === null ? {} : { user: this.#user(userId) };
    const session = { format: 'complex', ...holder, session: { format: 'opaque', id } };
    const changed = { ...common, claims: { updated_at: common.event_timestamp } };
    switch (kind) {
      case 'session':
        return { type: eventTypes.sessionRevoked, subject: session, claims: common };
      case 'api_key':
        return {
          type: eventTypes.credentialChange,
          // Tokens from the key have its id as their `sid`.
          subject: session,
          claims: { ...common, credential_type: 'api-key', change_type: 'revoke' },
        };
      case 'user':
        return { type: eventTypes.tokenClaimsChange, subject: this.#user(id), claims: changed };
      case 'org':
        return {
          type: eventTypes.tokenClaimsChange,
          subject: { format: 'complex', tenant: { format: 'opaque', id } },
          claims: changed,
        };
      case 'everything':
        return {
          type: eventTypes.sessionRevoked,
          subject: { format: 'complex', tenant: { format: 'uri', uri: this.#configuration.PUBLIC_URL } },
          claims: common,
        };
    }
  }

  #user(id: string): Subject {
    return { format: 'iss_sub', iss: this.#configuration.PUBLIC_URL, sub: id };
  }

  async #sign(
    stream: SignalStreamRow,
    id: string,
    at: number,
    { type, subject, claims }: EventContent,
  ): Promise<SecurityEvent> {
    const { kid, alg, key } = this.keys.signing();
    // An event that several streams are told of is another token in each, with the same `txn`.
    const jti = `${stream.id}.${id}`;
    const token = await new SignJWT({
      iss: this.#configuration.PUBLIC_URL,
      aud: audienceOf(this.#configuration, stream.id),
      iat: seconds(at),
      jti,
      txn: id,
      sub_id: subject,
      events: { [type]: claims },
    })
      .setProtectedHeader({ alg, typ: 'secevent+jwt', kid })
      .sign(key);
    return { jti, token };
  }
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}
