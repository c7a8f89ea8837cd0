import type { Clock } from '../../../platform/time/clock.service.js';
import type { KratosClient } from '../kratos/kratos.client.js';

/** Names that a process remembers. */
const mostNames = 10_000;
/** Milliseconds for which nobody's name is remembered: an import may come. */
const longestUnknown = 3_600_000;

/**
 * Logins that write: at a login with a password hash of another system, Kratos stores its own hash of the password that was typed. It compares
 * first, hashes then, and would overwrite a password that was set in between.
 *
 * Kratos is asked once about each name: a hash of its own stays one. Nobody's name is remembered too, so that the time of an answer tells no
 * more about who has an account.
 */
export class PasswordUpgrades {
  /** Names at whose logins nothing is written → until when that is so, in milliseconds since the epoch. */
  readonly #settled = new Map<string, number>();

  constructor(
    private readonly kratos: Pick<KratosClient, 'findPasswordHolder'>,
    private readonly clock: Clock,
  ) {}

  /** The identity that a login by password writes. @param name that the form gives, folded. @throws {Problem} `provider_unavailable` */
  async identityOf(name: string): Promise<string | undefined> {
    if ((this.#settled.get(name) ?? 0) > this.clock.now()) {
      return undefined;
    }
    const holder = await this.kratos.findPasswordHolder(name);
    if (holder.state === 'foreign') {
      return holder.identity;
    }
    this.#remember(name, holder.state === 'own' ? Infinity : this.clock.now() + longestUnknown);
    return undefined;
  }

  #remember(name: string, until: number): void {
    this.#settled.delete(name);
    this.#settled.set(name, until);
    const [oldest] = this.#settled.keys();
    if (this.#settled.size > mostNames && oldest !== undefined) {
      this.#settled.delete(oldest);
    }
  }
}
