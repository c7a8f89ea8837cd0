import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Clock } from '../../platform/time/clock.service.js';
import { deviceCallbackAt } from '../../providers/ory/hydra/device-callback.js';
import { OAuthRefusal } from '../../providers/ory/proxy/oauth-refusal.js';
import { DeviceLoginRepository } from './device-login.repository.js';
import type { DeviceLoginRow } from './device.schema.js';
import { newUserCode, readUserCode, shownUserCode } from './user-code.js';

/** Seconds for which a user code can be entered, and for which a device waits between two requests at first. */
export const [codeLife, pollInterval] = [600, 5];
/** Milliseconds by which a device may be early: its clock and the network aren't ours. */
const early = 500;
/** Seconds by which a device that asks too often waits longer (RFC 8628 section 3.5). */
const slowerBy = 5;
/** User codes that are tried for a login: two of 25 billion are hardly ever the same. */
const codesTried = 5;

const sealedSchema = z.object({ verifier: z.string(), code: z.string().optional() });

/** What a device is told of its login (RFC 8628 section 3.2). */
export interface BegunLogin {
  readonly deviceCode: string;
  /** As it is shown. */
  readonly userCode: string;
}

/** A login that a device redeems, in the words of a code's exchange (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
export interface Redemption {
  readonly login: DeviceLoginRow;
  readonly exchange: Readonly<Record<'grant_type' | 'code' | 'redirect_uri' | 'code_verifier', string>>;
}

/**
 * Logins on devices. Hydra 2.3 has none: when the user has agreed, their browser runs a login by code for the device's application, whose
 * code is kept here until the device comes for it. So the tokens are Hydra's, and every rule of a login holds (docs/adr/0052).
 */
@Injectable()
export class DeviceLogins {
  readonly #publicUrl: string;
  readonly #codes: PurposeCipher;

  constructor(
    private readonly logins: DeviceLoginRepository,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { PUBLIC_URL, SECRETS }: OryConfiguration,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#codes = new PurposeCipher(SECRETS, 'device-login');
  }

  /** Begins the login of a device. @param from its address. */
  async begin(clientId: string, scope: string, from: string): Promise<BegunLogin> {
    const deviceCode = newCode();
    const now = this.clock.now();
    for (let tried = 0; tried < codesTried; tried += 1) {
      const code = newUserCode();
      const isNew = await this.logins.add({
        device_hash: codeHash(deviceCode),
        user_hash: this.#codes.sign(code),
        client_id: clientId,
        scope,
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
        return { deviceCode, userCode: shownUserCode(code) };
      }
    }
    throw new Problem('overloaded', { reason: 'device_codes_used_up' });
  }

  /** The login whose code somebody has typed; undefined if there is none that they can decide about. */
  async find(typed: string, sessionId: string): Promise<DeviceLoginRow | undefined> {
    const code = readUserCode(typed);
    const login =
      code === undefined ? undefined : await this.logins.findByUserCode(this.#codes.signAll(code));
    const isOpen =
      login?.state === 'pending' || (login?.state === 'allowed' && login.session_id === sessionId);
    return isOpen ? login : undefined;
  }

  /**
   * Begins the login by code of the device's application, in the browser of the user who allows it.
   * @returns the URL of the authorization request; undefined if somebody else was faster.
   */
  async allow(login: DeviceLoginRow, sessionId: string): Promise<string | undefined> {
    const [state, verifier] = [newCode(), newCode()];
    const isFirst = await this.logins.change(login, {
      state: 'allowed',
      session_id: sessionId,
      request_hash: codeHash(state),
      sealed: this.#codes.encrypt(JSON.stringify({ verifier })),
    });
    const request = {
      client_id: login.client_id,
      response_type: 'code',
      redirect_uri: deviceCallbackAt(this.#publicUrl),
      scope: login.scope,
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    };
    return isFirst ? `${this.#publicUrl}/ory/hydra/oauth2/auth?${new URLSearchParams(request)}` : undefined;
  }

  /** @returns whether the login was still open. */
  async deny(login: DeviceLoginRow): Promise<boolean> {
    return this.logins.change(login, { state: 'denied', sealed: null });
  }

  /** The login that Hydra has answered in a session; undefined if it has none there. @param state of the authorization request. */
  async answered(state: string, sessionId: string): Promise<DeviceLoginRow | undefined> {
    return this.logins.findByRequest(codeHash(state), sessionId);
  }

  /** Keeps Hydra's code for the device. @returns whether the login was still open. */
  async complete(login: DeviceLoginRow, code: string): Promise<boolean> {
    const { verifier } = this.#opened(login);
    const sealed = this.#codes.encrypt(JSON.stringify({ verifier, code }));
    return this.logins.change(login, { state: 'ready', sealed });
  }

  /**
   * What a device exchanges for its tokens. Hydra takes a code once: until {@link settle}, no other request gets it.
   * @param clientId of the application that asks.
   * @throws {OAuthRefusal} as long as there is nothing to exchange.
   */
  async redeem(deviceCode: string, clientId: string): Promise<Redemption> {
    const login = await this.logins.find(codeHash(deviceCode));
    if (login?.client_id !== clientId) {
      throw new OAuthRefusal(
        'invalid_grant',
        'the device code is unknown, or of another client',
        'device_code_unknown',
      );
    }
    if (login.expires_at <= this.clock.now()) {
      throw new OAuthRefusal('expired_token', 'the device code has expired: ask for a new one');
    }
    await this.#requirePatience(login);
    if (login.state === 'denied') {
      throw new OAuthRefusal('access_denied', 'the user has not allowed it');
    }
    const { code, verifier } = this.#opened(login);
    if (
      login.state !== 'ready' ||
      code === undefined ||
      !(await this.logins.change(login, { state: 'redeeming' }))
    ) {
      throw new OAuthRefusal('authorization_pending', 'the user has not decided yet: ask again');
    }
    return {
      login: { ...login, state: 'redeeming' },
      exchange: {
        grant_type: 'authorization_code',
        code,
        redirect_uri: deviceCallbackAt(this.#publicUrl),
        code_verifier: verifier,
      },
    };
  }

  /** Ends a redemption. @param mayBeRepeated whether Hydra hasn't taken the code. */
  async settle({ login }: Redemption, mayBeRepeated: boolean): Promise<void> {
    await (mayBeRepeated
      ? this.logins.change(login, { state: 'ready' })
      : this.logins.remove(login.device_hash));
  }

  /** @throws {OAuthRefusal} `slow_down` for a device that asks too early. */
  async #requirePatience(login: DeviceLoginRow): Promise<void> {
    const { poll_interval: interval, polled_at: before } = login;
    const isEarly = this.clock.now() < before + interval * 1000 - early;
    const isNoted = await this.logins.notePoll(login, isEarly ? interval + slowerBy : interval);
    if (isEarly || !isNoted) {
      throw new OAuthRefusal('slow_down', `wait ${interval + slowerBy} seconds between two requests`);
    }
  }

  #opened({ sealed }: DeviceLoginRow): z.output<typeof sealedSchema> {
    const text = sealed === null ? undefined : this.#codes.decrypt(sealed);
    return sealedSchema.catch({ verifier: '' }).parse(text === undefined ? undefined : parseJson(text));
  }
}
