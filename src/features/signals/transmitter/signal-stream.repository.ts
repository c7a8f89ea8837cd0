import { Injectable } from '@nestjs/common';
import { requireActiveUser } from '../../../directory/users/user-rules.js';
import { needsRowLocks } from '../../../platform/database/dialect.js';
import { Clock } from '../../../platform/time/clock.service.js';
import type { RevocationKind, RevocationRow } from '../../../platform/database/database.schema.js';
import { SignalDatabase, type SignalStreamRow } from '../signal.schema.js';

/** A revocation, with the user whom it is about if that is known. */
export interface PendingRevocation extends RevocationRow {
  readonly user_id: string | null;
  /** Why its session ended, if that is known. */
  readonly end_reason: string | null;
}

type Key = Pick<RevocationRow, 'id' | 'recorded_at'>;

/** Milliseconds by which clocks of replicas may differ, and a commit may become visible late. */
const overlap = 120_000;

/** Stores streams of security events, and what each has received. The events themselves are the revocations. */
@Injectable()
export class SignalStreamRepository {
  constructor(
    private readonly database: SignalDatabase,
    private readonly clock: Clock,
  ) {}

  /** The moment (milliseconds) before which a stream that begins now needs no events. */
  beginning(): number {
    return this.clock.now() - overlap;
  }

  /**
   * Stores a new stream.
   * @param limit how many its owner may have, also of those that are made at the same time.
   * @returns false if they have as many. @throws {Problem} `unauthenticated` if the owner was disabled or deleted in the meantime.
   */
  async insert(stream: SignalStreamRow, limit: number): Promise<boolean> {
    return this.database.query.transaction().execute(async (transaction) => {
      await requireActiveUser(transaction, stream.owner_id);
      const { count } = await transaction
        .selectFrom('signal_streams')
        .select(({ fn }) => fn.countAll().as('count'))
        .where('owner_id', '=', stream.owner_id)
        .executeTakeFirstOrThrow();
      if (Number(count) >= limit) {
        return false;
      }
      await transaction.insertInto('signal_streams').values(stream).execute();
      return true;
    });
  }

  async find(id: string): Promise<SignalStreamRow | undefined> {
    return this.database.query
      .selectFrom('signal_streams')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst();
  }

  /** The streams of an owner, oldest first. */
  async listOf(ownerId: string): Promise<SignalStreamRow[]> {
    return this.database.query
      .selectFrom('signal_streams')
      .selectAll()
      .where('owner_id', '=', ownerId)
      .orderBy('id')
      .execute();
  }

  async update(id: string, change: Partial<SignalStreamRow>): Promise<void> {
    await this.database.query.updateTable('signal_streams').set(change).where('id', '=', id).execute();
  }

  async delete(id: string): Promise<void> {
    await this.database.query.deleteFrom('signal_streams').where('id', '=', id).execute();
  }

  /** The oldest revocations of these kinds that a stream hasn't received. */
  async pending(
    { id, settled_at: settledAt }: SignalStreamRow,
    kinds: readonly RevocationKind[],
    limit: number,
  ): Promise<PendingRevocation[]> {
    return this.database.query
      .selectFrom('revocations')
      .leftJoin('sessions', 'sessions.id', 'revocations.id')
      .leftJoin('api_keys', 'api_keys.id', 'revocations.id')
      .select(({ fn }) => [
        'revocations.id',
        'revocations.kind',
        'revocations.before',
        'revocations.recorded_at',
        'revocations.expires_at',
        'sessions.end_reason',
        fn.coalesce('sessions.user_id', 'api_keys.user_id').as('user_id'),
      ])
      .where('revocations.recorded_at', '>=', settledAt)
      .where('revocations.kind', 'in', [...kinds])
      .where(({ not, exists, selectFrom }) =>
        not(
          exists(
            selectFrom('signal_receipts')
              .select('signal_receipts.stream_id')
              .where('signal_receipts.stream_id', '=', id)
              .whereRef('signal_receipts.revocation_id', '=', 'revocations.id')
              .whereRef('signal_receipts.recorded_at', '=', 'revocations.recorded_at'),
          ),
        ),
      )
      .orderBy('revocations.recorded_at')
      .orderBy('revocations.id')
      .limit(limit)
      .execute();
  }

