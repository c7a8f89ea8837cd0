import { Readable } from 'node:stream';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import { parseJson } from '../../../platform/config/json.parser.js';
import type { DatabaseLocks } from '../../../platform/database/database-locks.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import { refreshTokenId } from '../hydra/refresh-answer.repository.js';
import { OAuthRefusal } from './oauth-refusal.js';
import { parametersIn } from './query-limit.js';
import { isRefresh } from './refresh-answers.js';
import type { Send, UpstreamRequest, WholeAnswer } from './upstream-dispatcher.js';
import { readWholeBody } from './whole-body.js';

/** Repetitions of one request: the first may meet the end of the transaction that the request met, and the second meets what it left. */
const mostRepeats = 2;

const refusalSchema = z.looseObject({ error: z.literal('invalid_request') });

/**
 * Repeats a refresh that met another transaction in Hydra's database: one that ends its grant, or another refresh with its token. Hydra
 * repeats nothing itself, and answers 500, or 400 `invalid_request`. Here it's repeated as long as its token lives, one request at a time.
 */
export class RefreshRepeats {
  readonly #logger = new Logger(RefreshRepeats.name);

  constructor(
    private readonly hydra: HydraClient,
    private readonly locks: DatabaseLocks,
  ) {}

  /** Sends a request, and again if it's such a refresh. */
  async send(request: UpstreamRequest, send: Send): Promise<WholeAnswer> {
    const [path = ''] = request.path.split('?', 1);
    if (!path.endsWith('/oauth2/token') || !(request.body instanceof Readable)) {
      return send(request);
    }
    const body = await readWholeBody(request.body);
    const form = body.toString();
    const token = parametersIn(form).get('refresh_token') ?? '';
    const repeatable = { ...request, body };
    const answer = await send(repeatable);
    if (!isRefresh(form) || token === '' || !mayHaveMet(answer)) {
      return answer;
    }
    try {
      return await this.locks.run(`refresh:${refreshTokenId(token)}`, async () =>
        this.#repeat(answer, token, async () => send(repeatable)),
      );
    } catch (error) {
      this.#logger.warn('a refresh cannot be repeated', { reason: 'refresh_not_repeated', err: error });
      return answer;
    }
  }

  async #repeat(first: WholeAnswer, token: string, send: () => Promise<WholeAnswer>): Promise<WholeAnswer> {
    let answer = first;
    for (let repeats = 0; mayHaveMet(answer); repeats += 1) {
      if ((await this.hydra.introspectRefreshToken(token)) === undefined) {
        return ended(answer);
      }
      if (repeats === mostRepeats) {
        break;
      }
      answer = await send();
    }
    return answer;
  }
}

/** Whether Hydra may have refused a refresh for another transaction. */
function mayHaveMet({ statusCode, bytes }: WholeAnswer): boolean {
  return (
    statusCode === 500 ||
    (statusCode === 400 && refusalSchema.safeParse(parseJson(Buffer.from(bytes).toString())).success)
  );
}

function ended({ headers: { 'content-length': _length, ...headers } }: WholeAnswer): WholeAnswer {
  const refusal = new OAuthRefusal('invalid_grant', 'the grant has ended', 'grant_ended');
  return { statusCode: 400, headers, bytes: Buffer.from(JSON.stringify(refusal)) };
}
