import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { codeHash } from '../../../platform/crypto/one-time-code.js';
import { PurposeCipher } from '../../../platform/crypto/purpose-cipher.js';
import { Database } from '../../../platform/database/database.schema.js';
import { Clock } from '../../../platform/time/clock.service.js';

/**
 * Milliseconds after which another request may take over a claim whose answer never came, because its process ended. By then Hydra has
 * answered, or never will.
 */
const claimLife = 120_000;
/** Milliseconds for which a used token is known: longer than Hydra's longest grace, which is five minutes, on any replica's clock. */
const life = 420_000;
/** Milliseconds for which an answer is kept: the grace of Hydra's settings here, and the 30 seconds by which each of two clocks may be off. */
const answerLife = 70_000;

/** What became of an attempt to be the first to use a refresh token. */
export type FirstUse =
  | { readonly state: 'claimed'; readonly holder: string }
  /** Another request has it at Hydra now. */
  | { readonly state: 'pending' }
  /** It was answered; `request` and `answer` are of that request. */
  | { readonly state: 'kept'; readonly request: string; readonly answer: string }
  | { readonly state: 'used_up' };

/**
 * The first use of each refresh token, on any replica, and for the second one the answer that it got. That is encrypted with a key made
 * from the refresh token, of which only a hash is stored: nobody can read it who doesn't have the token.
 */
@Injectable()
export class RefreshAnswerRepository {
  constructor(
    private readonly database: Database,
    private readonly clock: Clock,
  ) {}

  /** Claims the first use of a token. @param request digest of what is asked, to which the answer is bound. */
  async claim(token: string, request: string): Promise<FirstUse> {
    const [now, holder] = [this.clock.now(), randomUUID()];
    const claimed = await this.database.query
      .insertInto('refresh_answers')
      .values({
        token_hash: refreshTokenId(token),
        holder,
        request,
        state: 'pending',
        sealed: null,
        claimed_at: now,
      })
      .onConflict((conflict) =>
        conflict
          .column('token_hash')
          .doUpdateSet({ holder, request, claimed_at: now })
          // A statement that is repeated after a lost connection may have succeeded the first time.
          .where((where) =>
            where.or([
              where('refresh_answers.holder', '=', holder),
              where.and([
                where('refresh_answers.state', '=', 'pending'),
                where('refresh_answers.claimed_at', '<=', now - claimLife),
              ]),
            ]),
          ),
      )
      .returning('holder')
      .executeTakeFirst();
    return claimed === undefined ? this.look(token, request) : { state: 'claimed', holder };
  }

  /** What has become of a token that another request had claimed; claims it if that was given up. */
  async look(token: string, request: string): Promise<FirstUse> {
    const row = await this.database.query
      .selectFrom('refresh_answers')
      .selectAll()
      .where('token_hash', '=', refreshTokenId(token))
      .executeTakeFirst();
    if (row === undefined) {
      return this.claim(token, request);
    }
    if (row.state === 'pending') {
      return { state: 'pending' };
    }
    const answer = row.sealed === null ? undefined : cipherOf(token).decrypt(row.sealed);
    return answer === undefined ? { state: 'used_up' } : { state: 'kept', request: row.request, answer };
  }

  /** Whether a token has been used. */
  async isUsed(token: string): Promise<boolean> {
    const row = await this.database.query
      .selectFrom('refresh_answers')
      .select('state')
      .where('token_hash', '=', refreshTokenId(token))
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Keeps the answer to the first use. @returns false if another request has taken the claim over. */
  async keep(token: string, holder: string, answer: string): Promise<boolean> {
    const kept = await this.database.query
      .updateTable('refresh_answers')
      .set({ state: 'kept', sealed: cipherOf(token).encrypt(answer), claimed_at: this.clock.now() })
      .where('token_hash', '=', refreshTokenId(token))
      .where('holder', '=', holder)
      .returning('holder')
      .executeTakeFirst();
    return kept !== undefined;
  }

  /** Takes the answer for the second use, for one caller on any replica. @returns whether it's this one. */
  async take(token: string): Promise<boolean> {
    const holder = randomUUID();
    const taken = await this.database.query
      .updateTable('refresh_answers')
      .set({ state: 'used_up', sealed: null, holder })
      .where('token_hash', '=', refreshTokenId(token))
      .where((where) => where.or([where('state', '=', 'kept'), where('holder', '=', holder)]))
      .returning('holder')
      .executeTakeFirst();
    return taken !== undefined;
  }

  /** Gives a claim up: nobody got an answer. */
  async release(token: string, holder: string): Promise<void> {
    await this.database.query
      .deleteFrom('refresh_answers')
      .where('token_hash', '=', refreshTokenId(token))
      .where('holder', '=', holder)
      .where('state', '=', 'pending')
      .execute();
  }

  /** Removes answers that nobody can get any more; that their tokens were used stays known for longer. */
  async purge(): Promise<void> {
    const now = this.clock.now();
    await this.database.query
      .updateTable('refresh_answers')
      .set({ sealed: null })
      .where('claimed_at', '<=', now - answerLife)
      .where('sealed', 'is not', null)
      .execute();
    await this.database.query
      .deleteFrom('refresh_answers')
      .where('claimed_at', '<=', now - life)
      .execute();
  }
}

/**
 * The id of a refresh token. Hydra finds a token by what follows the dot, and reads several spellings of what precedes it: all of them
 * are the same token.
 */
export function refreshTokenId(token: string): string {
  return codeHash(token.slice(token.indexOf('.') + 1));
}

/** The cipher of the answer to a refresh token, whose secret part has 256 random bits. */
function cipherOf(token: string): PurposeCipher {
  return new PurposeCipher([Buffer.from(token)], 'refresh-answer');
}
