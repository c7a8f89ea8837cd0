import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/time/clock.service.js';
import { newId } from '../../platform/core/identifier.js';
import { scopeTokens } from '../../session/guards/scopes.js';
import { CrossAppDatabase, type CrossAppGrantRow } from './cross-app.schema.js';

/** Which resource an application may use for a user. */
export type CrossAppGrantKey = Pick<CrossAppGrantRow, 'subject' | 'client_id' | 'resource'>;

/** Stores what applications may do for users on the word of their companies. */
@Injectable()
export class CrossAppGrantRepository {
  constructor(
    private readonly database: CrossAppDatabase,
    private readonly clock: Clock,
  ) {}

  async find({
    subject,
    client_id: clientId,
    resource,
  }: CrossAppGrantKey): Promise<CrossAppGrantRow | undefined> {
    return this.database.query
      .selectFrom('cross_app_grants')
      .selectAll()
      .where('subject', '=', subject)
      .where('client_id', '=', clientId)
      .where('resource', '=', resource)
      .executeTakeFirst();
  }

  /** The grants of a user that hold. @param clientId those of this application only. */
  async live(subject: string, clientId?: string): Promise<CrossAppGrantRow[]> {
    const grants = this.database.query
      .selectFrom('cross_app_grants')
      .selectAll()
      .where('subject', '=', subject)
      .where('ended_at', 'is', null);
    return (clientId === undefined ? grants : grants.where('client_id', '=', clientId)).execute();
  }

  /** Notes a use, the first one or another. @returns the grant; undefined if it was taken back. */
  async use(key: CrossAppGrantKey, scope: readonly string[]): Promise<CrossAppGrantRow | undefined> {
    const now = this.clock.now();
    const known = await this.find(key);
    const granted = [...new Set([...scopeTokens(known?.scope ?? ''), ...scope])].join(' ');
    return this.database.query
      .insertInto('cross_app_grants')
      .values({ ...key, id: newId(now), scope: granted, created_at: now, used_at: now, ended_at: null })
      .onConflict((conflict) =>
        conflict
          .columns(['subject', 'client_id', 'resource'])
          .doUpdateSet({ scope: granted, used_at: now })
          .where('cross_app_grants.ended_at', 'is', null),
      )
      .returningAll()
      .executeTakeFirst();
  }

  /** Notes that the access was taken back. */
  async end(subject: string, clientId: string): Promise<void> {
    await this.database.query
      .updateTable('cross_app_grants')
      .set({ ended_at: this.clock.now() })
      .where('subject', '=', subject)
      .where('client_id', '=', clientId)
      .where('ended_at', 'is', null)
      .execute();
  }

  /** Removes a grant that was taken back, so that there may be another one. */
  async reopen(id: string): Promise<void> {
    await this.database.query
      .deleteFrom('cross_app_grants')
      .where('id', '=', id)
      .where('ended_at', 'is not', null)
      .execute();
  }

  /** Removes all grants of a user. */
  async forget(subject: string): Promise<void> {
    await this.database.query.deleteFrom('cross_app_grants').where('subject', '=', subject).execute();
  }
}