  /** Records that a stream's receiver has received these, as far as they exist; nothing if the stream was deleted in the meantime. */
  async receive(streamId: string, keys: readonly Key[]): Promise<void> {
    const recorded = keys.length === 0 ? [] : await this.#recorded(keys);
    if (recorded.length === 0) {
      return;
    }
    await this.database.query.transaction().execute(async (transaction) => {
      const stream = transaction.selectFrom('signal_streams').select('id').where('id', '=', streamId);
      const locked = needsRowLocks(transaction) ? stream.forKeyShare() : stream;
      if ((await locked.executeTakeFirst()) === undefined) {
        return;
      }
      await transaction
        .insertInto('signal_receipts')
        .values(
          recorded.map(({ id, recorded_at: recordedAt }) => ({
            stream_id: streamId,
            revocation_id: id,
            recorded_at: recordedAt,
          })),
        )
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    });
  }

  /** Those of the keys that a revocation has. */
  async #recorded(keys: readonly Key[]): Promise<readonly Key[]> {
    const rows = await this.database.query
      .selectFrom('revocations')
      .select(['id', 'recorded_at'])
      .where(
        'id',
        'in',
        keys.map(({ id }) => id),
      )
      .execute();
    const times = new Map(rows.map(({ id, recorded_at: recordedAt }) => [id, recordedAt]));
    return keys.filter(({ id, recorded_at: recordedAt }) => times.get(id) === recordedAt);
  }

  /**
   * Records that a stream has received all that was recorded before a moment, so that it isn't looked for again.
   * @param oldestPending when the oldest was recorded that it hasn't received.
   */
  async settle(
    { id, settled_at: settledAt }: SignalStreamRow,
    oldestPending: number | undefined,
  ): Promise<void> {
    const moment = Math.min(this.beginning(), oldestPending ?? Number.POSITIVE_INFINITY);
    // Not at each poll.
    if (moment - settledAt < overlap / 2) {
      return;
    }
    await this.update(id, { settled_at: moment });
    await this.database.query
      .deleteFrom('signal_receipts')
      .where('stream_id', '=', id)
      .where('recorded_at', '<', moment)
      .execute();
  }

  /** The streams whose events are pushed. */
  async pushable(): Promise<SignalStreamRow[]> {
    return this.database.query
      .selectFrom('signal_streams')
      .selectAll()
      .where('method', '=', 'push')
      .where('status', '=', 'enabled')
      .execute();
  }

  /** When the oldest revocation was recorded that a stream may still need; undefined without a stream that is in use. */
  async oldestNeeded(): Promise<number | undefined> {
    const { settled } = await this.database.query
      .selectFrom('signal_streams')
      .select(({ fn }) => fn.min('settled_at').as('settled'))
      .where('status', '!=', 'disabled')
      .executeTakeFirstOrThrow();
    return settled ?? undefined;
  }

  /** Takes a stream for one process, until a moment (milliseconds). @returns whether no other process has it. */
  async claim({ id, claimed_until: known }: SignalStreamRow, until: number): Promise<boolean> {
    const { numUpdatedRows } = await this.database.query
      .updateTable('signal_streams')
      .set({ claimed_until: until })
      .where('id', '=', id)
      .where('claimed_until', '=', known)
      .executeTakeFirstOrThrow();
    return numUpdatedRows === 1n;
  }

  /** Whether an API key is live. */
  async isLiveKey(id: string): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('api_keys')
      .select(['revoked_at', 'expires_at'])
      .where('id', '=', id)
      .executeTakeFirst();
    return row?.revoked_at === null && (row.expires_at ?? Number.POSITIVE_INFINITY) > this.clock.now();
  }

  /** Disables the streams whose receivers have received nothing since a moment (milliseconds). */
  async disableIdle(since: number, reason: string): Promise<void> {
    await this.database.query
      .updateTable('signal_streams')
      .set({ status: 'disabled', reason })
      .where('status', '!=', 'disabled')
      .where('settled_at', '<', since)
      .execute();
  }
}
