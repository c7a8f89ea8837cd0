import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import { readCookies } from '../../../platform/http/cookie-reader.js';
import { UpstreamCookies } from '../../../platform/http/upstream-cookies.js';
import { foldIdentifier, mailboxOf } from '../../../platform/core/account-identifier.js';
import { sessionCookie } from '../kratos/kratos-session.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import type { SessionQuestions } from '../kratos/session-questions.js';
import { type LoginLimits, pairOf } from '../../../directory/rate-limit/login-limits.js';
import {
  type LimitCheck,
  type Outcome,
  RateLimits,
  addressCheck,
  judgeByStatus,
} from '../../../directory/rate-limit/rate-limits.js';
import { isInnerCall } from '../../../platform/http/inner-call.js';
import type { SessionReader } from './exchange.js';
import type { AccountChanges } from './settings-change.js';
import { accountKey, factorKey, holderOfSession, identityKey, keysOfAccount } from './session-account.js';
import { redirectOf, sessionSetBy } from './kratos-answer.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

const flowSubmission = /^\/self-service\/(login|registration|recovery|verification|settings)$/;
const flowStart = /^\/self-service\/[a-z]+\/browser$/;
/** Where anyone can have Kratos store an error for its page, in a table that nothing cleans. */
const errorKeeper = /^\/self-service\/(?:login|registration|logout|methods\/oidc\/callback(?:\/[\w-]+)?)$/;
const errorPage = '/ui/error';
const settingsPage = '/ui/settings';
/** Methods that try a credential of the account that is counted. By any other, a form logs in whom it likes, whatever it names. */
const countedMethods: ReadonlySet<string> = new Set(['password', 'totp', 'lookup_secret', 'webauthn']);

/** Rate limits of requests to Kratos and Hydra (docs/security.md, docs/adr/0009). */
export class OryLimits {
  /** Name of Kratos' session cookie in browsers. */
  readonly #cookie: string;

  /** @param origin of the gateway: a login that leads to another origin continues at a third party. */
  constructor(
    private readonly limits: RateLimits,
    private readonly logins: LoginLimits,
    private readonly kratos: KratosClient,
    private readonly questions: SessionQuestions,
    private readonly origin: string,
  ) {
    this.#cookie = new UpstreamCookies(origin).browserName(sessionCookie);
  }

  /**
   * Counts a request that is about to go to Kratos.
   * @param path after the prefix, exactly as it will be passed on: no other spelling is exposed.
   * @returns whether it is a login from a network or browser that is known for its account, or comes from `RATE_LIMIT_ALLOW`.
   * @throws {Problem} `rate_limited`; as {@link readSubmittedForm} if a form can't be read.
   */
  async admitToKratos(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    sessionOf: SessionReader,
  ): Promise<boolean> {
    if (!this.limits.appliesTo(request)) {
      return true;
    }
    const flow = flowSubmission.exec(path)?.[1];
    if (flow === 'login' && request.method === 'POST') {
      return this.#admitLogin(reply);
    } else if (flow === 'registration' && request.method === 'POST') {
      const form = await readSubmittedForm(request);
      await this.limits.take(reply, [
        addressCheck(request, 'registration-address', 'keep'),
        ...kept('registration-pair', pairsOf(request, namesOf(form))),
        ...kept('registration-account', mailboxKeysOf(form)),
      ]);
    } else if (flow === 'settings') {
      await this.#admitAddressChange(request, reply, sessionOf);
    } else if (flow === 'recovery' || flow === 'verification') {
      await this.#admitCode(request, reply, flow, sessionOf);
    } else if (flowStart.test(path)) {
      await this.limits.take(reply, [addressCheck(request, 'start-address', 'keep')]);
    } else if (errorKeeper.test(path)) {
      await this.#countErrors(request);
    }
    return false;
  }

