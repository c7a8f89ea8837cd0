import { Inject, Injectable, Logger } from '@nestjs/common';
import { AuditService } from '../../../directory/audit/audit.service.js';
import { UserDirectory } from '../../../directory/users/user-directory.js';
import { CONFIGURATION } from '../../../platform/config/config.module.js';
import type { Configuration } from '../../../platform/config/configuration.js';
import type { ClientInfo } from '../../../platform/http/client-info.js';
import { RevocationService } from '../../../session/revocation/revocation.service.js';
import { SessionService } from '../../../session/session.service.js';
import type { SelectorOfProvider, SessionSelector } from '../../../session/store/session.repository.js';
import { effectOf } from './signal-event.js';
import { SignalRefusal } from './signal-refusal.js';
import { readSubject, type SignalSubject } from './signal-subject.js';
import { type VerifiedSignal, clockTolerance } from './signal-verifier.js';

const reason = 'signal_received';

/** Acts on verified signals: ends sessions, or makes tokens outdated. */
@Injectable()
export class SignalActor {
  readonly #logger = new Logger(SignalActor.name);
  readonly #provider: string | undefined;

  constructor(
    private readonly sessions: SessionService,
    private readonly revocations: RevocationService,
    private readonly users: UserDirectory,
    private readonly audit: AuditService,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#provider = providerOf(configuration);
  }

  /**
   * Acts on a signal, or logs why there is nothing to do. Doing so twice is harmless.
   * @throws {SignalRefusal} for an event or subject that isn't as its definition requires.
   */
  async act(signal: VerifiedSignal, client: ClientInfo): Promise<void> {
    const effect = effectOf(signal.events);
    if (effect === undefined || effect === 'ignore') {
      return this.#ignore(signal, effect === undefined ? 'signal_event_unknown' : 'signal_without_effect');
    }
    const subject = readSubject(signal.subject, signal.transmitter.issuer);
    if (subject === undefined) {
      throw new SignalRefusal('invalid_request', 'signal_subject', 'the sub_id is no subject identifier');
    }
    const critical = await signal.transmitter.criticalMembers();
    if (subject.unread.some((name) => critical.includes(name))) {
      return this.#ignore(signal, 'signal_member_critical');
    }
    if (!this.#maySpeakOf(subject, signal.transmitter.issuer)) {
      return this.#ignore(signal, 'signal_issuer_foreign');
    }
    const subjects = this.#asStored(subject);
    if (effect === 'renew') {
      return this.#renew(signal, subjects);
    }
    // A user who logged in after the event did so in the provider's new state.
    const begunBy = signal.happenedBy + clockTolerance;
    const selectors = subjects.flatMap((stored) => selectorOf(effect, stored) ?? []);
    return selectors.length === 0
      ? this.#ignore(signal, 'signal_subject_unknown')
      : this.#end(
          signal,
          selectors.map((selector) => ({ ...selector, begunBy })),
          client,
        );
  }

  /** A transmitter speaks of its own users, and of those of the provider that users log in with here. */
  #maySpeakOf({ user, session }: SignalSubject, transmitter: string): boolean {
    return [user, session].every(
      (name) => name === undefined || name.issuer === transmitter || this.#isProvider(name.issuer),
    );
  }

  /**
   * The subject as rows may name it. The provider's issuer ends with a slash or doesn't, as the provider's metadata states it, and a
   * transmitter may spell it in the other way: so there is one for each spelling.
   */
  #asStored(subject: SignalSubject): readonly SignalSubject[] {
    const { user, session } = subject;
    const isOfProvider = [user, session].some((name) => name !== undefined && this.#isProvider(name.issuer));
    return isOfProvider
      ? ['', '/'].map((slash) => ({
          ...subject,
          user: this.#spelled(user, slash),
          session: this.#spelled(session, slash),
        }))
      : [subject];
  }

  #spelled(name: SignalSubject['user'], slash: string): SignalSubject['user'] {
    return name !== undefined && this.#isProvider(name.issuer)
      ? { ...name, issuer: withoutSlash(name.issuer) + slash }
      : name;
  }

  #isProvider(issuer: string): boolean {
    return withoutSlash(issuer) === this.#provider;
  }

  async #end(
    signal: VerifiedSignal,
    selectors: readonly SessionSelector[],
    client: ClientInfo,
  ): Promise<void> {
    let count = 0;
    for (const selector of selectors) {
      const ended = await this.sessions.end(selector, reason);
      for (const { id, user_id: userId } of ended) {
        await this.audit.record({ type: 'session_ended', userId, sessionId: id, ...client, reason });
      }
      count += ended.length;
    }
    if (count === 0) {
      return this.#ignore(signal, 'signal_without_session');
    }
    this.#logger.log('a signal has ended sessions', { ...described(signal), ended: count });
  }

  async #renew(signal: VerifiedSignal, subjects: readonly SignalSubject[]): Promise<void> {
    const found = await Promise.all(
      subjects.map(async ({ user }) => user && this.users.findByIdentity(user.issuer, user.id)),
    );
    const known = found.filter((user) => user !== undefined);
    if (known.length === 0) {
      return this.#ignore(signal, 'signal_subject_unknown');
    }
    for (const { id } of known) {
      await this.revocations.invalidate('user', id);
    }
    this.#logger.log("a signal has made a user's tokens outdated", described(signal));
  }

  #ignore(signal: VerifiedSignal, why: string): void {
    this.#logger.log('a signal was acknowledged, and nothing done', { ...described(signal), reason: why });
  }
}

/** The sessions that an event is about; nothing if its subject has no name that is known here. */
function selectorOf(
  effect: 'end_all' | 'end_named',
  { user, session }: SignalSubject,
): SelectorOfProvider | undefined {
  if (user === undefined) {
    return session === undefined ? undefined : { issuer: session.issuer, oidcSid: session.id };
  }
  const identity = { issuer: user.issuer, subject: user.id };
  return effect === 'end_named' && session?.issuer === user.issuer
    ? { ...identity, perhapsBehind: session.id }
    : identity;
}

/** What the log says of a signal: no subject and no token. */
function described({ events, jti }: VerifiedSignal): { readonly events: string[]; readonly jti: string } {
  return { events: Object.keys(events).map((type) => type.slice(0, 200)), jti };
}

/** Issuer of the users' logins, as it is configured: without a slash at its end. */
function providerOf(configuration: Configuration): string | undefined {
  switch (configuration.AUTH_PROVIDER) {
    case 'ory':
      return undefined;
    case 'auth0':
      return configuration.AUTH0_DOMAIN;
    case 'oidc':
      return configuration.OIDC_ISSUER;
  }
}

function withoutSlash(issuer: string): string {
  return issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
}
