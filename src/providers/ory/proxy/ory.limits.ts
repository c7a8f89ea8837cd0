import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../../platform/errors/problem.error.js';
import { readCookies } from '../../../platform/http/cookie.reader.js';
import { UpstreamCookies } from '../../../platform/http/upstream.cookies.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { accountOf, networkOf } from '../../../directory/rate-limit/limit.keys.js';
import {
  type LimitCheck,
  type Outcome,
  RateLimits,
  addressCheck,
} from '../../../directory/rate-limit/rate.limits.js';
import { redirectOf, sessionSetBy } from './kratos.answer.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

const flowSubmission = /^\/self-service\/(login|registration|recovery|verification|settings)$/;
const flowStart = /^\/self-service\/[a-z]+\/browser$/;
const kratosCookie = 'ory_kratos_session';
/** Seconds for which a network counts as known for an account that has logged in from there. */
const knownFor = 14 * 86_400;
/** Seconds for which a second factor may follow a first one; Kratos' login flows live for 30 minutes. */
const secondFactorWithin = 3600;

/** Keys of a login attempt: `key` for the account, `pair` for the account and the caller's network. */
interface Claimant {
  readonly key: string;
  readonly pair: string;
}

/** Rate limits of requests to Kratos and Hydra (docs/security.md, docs/adr/0009). */
export class OryLimits {
  readonly #limits: RateLimits;
  readonly #kratos: KratosClient;
  readonly #origin: string;
  /** Name of Kratos' session cookie in browsers. */
  readonly #cookie: string;

  /** @param origin of the gateway: a login that leads to another origin continues at a third party. */
  constructor(limits: RateLimits, kratos: KratosClient, origin: string) {
    this.#limits = limits;
    this.#kratos = kratos;
    this.#origin = origin;
    this.#cookie = new UpstreamCookies(origin).browserName(kratosCookie);
  }

