import type { FastifyReply } from 'fastify';
import { OAuthError } from '../../../session/tokens/oauth.error.js';
import type { Exchange } from './exchange.js';

/** The refusal of an OAuth request, for the client itself (RFC 6749 sections 4.1.2.1 and 5.2, RFC 8707 section 2). */
export class OAuthRefusal extends Error {
  override readonly name = 'OAuthRefusal';

  /** @param description for the client; never contains what it sent. */
  constructor(
    readonly code:
      | 'invalid_request'
      | 'invalid_client'
      | 'unauthorized_client'
      | 'invalid_grant'
      | 'invalid_scope'
      | 'invalid_target',
    description: string,
    /** Reason id for the log, snake_case. */
    readonly reason: string = code,
  ) {
    super(description);
  }

  toJSON(): Readonly<Record<string, string>> {
    return { error: this.code, error_description: this.message };
  }
}

/**
 * Answers the request of a client with what is made for it, or with the refusal, which the log has, too.
 * @param what the log calls it. @throws what isn't a refusal.
 */
export async function answerClientWith(
  { request, reply }: Pick<Exchange, 'request' | 'reply'>,
  what: string,
  make: () => Promise<Readonly<Record<string, unknown>>>,
  status?: number,
): Promise<void> {
  try {
    await answerClient(reply, await make(), status);
  } catch (error) {
    if (!(error instanceof OAuthRefusal || error instanceof OAuthError)) {
      throw error;
    }
    request.log.info({ error: error.code, reason: error.reason }, `${what} refused`);
    await answerClient(reply, error);
  }
}

/** Answers the request of a client with JSON that nothing may keep (RFC 6749 section 5.1). @param body of the answer, or a refusal. */
export async function answerClient(
  reply: FastifyReply,
  body: OAuthRefusal | OAuthError | Readonly<Record<string, unknown>>,
  status = 200,
): Promise<void> {
  const isRefusal = body instanceof OAuthRefusal || body instanceof OAuthError;
  const refused = isRefusal && body.code === 'invalid_client' ? 401 : 400;
  void reply.code(isRefusal ? refused : status);
  void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
  await reply.send(isRefusal ? { error: body.code, error_description: body.message } : body);
}
