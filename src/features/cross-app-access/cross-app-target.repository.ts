import { Injectable } from '@nestjs/common';
import { CrossAppDatabase, type CrossAppTargetRow } from './cross-app.schema.js';

/** Stores where applications may take assertions. */
@Injectable()
export class CrossAppTargetRepository {
  constructor(private readonly database: CrossAppDatabase) {}

  /** Stores a target, and removes those of applications that are gone. */
  async add(target: CrossAppTargetRow): Promise<void> {
    await this.database.query
      .deleteFrom('cross_app_targets')
      .where('application_id', 'not in', (among) => among.selectFrom('oauth_clients').select('id'))
      .execute();
    await this.database.query.insertInto('cross_app_targets').values(target).execute();
  }

  /** The targets of an application, the oldest first. */
  async list(applicationId: string): Promise<CrossAppTargetRow[]> {
    return this.database.query
      .selectFrom('cross_app_targets')
      .selectAll()
      .where('application_id', '=', applicationId)
      .orderBy('id')
      .execute();
  }

  /** Removes a target. @returns whether there was one. */
  async remove(applicationId: string, id: string): Promise<boolean> {
    const { numDeletedRows: count } = await this.database.query
      .deleteFrom('cross_app_targets')
      .where('application_id', '=', applicationId)
      .where('id', '=', id)
      .executeTakeFirst();
    return count > 0n;
  }
}