  /** Counts an answer that sends the browser to a stored error. */
  async #countErrors(request: FastifyRequest): Promise<void> {
    await this.limits.takeMore(request, [addressCheck(request, 'start-address', 'return')], (answer) =>
      redirectOf(answer)?.pathname === errorPage ? 'failure' : judgeByStatus(answer),
    );
  }

  /**
   * Forgets where an account has logged in when it gets another password or address, or its address another owner. Call it after Kratos
   * has answered: that it is done stays true if it can't be stored now.
   * @param path after the prefix.
   * @param changed what the request has changed in the settings.
   */
  async settle(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    { changes, addresses, identity }: AccountChanges,
  ): Promise<void> {
    if (path === '/self-service/registration' && sessionSetBy(reply) !== undefined) {
      // Somebody may have had an account of this name before.
      const { account } = await readSubmittedForm(request);
      await this.logins.forget(keysOf(account === undefined ? [] : [account]), true);
    }
    if (changes.includes('password') || changes.includes('address')) {
      await this.logins.forget(keysOf(addresses, identity), true);
      const [current] = addresses;
      if (current !== undefined && this.limits.appliesTo(request)) {
        // The one who made the change isn't to be locked out by it.
        await this.logins.remember(reply, accountKey(foldIdentifier(current)));
      }
    }
  }

  /**
   * Forgets where an account has logged in: its former credentials may have been somebody else's.
   * @param addresses of the account. @param identity its id at Kratos, if known.
   */
  async forget(addresses: readonly string[], identity?: string): Promise<void> {
    await this.logins.forget(keysOf(addresses, identity));
  }

  /** Counts a request that is about to go to Hydra; of token requests, only failures, by address. */
  async admitToHydra(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    if (request.method === 'POST' && /^\/oauth2\/(?:token|revoke)$/.test(path)) {
      // What the gateway's own token endpoint passes on is counted there.
      if (!isInnerCall(request)) {
        await this.limits.take(reply, [addressCheck(request, 'token-address', 'return')]);
      }
    } else if (/^\/oauth2\/(?:auth|device\/auth|par)$/.test(path)) {
      await this.limits.take(reply, [addressCheck(request, 'start-address', 'keep')]);
    }
  }

  /** Counts requests that send mails or try codes. Links in mails are GETs, by which Kratos accepts codes as well. */
  async #admitCode(
    request: FastifyRequest,
    reply: FastifyReply,
    flow: 'recovery' | 'verification',
    sessionOf: SessionReader,
  ): Promise<void> {
    const form = await readSubmittedForm(request);
    const accounts = async (): Promise<string[]> => {
      if (flow === 'recovery' || form.account === undefined) {
        return namesOf(form);
      }
      // An address is verified only by its own account. Who asks for another's gets nothing, and uses up nothing of its owner's.
      const identity = (await sessionOf())?.identity;
      return [...(identity === undefined ? [] : [identityKey(identity.id)]), ...flowsOf(form)];
    };
    const checks = async function* () {
      yield addressCheck(request, `${flow}-address`, 'keep');
      yield* kept(`${flow}-pair`, pairsOf(request, namesOf(form)));
      yield* kept(`${flow}-account`, await accounts());
    };
    await this.limits.take(reply, checks());
  }

  /**
   * Counts changes of address, because Kratos mails a verification code to each new one. They count by identity, by new address
   * and by the caller's network.
   */
  async #admitAddressChange(
    request: FastifyRequest,
    reply: FastifyReply,
    sessionOf: SessionReader,
  ): Promise<void> {
    const form = await readSubmittedForm(request);
    if (form.account === undefined) {
      await this.#countErrors(request);
      return;
    }
    const identity = (await sessionOf())?.identity;
    if (identity !== undefined && foldIdentifier(identity.traits.email ?? '') === form.account) {
      return;
    }
    await this.limits.take(reply, [
      addressCheck(request, 'settings-address', 'keep'),
      ...kept('settings-sender', identity === undefined ? [] : [identityKey(identity.id)]),
    ]);
    const { account } = form;
    await this.limits.takeMore(request, kept('settings-recipient', mailboxKeysOf(form)), async (answer) => {
      if (identity === undefined) {
        // Without a session, Kratos changes nothing.
        const isTaken = answer.statusCode === 200 || redirectOf(answer)?.pathname === settingsPage;
        return isTaken ? 'success' : 'void';
      }
      // An address that another account has gets no mail: what strangers try uses up nothing of its owner's.
      const holder = await this.kratos.findIdentityByEmail(account);
      return holder === undefined || holder.id === identity.id ? 'success' : 'void';
    });
  }

  async #admitLogin(reply: FastifyReply): Promise<boolean> {
    const { request } = reply;
    const form = await readSubmittedForm(request);
    let isNamed = false;
    return this.logins.take(
      reply,
      async () => {
        const accounts = await this.#accountsOf(request, form);
        isNamed = accounts.length > 0;
        return accounts;
      },
      (answer) => {
        const outcome = this.#outcomeOf(answer, isNamed);
        return outcome === 'success' && !triesCounted(form) ? 'void' : outcome;
      },
    );
  }

  /** The account that the form names and, for a second factor, that of the session of the first. */
  async #accountsOf(request: FastifyRequest, { account, hasSecondFactor }: SubmittedForm): Promise<string[]> {
    const named = account === undefined ? [] : [accountKey(account)];
    const [session] = readCookies(request.headers.cookie, this.#cookie);
    if (session === undefined || (account !== undefined && !hasSecondFactor)) {
      return named;
    }
    if (!isCanonical(session)) {
      // Otherwise one session would have many spellings, each with its own count of guesses.
      throw new Problem('malformed_request', { reason: 'kratos_cookie_spelling' });
    }
    const own = await holderOfSession(this.kratos, this.questions, request.headers.cookie);
    return [...named, factorKey(own ?? `session:${session}`)];
  }

  /**
   * The outcome of a login. Kratos answers a successful one with its session cookie, and a failed one with a redirect (or 400)
   * without it. If no account was named, a login may continue at a third party: by a redirect, or by 422 for a script.
   */
  #outcomeOf(reply: FastifyReply, isNamed: boolean): Outcome {
    if (sessionSetBy(reply) !== undefined) {
      return 'success';
    }
    const isElsewhere = (redirectOf(reply)?.origin ?? this.origin) !== this.origin;
    const goesOn = !isNamed && (isElsewhere || reply.statusCode === 422);
    return reply.statusCode >= 500 || goesOn ? 'void' : 'failure';
  }
}

