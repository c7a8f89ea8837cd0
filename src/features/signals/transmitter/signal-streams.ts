import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { UsersService } from '../../../directory/users/users.service.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import { isId } from '../../../platform/core/id.schema.js';
import { newId } from '../../../platform/core/identifier.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import type { SignalStreamRow } from '../signal.schema.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import { Clock } from '../../../platform/time/clock.service.js';
import { apiKeyClientId } from '../../../session/guards/key-authenticator.js';
import { covers, revocationsScope } from '../../../session/guards/scopes.js';
import { type Principal, hasSession, isAdministrator } from '../../../session/principal.js';
import { ServiceClients } from '../../../login/service-clients.service.js';
import { PushEndpoints } from './push-endpoints.js';
import { audienceOf, requestedBy } from './security-events.js';
import { SignalStreamRepository } from './signal-stream.repository.js';
import {
  deliveryMethods,
  eventTypes,
  type newStreamSchema,
  type statusChangeSchema,
  type statusSchema,
  type streamChangeSchema,
  type streamSchema,
  type verificationSchema,
} from './signal.schemas.js';

type Stream = z.output<typeof streamSchema>;
type NewStream = z.output<typeof newStreamSchema>;

/** Streams that one owner may have. */
const mostOfOwner = 20;
/** Seconds between two verification events of a stream. */
const verificationInterval = 10;
/** Seconds after which a stream that isn't read is disabled: a week. */
export const inactivityTimeout = 604_800;

/** Manages streams of security events (OpenID Shared Signals Framework 1.0 section 8.1). Each is its owner's alone. */
@Injectable()
export class SignalStreams {
  readonly #cipher: PurposeCipher;

  readonly #configuration: Configuration;

  constructor(
    private readonly streams: SignalStreamRepository,
    private readonly endpoints: PushEndpoints,
    private readonly users: UsersService,
    private readonly clients: ServiceClients,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
    this.#cipher = new PurposeCipher(configuration.SECRETS, 'signal-stream');
  }

  /** @throws {Problem} `forbidden`, `conflict` (too many), `validation_failed` (an endpoint that may not be called) */
  async create(principal: Principal, given: NewStream): Promise<Stream> {
    await this.#requireService(principal);
    const now = this.clock.now();
    const row: SignalStreamRow = {
      id: newId(now),
      owner_id: principal.user.id,
      ...credentialOf(principal),
      status: 'enabled',
      reason: null,
      settled_at: this.streams.beginning(),
      verification_id: null,
      verification_state: null,
      verification_at: 0,
      failures: 0,
      next_attempt_at: 0,
      claimed_until: 0,
      created_at: now,
      ...this.#replacement(given),
    };
    if (!(await this.streams.insert(row, mostOfOwner))) {
      throw new Problem('conflict', {
        detail: `There are ${mostOfOwner} streams already.`,
        reason: 'too_many_streams',
      });
    }
    return this.#view(row);
  }

  /** @throws {Problem} `forbidden`, `not_found` */
  async get(principal: Principal, id: string): Promise<Stream> {
    return this.#view(await this.requireOwn(principal, id));
  }

  /** @throws {Problem} `forbidden` */
  async list(principal: Principal): Promise<readonly Stream[]> {
    await this.#requireService(principal);
    return (await this.streams.listOf(principal.user.id)).map((row) => this.#view(row));
  }

  /** Changes the members that are given. @throws {Problem} as {@link create}, and `not_found` */
  async change(principal: Principal, given: z.output<typeof streamChangeSchema>): Promise<Stream> {
    const { stream_id: id, delivery, events_requested: events, description } = given;
    const row = await this.requireOwn(principal, id);
    return this.#update(principal, row, {
      ...(delivery === undefined ? {} : this.#deliveryOf(delivery, row)),
      ...(events === undefined ? {} : { events: JSON.stringify(events) }),
      ...(description === undefined ? {} : { description }),
    });
  }

  /** Replaces all that a receiver sets. @throws {Problem} as {@link create}, and `not_found` */
  async replace(principal: Principal, id: string, given: NewStream): Promise<Stream> {
    const row = await this.requireOwn(principal, id);
    return this.#update(principal, row, this.#replacement(given, row));
  }

  /** @throws {Problem} `forbidden`, `not_found` */
  async delete(principal: Principal, id: string): Promise<void> {
    const row = await this.requireOwn(principal, id);
    await this.streams.delete(row.id);
  }

  /** @throws {Problem} `forbidden`, `not_found` */
  async status(principal: Principal, id: string): Promise<z.output<typeof statusSchema>> {
    return statusOf(await this.requireOwn(principal, id));
  }

  /** @throws {Problem} `forbidden`, `not_found` */
  async setStatus(
    principal: Principal,
    { stream_id: id, status, reason }: z.output<typeof statusChangeSchema>,
  ): Promise<z.output<typeof statusSchema>> {
    const row = await this.requireOwn(principal, id);
    const change = {
      status,
      reason: reason ?? null,
      // What happened while it was disabled isn't kept for it.
      ...(row.status === 'disabled' && status !== 'disabled' ? { settled_at: this.streams.beginning() } : {}),
      ...(status === 'disabled' ? { verification_id: null, verification_state: null } : {}),
      failures: 0,
      next_attempt_at: 0,
    };
    await this.#update(principal, row, change);
    return statusOf({ ...row, ...change });
  }

