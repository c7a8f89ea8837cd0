import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { OryConfiguration } from '../../platform/config/configuration.js';
import { parseJson } from '../../platform/config/json.parser.js';
import { isId } from '../../platform/core/id.schema.js';
import { codeHash, newCode } from '../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { deviceCallbackAt } from '../../providers/ory/hydra/device-callback.js';
import { HydraApplications } from '../../providers/ory/hydra/hydra-applications.js';
import { type AskingClient, type DeviceClient, DeviceClients } from './device-clients.js';
import { DeviceLoginRepository } from './device-login.repository.js';
import type { DeviceLoginRow } from './device.schema.js';

const sealedSchema = z.object({ verifier: z.string(), code: z.string().optional() });

/**
 * The applications of Hydra as devices. Hydra 2.3 has no such logins: when the user has agreed, their browser runs a login by code for the
 * device's application, whose code is kept here until the device comes for it. So the tokens are Hydra's, and every rule of a login holds
 * (docs/adr/0052).
 */
@Injectable()
export class HydraDevices implements DeviceClient {
  readonly #publicUrl: string;
  readonly #cipher: PurposeCipher;

  constructor(
    private readonly logins: DeviceLoginRepository,
    private readonly applications: HydraApplications,
    clients: DeviceClients,
    @Inject(CONFIGURATION) { PUBLIC_URL, SECRETS }: OryConfiguration,
  ) {
    this.#publicUrl = PUBLIC_URL;
    this.#cipher = new PurposeCipher(SECRETS, 'device-code');
    clients.add(this);
  }

  async find({ client_id: id }: DeviceLoginRow): Promise<AskingClient | undefined> {
    const application = isId(id) ? await this.applications.find(id) : undefined;
    return application?.deviceLogin === true ? { name: application.name, hasEverything: false } : undefined;
  }

  /** Begins the login by code, in the browser of the user who allows it. */
  async allow(login: DeviceLoginRow, sessionId: string): Promise<URL | undefined> {
    const [state, verifier] = [newCode(), newCode()];
    const isFirst = await this.logins.change(login, {
      state: 'allowed',
      session_id: sessionId,
      request_hash: codeHash(state),
      sealed: this.#cipher.encrypt(JSON.stringify({ verifier })),
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
    return isFirst
      ? new URL(`${this.#publicUrl}/ory/hydra/oauth2/auth?${new URLSearchParams(request)}`)
      : undefined;
  }

  /** What the device redeems once Hydra has answered with a code. */
  sealedWith(login: DeviceLoginRow, code: string): string {
    return this.#cipher.encrypt(JSON.stringify({ ...this.#opened(login), code }));
  }

  /** What a device exchanges for its tokens, in the words of a code's exchange (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
  exchangeOf(login: DeviceLoginRow): Readonly<Record<string, string>> {
    const { code = '', verifier } = this.#opened(login);
    return {
      grant_type: 'authorization_code',
      code,
      redirect_uri: deviceCallbackAt(this.#publicUrl),
      code_verifier: verifier,
    };
  }

  #opened({ sealed }: DeviceLoginRow): z.output<typeof sealedSchema> {
    const text = sealed === null ? undefined : this.#cipher.decrypt(sealed);
    return sealedSchema.catch({ verifier: '' }).parse(text === undefined ? undefined : parseJson(text));
  }
}
