import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { AuditService } from '../../../directory/audit/audit.service.js';
import { parseJson } from '../../../platform/config/json.parser.js';
import { Problem } from '../../../platform/errors/problem.error.js';
import type { ApplicationAdmission } from '../challenges/application-admission.js';
import type { HydraClient } from '../hydra/hydra.client.js';
import type { FirstUse, RefreshAnswerRepository } from '../hydra/refresh-answer.repository.js';
import { OAuthRefusal } from './oauth-refusal.js';
import type { ResourceRegistry } from '../hydra/resource-registry.js';
import { parametersIn } from './query-limit.js';
import type { LiveRefresh } from './refresh.gate.js';

/** Milliseconds that a second use waits for the answer to the first. */
const longestWait = 10_000;
/** Milliseconds until the first look for it, and at most between two: anyone may make a hundred requests wait. */
const pauses = { first: 25, longest: 500 };

const publicClientSchema = z.looseObject({ token_endpoint_auth_method: z.literal('none') });
const answerSchema = z.looseObject({ refresh_token: z.string() });

interface Claim {
  readonly token: string;
  readonly holder: string;
}

/**
 * Answers the second use of a public client's refresh token with the tokens that the first one got, within Hydra's grace period. Hydra
 * itself would make a second branch of tokens, both of which live on: with one alone, a thief's use ends it (RFC 9700 section
 * 4.14.2). A client with a secret has proven who it is, and is left to Hydra.
 */
export class RefreshAnswers {
  readonly #logger = new Logger(RefreshAnswers.name);
  readonly #claims = new WeakMap<FastifyRequest, Claim>();

  constructor(
    private readonly answers: RefreshAnswerRepository,
    private readonly hydra: HydraClient,
    private readonly resources: ResourceRegistry,
    private readonly admission: ApplicationAdmission,
    private readonly audit: AuditService,
  ) {}

  /**
   * Call it when the user may still use the application, and before the request is passed on.
   * @returns whether the request is answered.
   * @throws {Problem} `overloaded` if the answer to the first use doesn't come.
   */
  async admit(
    request: FastifyRequest,
    reply: FastifyReply,
    refresh: LiveRefresh | undefined,
    jkt?: string,
  ): Promise<boolean> {
    if (
      refresh?.isAdmitted !== true ||
      !isRefresh(refresh.form) ||
      !publicClientSchema.safeParse(refresh.client).success
    ) {
      return false;
    }
    const { token } = refresh;
    const asked = digestOf(request, refresh, jkt);
    const use = await this.#firstUse(token, asked);
    if (use.state === 'claimed') {
      const claim = { token, holder: use.holder };
      this.#claims.set(request, claim);
      // Nobody gets what Hydra answers to a caller who has left, so their next request is the first use.
      reply.raw.once('close', () => void this.#giveUp(request));
      return false;
    }
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    try {
      await reply.type('application/json;charset=UTF-8').send(await this.#keptFor(use, asked, refresh));
    } catch (error) {
      if (!(error instanceof OAuthRefusal)) {
        throw error;
      }
      await this.#record(request, refresh, error);
      await reply.code(400).send(error.toJSON());
    }
    return true;
  }

  /**
   * Keeps an answer of Hydra's to a first use, before it is sent. Call it in an `onSend` hook, with the payload as it will be sent.
   * @returns the payload to send. @throws {Problem} `overloaded` if another request has taken the claim over.
   */
  async settle(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
    const claim = this.#claims.get(request);
    const isAnswer = typeof payload === 'string' || payload instanceof Readable;
    if (claim === undefined || reply.statusCode !== 200 || !isAnswer) {
      await this.#giveUp(request);
      return payload;
    }
    const answer = typeof payload === 'string' ? payload : await text(payload);
    this.#claims.delete(request);
    void reply.removeHeader('content-length');
    if (!(await this.#isKept(claim, answer))) {
      throw new Problem('overloaded', { reason: 'refresh_taken_over', headers: { 'retry-after': '5' } });
    }
    return answer;
  }

  /** Keeps an answer. @returns false if another request has taken the claim over. */
  async #isKept({ token, holder }: Claim, answer: string): Promise<boolean> {
    try {
      return await this.answers.keep(token, holder, answer);
    } catch (error) {
      // The application needs its tokens all the same: Hydra has made the old one worthless.
      this.#logger.warn('the answer to a refresh cannot be kept for a second one', {
        reason: 'refresh_not_kept',
        err: error,
      });
      return true;
    }
  }