  /** Begins a verification, unless the stream is disabled. @throws {Problem} `forbidden`, `not_found`, `rate_limited` */
  async verify(
    principal: Principal,
    { stream_id: id, state }: z.output<typeof verificationSchema>,
  ): Promise<void> {
    const row = await this.requireOwn(principal, id);
    const now = this.clock.now();
    if (row.status === 'disabled') {
      // Not refused: such a stream drops what would be transmitted (SSF 1.0 section 8.1.2.1).
      return;
    }
    if (now - row.verification_at < verificationInterval * 1000) {
      throw new Problem('rate_limited', {
        reason: 'verification_interval',
        headers: { 'retry-after': String(verificationInterval) },
      });
    }
    await this.streams.update(row.id, {
      verification_id: newId(now),
      verification_state: state ?? null,
      verification_at: now,
      failures: 0,
      next_attempt_at: 0,
    });
  }

  /** A stream of the caller's. @throws {Problem} `forbidden`, `not_found` */
  async requireOwn(principal: Principal, id: string): Promise<SignalStreamRow> {
    await this.#requireService(principal);
    const row = isId(id) ? await this.streams.find(id) : undefined;
    if (row?.owner_id !== principal.user.id) {
      throw new Problem('not_found', { reason: 'no_such_stream' });
    }
    return row;
  }

  /** Whether the owner of a stream may still be told, by the credential that they made or changed it with. */
  async isAuthorized({
    owner_id: owner,
    client_id: clientId,
    credential_id: credential,
  }: SignalStreamRow): Promise<boolean> {
    try {
      if (clientId === apiKeyClientId) {
        await this.users.requireAdministrator(owner);
        return await this.streams.isLiveKey(credential);
      }
      await this.users.requireAccount(owner, null);
      return covers((await this.clients.scopeOf(clientId)).join(' '), revocationsScope);
    } catch (error) {
      if (error instanceof Problem && error.definition.status < 500) {
        return false;
      }
      throw error;
    }
  }

  /** The header `Authorization` with which events are pushed; undefined if there is none. */
  authorizationOf({ sealed_authorization: sealed }: SignalStreamRow): string | undefined {
    return sealed === null ? undefined : this.#cipher.decrypt(sealed);
  }

  /** Requires a service: an OAuth client, or an administrator's API key. @throws {Problem} `forbidden` */
  async #requireService(principal: Principal): Promise<void> {
    const isOfKey = principal.claims.client_id === apiKeyClientId;
    // A stream would outlive a token that was made from a key.
    if (hasSession(principal) || (isOfKey && principal.credential !== 'api_key')) {
      throw new Problem('forbidden', {
        detail: 'Streams belong to services: use an API key itself, or the token of a service client.',
        reason: 'service_required',
      });
    }
    if (isOfKey) {
      if (!isAdministrator(principal)) {
        throw new Problem('forbidden', { detail: 'Requires the role admin.', reason: 'role_missing' });
      }
      await this.users.requireAdministrator(principal.user.id);
    }
  }

  async #update(
    principal: Principal,
    row: SignalStreamRow,
    change: Partial<SignalStreamRow>,
  ): Promise<Stream> {
    const whole = { ...change, ...credentialOf(principal) };
    await this.streams.update(row.id, whole);
    return this.#view({ ...row, ...whole });
  }

  #replacement(
    { delivery, events_requested: events = Object.values(eventTypes), description }: NewStream,
    row?: SignalStreamRow,
  ): Pick<SignalStreamRow, 'method' | 'endpoint_url' | 'sealed_authorization' | 'events' | 'description'> {
    return {
      ...this.#deliveryOf(delivery, row),
      events: JSON.stringify(events),
      description: description ?? null,
    };
  }

  /** @param row keeps its secret for the same address, unless another is given. */
  #deliveryOf(
    delivery: NewStream['delivery'],
    row: SignalStreamRow | undefined,
  ): Pick<SignalStreamRow, 'method' | 'endpoint_url' | 'sealed_authorization'> {
    if (delivery.method === deliveryMethods.poll) {
      return { method: 'poll', endpoint_url: null, sealed_authorization: null };
    }
    const { endpoint_url: url, authorization_header: authorization } = delivery;
    this.endpoints.require(url);
    const kept = row?.endpoint_url === new URL(url).href ? row.sealed_authorization : null;
    return {
      method: 'push',
      endpoint_url: new URL(url).href,
      sealed_authorization: authorization === undefined ? kept : this.#cipher.encrypt(authorization),
    };
  }

  #view({ id, method, endpoint_url: url, events, description }: SignalStreamRow): Stream {
    const { PUBLIC_URL } = this.#configuration;
    const supported: readonly string[] = Object.values(eventTypes);
    const requested = requestedBy(events);
    return {
      stream_id: id,
      iss: PUBLIC_URL,
      aud: audienceOf(this.#configuration, id),
      delivery: { method: deliveryMethods[method], endpoint_url: url ?? `${PUBLIC_URL}/ssf/poll/${id}` },
      events_supported: [...supported],
      events_requested: [...requested],
      events_delivered: supported.filter((type) => requested.includes(type)),
      ...(description === null ? {} : { description }),
      min_verification_interval: verificationInterval,
      inactivity_timeout: inactivityTimeout,
    };
  }
}

function credentialOf({ claims }: Principal): Pick<SignalStreamRow, 'client_id' | 'credential_id'> {
  return { client_id: claims.client_id, credential_id: claims.sid };
}

function statusOf({ id, status, reason }: SignalStreamRow): z.output<typeof statusSchema> {
  return { stream_id: id, status, ...(reason === null ? {} : { reason }) };
}