  /**
   * Counts a request that is about to go to Kratos.
   * @param path after the prefix, exactly as it will be passed on: no other spelling is exposed.
   * @throws {Problem} `rate_limited`; as {@link readSubmittedForm} if a form can't be read.
   */
  async admitToKratos(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    if (!this.#limits.appliesTo(request)) {
      return;
    }
    const flow = flowSubmission.exec(path)?.[1];
    if (flow === 'login' && request.method === 'POST') {
      await this.#admitLogin(request, reply);
    } else if (flow === 'registration' && request.method === 'POST') {
      const form = await readSubmittedForm(request);
      await this.#limits.take(request, reply, [
        addressCheck(request, 'registration-address', 'keep'),
        ...kept('registration-pair', pairsOf(request, form)),
        ...kept('registration-account', accountsOf(form)),
      ]);
    } else if (flow === 'settings') {
      await this.#admitAddressChange(request, reply);
    } else if (flow === 'recovery' || flow === 'verification') {
      await this.#admitCode(request, reply, flow);
    } else if (flowStart.test(path)) {
      await this.#limits.take(request, reply, [addressCheck(request, 'start-address', 'keep')]);
    }
  }

  /** Counts a request that is about to go to Hydra; of token requests, only failures, by address. */
  async admitToHydra(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    if (request.method === 'POST' && /^\/oauth2\/(?:token|revoke)$/.test(path)) {
      await this.#limits.take(request, reply, [addressCheck(request, 'token-address', 'return')]);
    } else if (path === '/oauth2/auth') {
      await this.#limits.take(request, reply, [addressCheck(request, 'start-address', 'keep')]);
    }
  }

  /** Counts requests that send mails or try codes. Links in mails are GETs, by which Kratos accepts codes as well. */
  async #admitCode(
    request: FastifyRequest,
    reply: FastifyReply,
    flow: 'recovery' | 'verification',
  ): Promise<void> {
    const form = await readSubmittedForm(request);
    await this.#limits.take(request, reply, [
      addressCheck(request, `${flow}-address`, 'keep'),
      ...kept(`${flow}-pair`, pairsOf(request, form)),
      ...kept(`${flow}-account`, namesOf(form)),
    ]);
  }

  /**
   * Counts changes of address, because Kratos mails a verification code to each new one. They count by identity, by new address
   * and by the caller's network.
   */
  async #admitAddressChange(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const form = await readSubmittedForm(request);
    if (form.account === undefined) {
      return;
    }
    const identity = (await this.#kratos.liveSession(request.headers.cookie))?.identity;
    if (identity !== undefined && accountOf(identity.traits.email ?? '') === form.account) {
      return;
    }
    await this.#limits.take(request, reply, [
      addressCheck(request, 'settings-address', 'keep'),
      ...kept('settings-sender', identity === undefined ? [] : [`identity:${identity.id}`]),
      ...kept('settings-recipient', accountsOf(form)),
    ]);
  }

  async #admitLogin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const form = await readSubmittedForm(request);
    const claimants = await this.#claimants(request, form);
    const onSuccess = claimants.length === 1 ? 'reset' : 'return';
    const checks: LimitCheck[] = [
      addressCheck(request, 'login-address', 'return'),
      ...claimants.map(({ pair }) => ({ policy: 'login-pair', key: pair, onSuccess }) as const),
    ];
    for (const { key, pair } of claimants) {
      // An attacker elsewhere can't lock owners out of networks from which they have logged in before.
      if ((await this.#limits.recall(`known:${pair}`)) === undefined) {
        checks.push({ policy: 'login-account', key, onSuccess: 'return' });
      }
    }
    await this.#limits.take(request, reply, checks, async (answer) => {
      const outcome = this.#outcomeOf(answer, claimants.length > 0);
      const [claimant] = claimants;
      if (outcome === 'success' && claimant !== undefined && claimants.length === 1) {
        await this.#limits.remember(`known:${claimant.pair}`, '1', knownFor);
        await this.#rememberFirstFactor(answer, form);
      }
      return outcome;
    });
  }

  /** The account that the form names and, for a second factor, the account behind the session of the first. */
  async #claimants(request: FastifyRequest, form: SubmittedForm): Promise<Claimant[]> {
    const claimants = accountsOf(form).map((account) => claimant(request, account));
    const [session] = readCookies(request.headers.cookie, this.#cookie);
    if (session === undefined || (form.account !== undefined && !form.hasSecondFactor)) {
      return claimants;
    }
    if (!isCanonical(session)) {
      // Otherwise one session would have many spellings, each with its own count of guesses.
      throw new Problem('malformed_request', { reason: 'kratos_cookie_spelling' });
    }
    const account = await this.#limits.recall(`session:${session}`);
    return [...claimants, claimant(request, `factor:${account ?? `session:${session}`}`)];
  }

  /** Remembers the account of a session that a correct first factor began, to count guesses of the second. */
  async #rememberFirstFactor(reply: FastifyReply, { account }: SubmittedForm): Promise<void> {
    const session = sessionSetBy(reply);
    if (account !== undefined && session !== undefined) {
      await this.#limits.remember(`session:${session}`, this.#limits.hash(account), secondFactorWithin);
    }
  }

  /**
   * The outcome of a login. Kratos answers a successful one with its session cookie, and a failed one with a redirect (or 400)
   * without it. If no account was named, a login may continue at a third party: by a redirect, or by 422 for a script.
   */
  #outcomeOf(reply: FastifyReply, isNamed: boolean): Outcome {
    if (sessionSetBy(reply) !== undefined) {
      return 'success';
    }
    const isElsewhere = (redirectOf(reply)?.origin ?? this.#origin) !== this.#origin;
    const goesOn = !isNamed && (isElsewhere || reply.statusCode === 422);
    return reply.statusCode >= 500 || goesOn ? 'void' : 'failure';
  }
}

function accountsOf({ account }: SubmittedForm): string[] {
  return account === undefined ? [] : [`account:${account}`];
}

function namesOf(form: SubmittedForm): string[] {
  return [...accountsOf(form), ...(form.flow === undefined ? [] : [`flow:${form.flow}`])];
}

function pairsOf(request: FastifyRequest, form: SubmittedForm): string[] {
  return namesOf(form).map((name) => claimant(request, name).pair);
}

/** Checks whose count stays, whatever comes of the request. */
function kept(policy: LimitCheck['policy'], keys: readonly string[]): LimitCheck[] {
  return keys.map((key) => ({ policy, key, onSuccess: 'keep' }));
}

/** The key by which guesses of an account's password from one network are counted, under `login-pair`. */
export function loginPairOf(request: FastifyRequest, identifier: string): string {
  return claimant(request, `account:${accountOf(identifier)}`).pair;
}

function claimant(request: FastifyRequest, key: string): Claimant {
  return { key, pair: `${networkOf(request.ip)} ${key}` };
}

/** Whether a text is the canonical base64url spelling of its bytes, with padding. */
function isCanonical(text: string): boolean {
  const spelling = Buffer.from(text, 'base64url').toString('base64url');
  return text === spelling.padEnd(Math.ceil(spelling.length / 4) * 4, '=');
}
