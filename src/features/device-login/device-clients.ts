import { Injectable } from '@nestjs/common';
import type { DeviceLoginRow } from './device.schema.js';

/** What a user is told of the one who asks. */
export interface AskingClient {
  readonly name: string;
  /** Whether it could do all that the user can do, or no more than what an application may. */
  readonly hasEverything: boolean;
}

/** Whom devices log in to. */
export interface DeviceClient {
  /** Who asks with a login; undefined if it isn't known here. */
  find(login: DeviceLoginRow): Promise<AskingClient | undefined>;
  /**
   * Does what follows when a user has allowed a login.
   * @returns the URL at which the browser goes on; `done` if the device can redeem it; undefined if somebody else was faster.
   */
  allow(login: DeviceLoginRow, sessionId: string): Promise<URL | 'done' | undefined>;
  /** What the device redeems once the browser has come back with a code, if it was sent on. */
  sealedWith?(login: DeviceLoginRow, code: string): string;
}

/** Everyone whom devices can log in to. They add themselves when the gateway starts. */
@Injectable()
export class DeviceClients {
  readonly #clients: DeviceClient[] = [];

  add(client: DeviceClient): void {
    this.#clients.push(client);
  }

  /** Who asks with a login, and what to do when it is allowed; undefined if nobody knows them. */
  async of(
    login: DeviceLoginRow,
  ): Promise<{ readonly client: DeviceClient; readonly asking: AskingClient } | undefined> {
    for (const client of this.#clients) {
      const asking = await client.find(login);
      if (asking !== undefined) {
        return { client, asking };
      }
    }
    return undefined;
  }
}
