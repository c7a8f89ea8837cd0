import type { Clock } from '../../../platform/time/clock.service.js';
import { LazyCache } from '../../../platform/hot-path/lazy-cache.js';
import type { PasswordHolder } from '../kratos/kratos-password.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { type Caller, FairQueue } from './fair-queue.js';
import type { LinkingLogins } from './linking-logins.js';
import { longestQueue, longestWait } from './upstream-queue.js';

/** Names that a process remembers. */
const mostNames = 10_000;
/** Milliseconds for which a name is remembered: meanwhile, its account may be imported, or deleted and imported anew. */
const remembered = 300_000;
/**
 * Questions at a time: with more of them, Kratos would answer nobody in time. Those that may wait, and milliseconds that each may: as in the
 * queues of Kratos itself, because many who log in at the same moment, on a busy machine, are all to be let in.
 */
const bounds = { atOnce: 2, longest: longestQueue, timeout: longestWait } as const;

/** The form of a login by password. */
export interface PasswordLogin {
  /** The name that it gives, folded. */
  readonly name: string;
  /** Id of its flow. */
  readonly flow: string | undefined;
  /** The request's Cookie header. */
  readonly cookie: string | undefined;
}

/**
 * Logins by password that write. One that links a third-party login does. And with a password hash of another system, Kratos stores its own
 * hash of the password that was typed. It compares first, hashes then, and would overwrite a password that was set in between.
 *
 * Kratos is asked once in a while about each name at whose logins nothing else is written. Nobody's name is one too, so that the time of an
 * answer tells no more about who has an account.
 */
export class WritingLogins {
  /** Names at whose logins nothing is written → until when that is believed, in milliseconds since the epoch. */
  readonly #settled = new LazyCache<string, number>(mostNames);
  /** Questions under way, by name. */
  readonly #asked = new Map<string, Promise<PasswordHolder>>();
  readonly #queue = new FairQueue(bounds);

  constructor(
    private readonly kratos: Pick<KratosClient, 'findPasswordHolder'>,
    private readonly links: Pick<LinkingLogins, 'areKnownAsNone' | 'mayLink'>,
    private readonly clock: Clock,
  ) {}

  /**
   * The identity that a login by password writes.
   * @param gone aborted when the caller has left.
   * @throws {Problem} `overloaded` if too many names are to be asked about, `provider_unavailable`
   */
  async identityOf(
    { name, flow, cookie }: PasswordLogin,
    caller: Caller,
    gone: AbortSignal,
  ): Promise<string | undefined> {
    if (this.#isSettled(name) && this.links.areKnownAsNone) {
      return undefined;
    }
    const leave = await this.#queue.enter(caller, gone);
    try {
      const links = await this.links.mayLink(flow, cookie);
      return this.#isSettled(name) && !links ? undefined : await this.#ask(name, links);
    } finally {
      leave();
    }
  }

  #isSettled(name: string): boolean {
    return (this.#settled.get(name) ?? 0) > this.clock.now();
  }

  /** Asks Kratos once for all who come with a name while the question is under way. */
  async #ask(name: string, links: boolean): Promise<string | undefined> {
    const asked = this.#asked.get(name) ?? this.kratos.findPasswordHolder(name);
    this.#asked.set(name, asked);
    try {
      const holder = await asked;
      if (holder.state === 'foreign') {
        return holder.identity;
      }
      this.#settled.set(name, this.clock.now() + remembered);
      return links && holder.state === 'own' ? holder.identity : undefined;
    } finally {
      this.#asked.delete(name);
    }
  }
}
