import type { CDPSession, Page } from 'playwright-core';
import { z } from 'zod';

const credentialsSchema = z.object({
  credentials: z.array(z.object({ credentialId: z.string(), isResidentCredential: z.boolean() })),
});

/** An authenticator of Chromium's own, which says yes to whatever a page asks it. */
export class VirtualKey {
  readonly #session: CDPSession;
  readonly #id: string;

  private constructor(session: CDPSession, id: string) {
    this.#session = session;
    this.#id = id;
  }

  /** Plugs one into the page's browser. @param kind a phone's or laptop's own, for passkeys, or one on USB. */
  static async plugInto(page: Page, kind: 'platform' | 'usb'): Promise<VirtualKey> {
    const session = await page.context().newCDPSession(page);
    await session.send('WebAuthn.enable');
    const own = kind === 'platform';
    const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: own ? 'internal' : 'usb',
        hasResidentKey: own,
        hasUserVerification: own,
        isUserVerified: own,
        automaticPresenceSimulation: true,
      },
    });
    return new VirtualKey(session, authenticatorId);
  }

  /** Keys on it, by whether it can name their owner by itself. */
  async credentials(): Promise<readonly { readonly isResidentCredential: boolean }[]> {
    const answer = await this.#session.send('WebAuthn.getCredentials', { authenticatorId: this.#id });
    return credentialsSchema.parse(answer).credentials;
  }

  /** Takes it out of the browser. */
  async unplug(): Promise<void> {
    await this.#session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: this.#id });
  }

  /** Whether its owner touches it when it's asked. */
  async touch(isTouched: boolean): Promise<void> {
    await this.#session.send('WebAuthn.setAutomaticPresenceSimulation', {
      authenticatorId: this.#id,
      enabled: isTouched,
    });
  }
}
