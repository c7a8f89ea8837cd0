import { Problem } from '../../../platform/errors/problem.error.js';
import { networksOf } from '../../../directory/rate-limit/limit-keys.js';
import { libraryTimeout } from '../../../platform/upstream/vendor-call.js';
import type { IdentityLocks, Release } from '../kratos/identity-locks.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { SessionQuestions } from '../kratos/session-questions.js';
import type { Exchange } from './exchange.js';
import { holderOfSession, identityOf } from './session-account.js';
import type { WritingLogins } from './writing-logins.js';
import { readSubmittedForm } from './submitted.form.js';
import { requireCaller } from './upstream-queue.js';
import { awaitBody } from './whole-body.js';

/** Requests that change the identity of their session: the forms of the settings, and what a third-party login links. */
const changing = /^\/self-service\/(?:settings|methods\/oidc\/callback(?:\/[^/]+)?)$/;

/** A change, and the session or form that it comes from: however many come from one, they keep nobody else waiting. */
interface Change {
  readonly identity: string;
  readonly source: string;
  /** Whether anyone can send it. */
  readonly isLogin: boolean;
}

/**
 * The turns of requests that change an identity at Kratos: one at a time for each identity, and none beside a change by the gateway. A turn
 * begins before the state of the account is read to be compared, and lasts until it is read after Kratos' answer, also if the caller leaves.
 *
 * Nothing of a login is compared, and strangers send it. Its turn begins when Kratos is free for it, so that while it waits for that, it keeps
 * nobody but other logins waiting: those from places that the account knows have a line of their own.
 */
export class IdentityTurns {
  constructor(
    private readonly locks: IdentityLocks,
    private readonly kratos: KratosClient,
    private readonly questions: SessionQuestions,
    private readonly logins: WritingLogins,
  ) {}

  /**
   * Waits for a turn, whose end it leaves in the exchange; for a login, also how it begins.
   * @throws {Problem} `overloaded` if it doesn't come, `malformed_request`, `provider_unavailable`
   */
  async enter(exchange: Exchange): Promise<void> {
    const change = await this.#changeOf(exchange);
    if (change === undefined) {
      return;
    }
    const { identity, source, isLogin } = change;
    await awaitBody(exchange.request);
    let endLine: Release | undefined;
    let endLock: Release | undefined;
    if (isLogin) {
      endLine = await this.locks.enterLine(identity, source);
    } else {
      endLock = await this.locks.hold(identity, source);
    }
    const { raw } = exchange.reply;
    const end = (): void => {
      endLock?.();
      endLine?.();
    };
    exchange.endTurn = end;
    exchange.beginTurn = async () => {
      endLock ??= await this.locks.holdSoon(identity);
      if (raw.destroyed) {
        end();
      }
    };
    if (raw.destroyed) {
      end();
      return;
    }
    // An answer that nothing sends ends it too, when none can come any more.
    raw.once('close', () => (endLock === undefined ? end() : setTimeout(end, libraryTimeout).unref()));
  }

  /** What a request changes; undefined for nothing, as without a session. @throws {Problem} `malformed_request` */
  async #changeOf(exchange: Exchange): Promise<Change | undefined> {
    const { request, path } = exchange;
    if (changing.test(path)) {
      const session = await exchange.session();
      return session === undefined
        ? undefined
        : { identity: session.identity.id, source: session.id, isLogin: false };
    }
    return request.method === 'POST' && path === '/self-service/login'
      ? this.#changeByLogin(exchange)
      : undefined;
  }

  async #changeByLogin(exchange: Exchange): Promise<Change | undefined> {
    const { request } = exchange;
    const { account, flow, methods } = await readSubmittedForm(request);
    if (methods.has('lookup_secret') && methods.has('password')) {
      // Which of them Kratos takes depends on the flow: it would write an identity whose turn this isn't.
      throw new Problem('malformed_request', { detail: 'Send one credential.', reason: 'two_credentials' });
    }
    if (methods.has('lookup_secret')) {
      // The code is used up. Whose it is, only a Kratos tells that may ask the gateway (OAUTH2_PROVIDER_URL).
      const holder = await holderOfSession(this.kratos, this.questions, request.headers.cookie);
      return loginOf(identityOf(holder), 'backup-code', exchange.isKnown);
    }
    return methods.has('password') && account !== undefined
      ? loginOf(await this.#writtenBy(account, flow, exchange), 'password', exchange.isKnown)
      : undefined;
  }

  /** The identity that a login by password writes. */
  async #writtenBy(
    name: string,
    flow: string | undefined,
    { request, reply, isKnown }: Exchange,
  ): Promise<string | undefined> {
    const gone = new AbortController();
    requireCaller(reply);
    const leave = (): void => gone.abort();
    reply.raw.once('close', leave);
    try {
      const caller = { networks: networksOf(request.ip), isKnown };
      const login = { name, flow, cookie: request.headers.cookie };
      return await this.logins.identityOf(login, caller, gone.signal);
    } finally {
      reply.raw.off('close', leave);
    }
  }
}

function loginOf(identity: string | undefined, method: string, isKnown: boolean): Change | undefined {
  return identity === undefined
    ? undefined
    : { identity, source: `${isKnown ? 'known' : 'any'} ${method}`, isLogin: true };
}
