import { Injectable } from '@nestjs/common';
import type { DeviceLoginRow } from './device.schema.js';

/** What a user is told of the client that a device logs in to. */
export interface AskingClient {
  readonly name: string;
  /** Whether it could do all that the user can do, or no more than what an application may. */
  readonly hasEverything: boolean;
}

/** A kind of clients that devices log in to. */
export interface DeviceClient {
  /** The client of a login; undefined if it is of another kind, or isn't set up for devices. */
  find(login: DeviceLoginRow): Promise<AskingClient | undefined>;
  /**
   * Does what follows when a user has allowed a login.
   * @returns the URL at which the browser goes on; `done` if the device can redeem it; undefined if another request was faster.
   */
  allow(login: DeviceLoginRow, sessionId: string): Promise<URL | 'done' | undefined>;
  /** What the device redeems once the browser has come back with a code, if it was sent on. */
  sealedWith?(login: DeviceLoginRow, code: string): string;
}

/** The kinds of clients that devices can log in to. They are added when the gateway starts. */
@Injectable()
export class DeviceClients {
  readonly #clients: DeviceClient[] = [];

  add(client: DeviceClient): void {
    this.#clients.push(client);
  }

  /** The client of a login, and its kind; undefined if no kind has it. */
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