/** The keys by which guesses of an account are counted. @param addresses of the account. @param identity its id at Kratos, if known. */
function keysOf(addresses: readonly string[], identity?: string): readonly string[] {
  return [
    ...addresses.flatMap((address) => keysOfAccount(foldIdentifier(address))),
    ...(identity === undefined ? [] : [factorKey(identityKey(identity))]),
  ];
}

/** Whether a login with this form succeeds only by a credential of the account that is counted. */
function triesCounted({ methods }: SubmittedForm): boolean {
  return methods.size > 0 && [...methods].every((method) => countedMethods.has(method));
}

/** The key by which mails to the account of a form are counted: by its mailbox. */
function mailboxKeysOf({ account }: SubmittedForm): string[] {
  return account === undefined ? [] : [accountKey(mailboxOf(account))];
}

function flowsOf({ flow }: SubmittedForm): string[] {
  return flow === undefined ? [] : [`flow:${flow}`];
}

function namesOf(form: SubmittedForm): string[] {
  return [...mailboxKeysOf(form), ...flowsOf(form)];
}

function pairsOf(request: FastifyRequest, names: readonly string[]): string[] {
  return names.map((name) => pairOf(request, name));
}

/** Checks whose count stays, whatever comes of the request. */
function kept(policy: LimitCheck['policy'], keys: readonly string[]): LimitCheck[] {
  return keys.map((key) => ({ policy, key, onSuccess: 'keep' }));
}

/** Whether a text is the canonical base64url spelling of its bytes, with padding. */
function isCanonical(text: string): boolean {
  const spelling = Buffer.from(text, 'base64url').toString('base64url');
  return text === spelling.padEnd(Math.ceil(spelling.length / 4) * 4, '=');
}
