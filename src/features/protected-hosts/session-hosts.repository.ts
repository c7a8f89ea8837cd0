import { Injectable } from '@nestjs/common';
import { needsRowLocks } from '../../platform/database/dialect.js';
import { Clock } from '../../platform/time/clock.service.js';
import { HostDatabase } from './host.schema.js';

/** Hosts that are kept for a session: a pattern of hosts has any number of them. */
const maximumHosts = 50;

/** The protected hosts on which each session has a cookie. They are written down at logins there, and for lists only. */
@Injectable()
export class SessionHostsRepository {
  constructor(
    private readonly database: HostDatabase,
    private readonly clock: Clock,
  ) {}

  /** Records a login on a host, unless the session's row is gone by now. Of more than 50 hosts, the last 50 are kept. */
  async add(sessionId: string, host: string): Promise<void> {
    const { query } = this.database;
    const now = this.clock.now();
    const ofSession = query
      .selectFrom('sessions')
      .where('id', '=', sessionId)
      .select(({ cast, ref, val }) => [
        ref('id').as('session_id'),
        val(host).as('host'),
        cast<number>(val(now), 'bigint').as('logged_in_at'),
      ]);
    await query
      .insertInto('session_hosts')
      .columns(['session_id', 'host', 'logged_in_at'])
      .expression(needsRowLocks(query) ? ofSession.forKeyShare() : ofSession)
      .onConflict((conflict) => conflict.columns(['session_id', 'host']).doUpdateSet({ logged_in_at: now }))
      .execute();
    const latest = query
      .selectFrom('session_hosts')
      .select('host')
      .where('session_id', '=', sessionId)
      .orderBy('logged_in_at', 'desc')
      .orderBy('host')
      .limit(maximumHosts);
    await query
      .deleteFrom('session_hosts')
      .where('session_id', '=', sessionId)
      .where('host', 'not in', latest)
      .execute();
  }

  /** The hosts of sessions, by session id, in alphabetical order. */
  async of(sessionIds: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
    if (sessionIds.length === 0) {
      return new Map();
    }
    const rows = await this.database.query
      .selectFrom('session_hosts')
      .select(['session_id', 'host'])
      .where('session_id', 'in', [...sessionIds])
      .orderBy('host')
      .execute();
    const hosts = new Map<string, string[]>();
    for (const { session_id: id, host } of rows) {
      hosts.set(id, [...(hosts.get(id) ?? []), host]);
    }
    return hosts;
  }
}