  /** Waits for the answer to the first use, if another request has it at Hydra. */
  async #firstUse(token: string, asked: string): Promise<Exclude<FirstUse, { state: 'pending' }>> {
    const since = performance.now();
    let pause = pauses.first;
    let use = await this.answers.claim(token, asked);
    while (use.state === 'pending') {
      if (performance.now() - since > longestWait) {
        throw new Problem('overloaded', { reason: 'refresh_under_way', headers: { 'retry-after': '5' } });
      }
      await delay(pause);
      pause = Math.min(2 * pause, pauses.longest);
      use = await this.answers.look(token, asked);
    }
    return use;
  }

  /** The answer that was kept, if it may be given to this request. @throws {OAuthRefusal} */
  async #keptFor(
    use: Exclude<FirstUse, { state: 'pending' | 'claimed' }>,
    asked: string,
    { token }: LiveRefresh,
  ): Promise<string> {
    if (use.state === 'used_up') {
      throw refusal('used_up');
    }
    if (use.request !== asked) {
      throw refusal('other_request');
    }
    const { answers, hydra, resources } = this;
    const next = answerSchema.safeParse(parseJson(use.answer)).data?.refresh_token;
    if (next === undefined || (await answers.isUsed(next))) {
      throw refusal('superseded');
    }
    const live = await hydra.introspectRefreshToken(next);
    if (live === undefined) {
      throw refusal('grant_ended');
    }
    await resources.issuer?.requireLive(live);
    if (!(await answers.take(token))) {
      throw refusal('used_up');
    }
    return use.answer;
  }

  async #giveUp(request: FastifyRequest): Promise<void> {
    const claim = this.#claims.get(request);
    if (claim === undefined) {
      return;
    }
    this.#claims.delete(request);
    try {
      await this.answers.release(claim.token, claim.holder);
    } catch (error) {
      this.#logger.warn('a refresh token stays claimed for two minutes', {
        reason: 'refresh_not_released',
        err: error,
      });
    }
  }

  async #record(
    request: FastifyRequest,
    { subject, clientId }: LiveRefresh,
    { code, reason }: OAuthRefusal,
  ): Promise<void> {
    request.log.info({ error: code, reason }, 'token request refused');
    if (!reuses.has(reason)) {
      return;
    }
    const { audit, admission } = this;
    await audit.record({
      type: 'refresh_token_reused',
      reason,
      userId: await admission.userIdOf(subject),
      target: { kind: 'application', id: clientId },
      outcome: 'failure',
      requestId: request.id,
      remoteAddress: request.ip,
    });
  }
}

/** What Hydra might take for a refresh: it ignores blanks around the type, also those of other alphabets. */
export function isRefresh(form: string): boolean {
  return parametersIn(form).get('grant_type')?.includes('refresh_token') === true;
}

/** Reasons of a use that an application which works correctly doesn't make. */
const reuses: ReadonlySet<string> = new Set(['used_up', 'other_request', 'superseded']);

function refusal(reason: 'used_up' | 'other_request' | 'superseded' | 'grant_ended'): OAuthRefusal {
  return new OAuthRefusal('invalid_grant', 'the refresh token has been used', reason);
}

/** A digest of all that a refresh asks for, by whom, and of the client as it is now. */
function digestOf(
  { headers }: FastifyRequest,
  { form, client }: LiveRefresh,
  jkt: string | undefined,
): string {
  const parameters = [...parametersIn(form)].map((pair) => JSON.stringify(pair)).toSorted();
  return createHash('sha256')
    .update(JSON.stringify([headers.authorization ?? null, parameters, client, jkt ?? null]))
    .digest('base64url');
}
