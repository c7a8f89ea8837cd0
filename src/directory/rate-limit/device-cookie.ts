import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { CONFIGURATION } from '../../platform/config/config.module.js';
import type { Configuration } from '../../platform/config/configuration.js';
import { PurposeCipher } from '../../platform/crypto/purpose-cipher.js';
import { readSingleCookie } from '../../platform/http/cookie-reader.js';
import { CookieWriter } from '../../platform/http/cookie-writer.js';
import { Clock } from '../../platform/time/clock.service.js';

/** Seconds for which a browser is known to an account: longer than a session, after which it is needed. */
export const browserKnownFor = 90 * 86_400;
/** Maximum accounts by which a browser is known, the latest first. A user with a second factor, or of a directory, takes two. */
const maximumAccounts = 8;

const deviceSchema = z.object({
  /** Random: what guesses with a copy of the cookie are counted by. */
  id: z.string(),
  accounts: z.array(
    z.object({
      hash: z.string(),
      /** Milliseconds since the epoch: when the latest login began. */
      at: z.number(),
    }),
  ),
});

type Device = z.output<typeof deviceSchema>;

/**
 * Remembers in an encrypted cookie to which accounts a browser has logged in (OWASP's device cookies). It logs nobody in: its browser
 * goes first in a flood of logins, and isn't locked out by guesses from elsewhere.
 */
@Injectable()
export class DeviceCookie {
  readonly #cipher: PurposeCipher;
  readonly #name: string;
  /** What the answer to a request sets. */
  readonly #set = new WeakMap<FastifyRequest, Device>();

  constructor(
    private readonly cookies: CookieWriter,
    private readonly clock: Clock,
    @Inject(CONFIGURATION) { SECRETS }: Configuration,
  ) {
    this.#cipher = new PurposeCipher(SECRETS, 'known-device');
    this.#name = cookies.name('vestibule-device');
  }

  /**
   * The id of the browser; undefined unless it is known to this account.
   * @param account its keyed hashes, under each of the secrets.
   * @param after milliseconds since the epoch: earlier logins don't count.
   */
  find(request: FastifyRequest, account: readonly string[], after: number): string | undefined {
    const device = this.#read(request);
    const entry = device?.accounts.find(({ hash, at }) => at >= after && account.includes(hash));
    return entry && device?.id;
  }

  /**
   * Makes a browser known to an account.
   * @param account its keyed hashes, under each of the secrets.
   * @param at milliseconds since the epoch: when the login began.
   */
  add(reply: FastifyReply, account: readonly string[], at: number): void {
    const { request } = reply;
    const { id, accounts } = this.#read(request) ?? { id: randomUUID(), accounts: [] };
    const others = accounts.filter(({ hash }) => !account.includes(hash));
    const added = account.slice(0, 1).map((hash) => ({ hash, at }));
    const device = { id, accounts: [...added, ...others].slice(0, maximumAccounts) };
    this.#set.set(request, device);
    this.cookies.set(reply, this.#name, this.#cipher.encrypt(JSON.stringify(device)), browserKnownFor);
  }

  #read(request: FastifyRequest): Device | undefined {
    const set = this.#set.get(request);
    const sealed = readSingleCookie(request.headers.cookie, this.#name);
    const text = set !== undefined || sealed === undefined ? undefined : this.#cipher.decrypt(sealed);
    const device = text === undefined ? set : deviceSchema.safeParse(JSON.parse(text)).data;
    const oldest = this.clock.now() - browserKnownFor * 1000;
    return device && { ...device, accounts: device.accounts.filter(({ at }) => at >= oldest) };
  }
}
