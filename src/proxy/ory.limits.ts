import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../core/problem.error.js';
import { readCookies } from '../http/cookie.reader.js';
import { UpstreamCookies } from '../http/upstream.cookies.js';
import type { KratosClient } from '../kratos/kratos.client.js';
import { accountOf, networkOf } from '../limits/limit.keys.js';
import { type LimitCheck, type Outcome, RateLimits, addressCheck } from '../limits/rate.limits.js';
import { type SubmittedForm, readSubmittedForm } from './submitted.form.js';

const flowSubmission = /^\/self-service\/(login|registration|recovery|verification|settings)$/;
const flowStart = /^\/self-service\/[a-z]+\/browser$/;
const kratosCookie = 'ory_kratos_session';
/** Its line of Set-Cookie, unless it's taken away. */
const sessionLine = /^(?:__Host-)?ory_kratos_session=([^;]+)/;
/** Seconds for which an address at which somebody has logged in is known as theirs. */
const knownFor = 14 * 86_400;
/** Seconds for which a second factor may follow a first one; Kratos' login flows live for 30 minutes. */
const secondFactorWithin = 3600;

/** Whoever tries to log in: what is counted for the account, and how it is remembered. */
interface Claimant {
  readonly key: string;
  readonly pair: string;
}

/** Which requests to Kratos and Hydra are counted, and as what (docs/security.md, docs/adr/0009). */
export class OryLimits {
  readonly #limits: RateLimits;
  readonly #kratos: KratosClient;
  readonly #origin: string;
  /** Kratos' session cookie, as browsers have it. */
  readonly #cookie: string;

  /** @param origin of the gateway: a login that leads elsewhere goes on at a third party. */
  constructor(limits: RateLimits, kratos: KratosClient, origin: string) {
    this.#limits = limits;
    this.#kratos = kratos;
    this.#origin = origin;
    this.#cookie = new UpstreamCookies(origin).browserName(kratosCookie);
  }

