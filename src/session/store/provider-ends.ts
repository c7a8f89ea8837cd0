import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { Database, type SessionRow } from '../../platform/database/database.schema.js';
import type { SessionSelector } from './session.repository.js';

/** Milliseconds for which an end is remembered: longer than any login takes from the provider's answer to its session. */
const kept = 2_400_000;

/** What a provider has ended, or a user or an administrator: by whom it is named, and the names that a session must have all of. Null stands for any, or for none. */
export type EndedName = readonly [by: string, ...parts: (string | null)[]];

/**
 * Remembers what providers have ended, for the logins that are under way: their sessions aren't there yet to be ended. A login stores its
 * session first and then asks; what ends sessions notes that first. So either the login hears of the end, or the end finds the session.
 */
@Injectable()
export class ProviderEnds {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** @param begunBy milliseconds: logins that began later go on. Default: now, which is also the latest. */
  async note(names: readonly EndedName[], begunBy = Number.POSITIVE_INFINITY): Promise<void> {
    const now = this.clock.now();
    const latest = Math.min(begunBy, now);
    await this.database.query
      .deleteFrom('provider_ends')
      .where('begun_by', '<', now - kept)
      .execute();
    for (const name of names) {
      await this.database.query
        .insertInto('provider_ends')
        .values({ id: idOf(name), begun_by: latest })
        .onConflict((conflict) =>
          conflict
            .column('id')
            .doUpdateSet({ begun_by: latest })
            .where('provider_ends.begun_by', '<', latest),
        )
        .execute();
    }
  }

  /** Whether a provider has ended any of these since a login began. @param begunAt milliseconds. */
  async reach(names: readonly EndedName[], begunAt: number): Promise<boolean> {
    const found = await this.database.query
      .selectFrom('provider_ends')
      .select('id')
      .where('id', 'in', names.map(idOf))
      .where('begun_by', '>=', begunAt)
      .limit(1)
      .executeTakeFirst();
    return found !== undefined;
  }
}

/** The names under which the end of sessions is noted; none if it isn't the provider that names them. */
export function endedNamesOf(which: SessionSelector): readonly EndedName[] {
  if ('issuersFrom' in which) {
    // The provider's own sessions have the same name, whichever source of identities the user has.
    return [['sid', which.oidcSid]];
  }
  if (!('issuer' in which)) {
    return [];
  }
  const { issuer } = which;
  if ('providerSessionId' in which) {
    return [['provider session', issuer, which.providerSessionId]];
  }
  if ('oidcSid' in which) {
    return [['issuer and sid', issuer, which.oidcSid]];
  }
  const { subject } = which;
  return 'perhapsBehind' in which
    ? [
        ['subject and sid', issuer, subject, which.perhapsBehind],
        ['subject and sid', issuer, subject, null],
      ]
    : [['subject', issuer, subject]];
}

/** The name under which the end of all sessions of a user is noted: by the user, or an administrator. */
export const nameOfUser = (id: string): EndedName => ['user', id];

/** All names under which the end of this session may have been noted. */
export function endedNamesFor({
  user_id: userId,
  issuer,
  subject,
  oidc_sid: sid,
  provider_session_id: providerSession,
}: SessionRow): readonly EndedName[] {
  return [
    nameOfUser(userId),
    ['subject', issuer, subject],
    ['subject and sid', issuer, subject, sid],
    ...(sid === null
      ? []
      : ([
          ['sid', sid],
          ['issuer and sid', issuer, sid],
        ] as const)),
    ...(providerSession === null ? [] : ([['provider session', issuer, providerSession]] as const)),
  ];
}

function idOf(name: EndedName): string {
  return createHash('sha256').update(JSON.stringify(name)).digest('base64url');
}
