import { Injectable } from '@nestjs/common';
import { activeAdministrators } from '../directory/users/user.query.js';
import { Database } from '../platform/database/database.schema.js';
import { Problem } from '../platform/errors/problem.error.js';
import { Clock } from '../platform/time/clock.service.js';

/** Milliseconds for which a maker is remembered after a code's end, by whatever clock that is judged. */
const keptMilliseconds = 86_400_000;

/** Remembers who made recovery codes: one is good only while its maker is an administrator. */
@Injectable()
export class RecoveryCodeRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Remembers who made a code. @param flow the recovery that takes it. @param expiresAt milliseconds since the epoch. */
  async note(flow: string, madeBy: string, expiresAt: number): Promise<void> {
    const { query } = this.database;
    const before = this.clock.now() - keptMilliseconds;
    await query.deleteFrom('recovery_codes').where('expires_at', '<', before).execute();
    await query
      .insertInto('recovery_codes')
      .values({ flow: idOf(flow), made_by: madeBy, expires_at: expiresAt })
      .execute();
  }

  /**
   * Requires that the maker of a recovery's code may still make one. A code that was mailed, or made elsewhere, needs none.
   * @param flow its id as Kratos writes it.
   * @throws {Problem} `gone` once its maker is disabled, deleted, or no administrator any more.
   */
  async requireMaker(flow: string): Promise<void> {
    const { query } = this.database;
    const code = await query
      .selectFrom('recovery_codes')
      .select('made_by')
      .where('flow', '=', idOf(flow))
      .executeTakeFirst();
    if (code === undefined) {
      return;
    }
    await activeAdministrators(query)
      .where('id', '=', code.made_by)
      .executeTakeFirstOrThrow(
        () =>
          new Problem('gone', {
            detail: 'The maker of this code may make none any more. Ask another administrator for a new one.',
            reason: 'recovery_maker_gone',
          }),
      );
  }
}

/** A flow's id as it is stored. */
function idOf(flow: string): string {
  return flow.replaceAll('-', '');
}