  /**
   * @param path exactly as it will be passed on, after the prefix: no other spelling is exposed.
   * @throws {Problem} `rate_limited`; of a form that can't be read, as {@link readSubmittedForm} says.
   */
  async admitToKratos(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    const flow = flowSubmission.exec(path)?.[1];
    if (!this.#limits.appliesTo(request)) {
      return;
    }
    if (flow === 'login' && request.method === 'POST') {
      await this.#admitLogin(request, reply);
    } else if (flow === 'registration' && request.method === 'POST') {
      const form = await readSubmittedForm(request);
      await this.#limits.take(request, reply, [
        addressCheck(request, 'registration-address', 'keep'),
        ...pairChecks(request, 'registration-pair', namesOf(form)),
        ...accountChecks('registration-account', form),
      ]);
    } else if (flow === 'settings') {
      await this.#admitAddressChange(request, reply);
    } else if (flow === 'recovery' || flow === 'verification') {
      await this.#admitCode(request, reply, flow);
    } else if (flowStart.test(path)) {
      await this.#limits.take(request, reply, [addressCheck(request, 'start-address', 'keep')]);
    }
  }

  /** Client credentials, codes and refresh tokens: failures count by address. */
  async admitToHydra(request: FastifyRequest, reply: FastifyReply, path: string): Promise<void> {
    if (request.method === 'POST' && /^\/oauth2\/(?:token|revoke)$/.test(path)) {
      await this.#limits.take(request, reply, [addressCheck(request, 'token-address', 'return')]);
    } else if (path === '/oauth2/auth') {
      await this.#limits.take(request, reply, [addressCheck(request, 'start-address', 'keep')]);
    }
  }

  /** Mails are sent and codes guessed here. Links in mails are GETs, which Kratos takes codes by as well. */
  async #admitCode(
    request: FastifyRequest,
    reply: FastifyReply,
    flow: 'recovery' | 'verification',
  ): Promise<void> {
    const names = namesOf(await readSubmittedForm(request));
    await this.#limits.take(request, reply, [
      addressCheck(request, `${flow}-address`, 'keep'),
      ...pairChecks(request, `${flow}-pair`, names),
      ...names.map((key): LimitCheck => ({ policy: `${flow}-account`, key, onSuccess: 'keep' })),
    ]);
  }

  /** Kratos mails a verification code to each new address: what is counted is a change, by whom, to what and from where. */
  async #admitAddressChange(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const form = await readSubmittedForm(request);
    if (form.account === undefined) {
      return;
    }
    const whoami = await this.#kratos.whoami(request.headers.cookie);
    const identity = whoami.state === 'live' ? whoami.session.identity : undefined;
    if (identity !== undefined && accountOf(identity.traits.email ?? '') === form.account) {
      return;
    }
    const sender: LimitCheck[] =
      identity === undefined
        ? []
        : [{ policy: 'settings-sender', key: `identity:${identity.id}`, onSuccess: 'keep' }];
    await this.#limits.take(request, reply, [
      addressCheck(request, 'settings-address', 'keep'),
      ...sender,
      ...accountChecks('settings-recipient', form),
    ]);
  }

  async #admitLogin(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const form = await readSubmittedForm(request);
    const claimants = await this.#claimants(request, form);
    const onSuccess = claimants.length === 1 ? 'reset' : 'return';
    const checks: LimitCheck[] = [addressCheck(request, 'login-address', 'return')];
    for (const { pair } of claimants) {
      checks.push({ policy: 'login-pair', key: pair, onSuccess });
    }
    for (const { key, pair } of claimants) {
      // An attacker elsewhere can't keep the owner out from where the owner has logged in before.
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

  /** The account that the form names; and, for a second factor, the one behind the session of the first. */
  async #claimants(request: FastifyRequest, form: SubmittedForm): Promise<Claimant[]> {
    const claimants = form.account === undefined ? [] : [claimant(request, `account:${form.account}`)];
    const [session] = readCookies(request.headers.cookie, this.#cookie);
    if (session === undefined || (form.account !== undefined && !form.hasSecondFactor)) {
      return claimants;
    }
    if (!isCanonical(session)) {
      // One session would have many names, and each of them guesses of its own.
      throw new Problem('malformed_request', { reason: 'kratos_cookie_spelling' });
    }
    const account = await this.#limits.recall(`session:${session}`);
    return [...claimants, claimant(request, `factor:${account ?? `session:${session}`}`)];
  }

  /** Whose the session is that a good first factor began, for guesses of the second. */
  async #rememberFirstFactor(reply: FastifyReply, { account }: SubmittedForm): Promise<void> {
    const session = sessionSetBy(reply);
    if (account !== undefined && session !== undefined) {
      await this.#limits.remember(`session:${session}`, this.#limits.hash(account), secondFactorWithin);
    }
  }

  /**
   * Kratos answers a good login with its session cookie, and a failed one with a redirect (or 400) without. Where no account
   * was named, a login may go on at a third party: by a redirect, or by 422 for a script.
   */
  #outcomeOf(reply: FastifyReply, isNamed: boolean): Outcome {
    if (sessionSetBy(reply) !== undefined) {
      return 'success';
    }
    const location = reply.getHeader('location');
    const isElsewhere =
      typeof location === 'string' && URL.canParse(location) && new URL(location).origin !== this.#origin;
    const goesOn = !isNamed && (isElsewhere || reply.statusCode === 422);
    return reply.statusCode >= 500 || goesOn ? 'void' : 'failure';
  }
}

function namesOf({ account, flow }: SubmittedForm): string[] {
  return [
    ...(account === undefined ? [] : [`account:${account}`]),
    ...(flow === undefined ? [] : [`flow:${flow}`]),
  ];
}

/** The account that a form names, from wherever. */
function accountChecks(
  policy: 'registration-account' | 'settings-recipient',
  { account }: SubmittedForm,
): LimitCheck[] {
  return account === undefined ? [] : [{ policy, key: `account:${account}`, onSuccess: 'keep' }];
}

function pairChecks(
  request: FastifyRequest,
  policy: 'registration-pair' | 'recovery-pair' | 'verification-pair',
  names: readonly string[],
): LimitCheck[] {
  return names.map((name) => ({ policy, key: claimant(request, name).pair, onSuccess: 'keep' }));
}

/** By what guesses of an account's password from one network are counted, under `login-pair`. */
export function loginPairOf(request: FastifyRequest, identifier: string): string {
  return claimant(request, `account:${accountOf(identifier)}`).pair;
}

function claimant(request: FastifyRequest, key: string): Claimant {
  return { key, pair: `${networkOf(request.ip)} ${key}` };
}

/** Value of the session cookie of Kratos that an answer sets, whatever browsers call it. */
export function sessionSetBy(reply: FastifyReply): string | undefined {
  const lines = [reply.getHeader('set-cookie') ?? []].flat();
  return lines.map((line) => sessionLine.exec(String(line))?.[1]).find((value) => value !== undefined);
}

/** Whether a text is the one base64url spelling of its bytes, with its padding. */
function isCanonical(text: string): boolean {
  const spelling = Buffer.from(text, 'base64url').toString('base64url');
  return text === spelling.padEnd(Math.ceil(spelling.length / 4) * 4, '=');
}
