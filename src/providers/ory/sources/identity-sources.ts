import type { CompanyLogins } from './company-logins.js';
import {
  type BrowserSession,
  IdentitySource,
  type SessionKey,
  type SourceSession,
  type SourceUser,
} from './identity-source.js';

/** All sources of identities as one: each question goes to the source whose subject it is about. */
export class IdentitySources extends IdentitySource {
  /**
   * @param companies whose source knows its own subjects. A user who must log in there has no sessions at another one that go on.
   * @param more sources that know their own subjects. @param others the source of every other subject.
   */
  constructor(
    private readonly companies: CompanyLogins,
    private readonly more: readonly IdentitySource[],
    private readonly others: IdentitySource,
  ) {
    super();
  }

  async issuerOf(subject: string): Promise<string | undefined> {
    const [, issuer] = await this.#find(subject);
    return issuer;
  }

  /**
   * The session that began last, if a browser has one at several sources. The others end: otherwise a logout would leave a login of
   * which the user no longer knows, perhaps another's.
   */
  async browserSession(header: string | undefined): Promise<BrowserSession> {
    const found = await Promise.all(this.#all.map((source) => source.browserSession(header)));
    const live = found.filter((session) => session.state === 'live');
    const [latest, ...older] = live.toSorted((one, other) => other.session.begunAt - one.session.begunAt);
    for (const { session } of older) {
      await this.endSession({ id: session.id, subject: session.identity.subject });
    }
    return latest ?? found.find(({ state }) => state !== 'none') ?? { state: 'none' };
  }

  async findSession(key: SessionKey): Promise<SourceSession | undefined> {
    const [source] = await this.#find(key.subject);
    const session = await source.findSession(key);
    return session !== undefined && (await this.#isBarred(session)) ? undefined : session;
  }

  async findUser(subject: string): Promise<SourceUser | undefined> {
    const [source] = await this.#find(subject);
    const user = await source.findUser(subject);
    return user !== undefined && (await this.#isBarred(user)) ? undefined : user;
  }

  async endSession(key: SessionKey): Promise<void> {
    const [source] = await this.#find(key.subject);
    await source.endSession(key);
  }

  async endSessions(subject: string, except?: string, begunAfter?: number): Promise<void> {
    const [source] = await this.#find(subject);
    await source.endSessions(subject, except, begunAfter);
  }

  override async endBrowserSession(header: string | undefined): Promise<void> {
    for (const source of this.#all) {
      await source.endBrowserSession(header);
    }
  }

  async setActive(subject: string, active: boolean): Promise<void> {
    const [source] = await this.#find(subject);
    await source.setActive(subject, active);
  }

  async deleteUser(subject: string): Promise<void> {
    const [source] = await this.#find(subject);
    await source.deleteUser(subject);
  }

  async #find(subject: string): Promise<readonly [IdentitySource, string | undefined]> {
    for (const source of this.#knowing) {
      const issuer = await source.issuerOf(subject);
      if (issuer !== undefined) {
        return [source, issuer];
      }
    }
    return [this.others, await this.others.issuerOf(subject)];
  }

  get #knowing(): readonly IdentitySource[] {
    const { source } = this.companies;
    return source === undefined ? this.more : [source.identities, ...this.more];
  }

  get #all(): readonly IdentitySource[] {
    return [...this.#knowing, this.others];
  }

  async #isBarred({ identity }: SourceUser): Promise<boolean> {
    return (await this.companies.source?.requiredOf(identity)) !== undefined;
  }
}
