import { Inject, Injectable } from '@nestjs/common';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { SessionService } from '../../session/session.service.js';
import { OAuthError } from '../../session/tokens/oauth.error.js';
import { DeviceLoginRepository } from './device-login.repository.js';
import type { DeviceLoginRow } from './device.schema.js';
import { newUserCode, readUserCode, shownUserCode } from './user-code.js';

/** Seconds for which a user code can be entered, and for which a device waits between two requests at first. */
const [codeLife, pollInterval] = [600, 5];
/** Milliseconds by which a device may be early: its clock and the network aren't ours. */
const early = 500;
/** Seconds by which a device that asks too often waits longer (RFC 8628 section 3.5). */
const slowerBy = 5;
/** Milliseconds for which a request that redeems a login may take: Hydra's code lives as long. */
const redemptionLife = 60_000;
/** User codes that are tried for a login: two of 25 billion are hardly ever the same. */
const codesTried = 5;

/** What a device asks for. */
export interface NewDeviceLogin {
  readonly clientId: string;
  /** Separated by blanks. */
  readonly scope: string;
  /** The name of the machine, as it states it; null for an application. */
  readonly machine: string | null;
  /** Its address. */
  readonly from: string;
}

/** Logins on devices, from the codes of a device until it redeems them: whom they are for is known to {@link DeviceClients}. */
@Injectable()
export class DeviceLogins {
  readonly #page: string;
  readonly #codes: PurposeCipher;

  constructor(
    private readonly logins: DeviceLoginRepository,
    private readonly sessions: SessionService,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL, SECRETS }: Configuration,
  ) {
    this.#page = `${PUBLIC_URL}/device`;
    this.#codes = new PurposeCipher(SECRETS, 'device-login');
  }

  /** Begins a login. @returns what the device is told (RFC 8628 section 3.2). */
  async begin({
    clientId,
    scope,
    machine,
    from,
  }: NewDeviceLogin): Promise<Readonly<Record<string, unknown>>> {
    const deviceCode = newCode();
    const now = this.clock.now();
    for (let tried = 0; tried < codesTried; tried += 1) {
      const code = newUserCode();
      const isNew = await this.logins.add({
        device_hash: codeHash(deviceCode),
        user_hash: this.#codes.sign(code),
        client_id: clientId,
        scope,
        machine,
        state: 'pending',
        session_id: null,
        request_hash: null,
        sealed: null,
        asked_from: from,
        asked_at: now,
        poll_interval: pollInterval,
        polled_at: 0,
        expires_at: now + codeLife * 1000,
      });
      if (isNew) {
        const shown = shownUserCode(code);
        return {
          device_code: deviceCode,
          user_code: shown,
          verification_uri: this.#page,
          verification_uri_complete: `${this.#page}?${new URLSearchParams({ user_code: shown })}`,
          expires_in: codeLife,
          interval: pollInterval,
        };
      }
    }
    throw new Problem('overloaded', { reason: 'device_codes_used_up' });
  }

  /** The login whose code somebody has typed; undefined if there is none that they can decide about. */
  async find(typed: string, sessionId: string): Promise<DeviceLoginRow | undefined> {
    const code = readUserCode(typed);
    const login =
      code === undefined ? undefined : await this.logins.findByUserCode(this.#codes.signAll(code));
    if (login?.state !== 'allowed' || login.session_id === sessionId) {
      return login?.state === 'pending' || login?.state === 'allowed' ? login : undefined;
    }
    // Its user has logged out on the way: nothing comes of it any more.
    return (await this.sessions.findLive(login.session_id ?? '')) === undefined ? login : undefined;
  }

  /** Lets a device redeem its login. @param sealed what it gets by it. @returns whether the login was still open. */
  async complete(login: DeviceLoginRow, sessionId: string, sealed: string | null): Promise<boolean> {
    return this.logins.change(login, { state: 'ready', session_id: sessionId, sealed });
  }

  /** Has a login wait for a decision again, of which nothing came. */
  async reopen(login: DeviceLoginRow): Promise<void> {
    await this.logins.change(login, { state: 'pending', session_id: null, request_hash: null, sealed: null });
  }

  /** @returns whether the login was still open. */
  async deny(login: DeviceLoginRow): Promise<boolean> {
    return this.logins.change(login, { state: 'denied', sealed: null });
  }

  /** The login with whose authorization request a browser comes back; undefined if its session has none. @param state of the request. */
  async answered(state: string, sessionId: string): Promise<DeviceLoginRow | undefined> {
    return this.logins.findByRequest(codeHash(state), sessionId);
  }

  /**
   * What a user has let a device redeem. Until {@link settle}, no other request gets it.
   * @param clientId of the one who asks.
   * @throws {OAuthError} as long as there is nothing.
   */
  async redeem(deviceCode: string, clientId: string): Promise<DeviceLoginRow> {
    const login = await this.logins.find(codeHash(deviceCode));
    if (login?.client_id !== clientId) {
      throw new OAuthError(
        'invalid_grant',
        'the device code is unknown, or of another client',
        'device_code_unknown',
      );
    }
    if (login.expires_at <= this.clock.now()) {
      throw new OAuthError('expired_token', 'the device code has expired: ask for a new one');
    }
    await this.#requirePatience(login);
    if (login.state === 'denied') {
      throw new OAuthError('access_denied', 'the user has not allowed it');
    }
    // Whatever becomes of this request: what it redeems is over by then.
    const end = Math.min(login.expires_at, this.clock.now() + redemptionLife);
    const isFirst =
      login.state === 'ready' && (await this.logins.change(login, { state: 'redeeming', expires_at: end }));
    if (!isFirst) {
      throw new OAuthError('authorization_pending', 'the user has not decided yet: ask again');
    }
    return { ...login, state: 'redeeming' };
  }

  /** Ends a redemption. @param mayBeRepeated whether nothing was used up. */
  async settle(login: DeviceLoginRow, mayBeRepeated: boolean): Promise<void> {
    await (mayBeRepeated
      ? this.logins.change(login, { state: 'ready', expires_at: login.expires_at })
      : this.logins.remove(login.device_hash));
  }

  /** @throws {OAuthError} `slow_down` for a device that asks too early. */
  async #requirePatience(login: DeviceLoginRow): Promise<void> {
    const { poll_interval: interval, polled_at: before } = login;
    const isEarly = this.clock.now() < before + interval * 1000 - early;
    const isNoted = await this.logins.notePoll(login, isEarly ? interval + slowerBy : interval);
    if (isEarly || !isNoted) {
      throw new OAuthError('slow_down', `wait ${interval + slowerBy} seconds between two requests`);
    }
  }
}
