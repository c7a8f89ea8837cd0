import { Body, Controller, Get, HttpCode, Post, Query, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { h } from 'preact';
import { z } from 'zod';
import { AuditService } from '../../directory/audit/audit.service.js';
import { RateLimits, addressCheck } from '../../directory/rate-limit/rate-limits.js';
import { Problem } from '../../platform/errors/problem.error.js';
import type { AuditEventType } from '../../platform/features/audit-event.catalogue.js';
import { redirectPage } from '../../platform/http/redirect.page.js';
import { toTimestamp } from '../../platform/time/timestamp.schema.js';
import { PageSender } from '../../pages/page-sender.js';
import { CurrentUser } from '../../session/guards/access.decorators.js';
import { RequireRecentLogin } from '../../session/guards/step-up.decorators.js';
import { type Principal, hasSession } from '../../session/principal.js';
import { deviceLoginEvents } from './device-audit-events.js';
import { DeviceClients } from './device-clients.js';
import {
  DeviceCodePage,
  DeviceConfirmationPage,
  type DeviceOutcome,
  DeviceOutcomePage,
} from './device-login.view.js';
import { DeviceLogins } from './device-logins.js';
import type { DeviceLoginRow } from './device.schema.js';
import { readUserCode, shownUserCode } from './user-code.js';

const typedCode = z.string().max(40);
const askSchema = z.object({ user_code: typedCode.optional() });
const codeSchema = z.object({ user_code: typedCode });
const decisionSchema = codeSchema.extend({ decision: z.enum(['allow', 'deny']), session: z.string() });
const answerSchema = z.object({
  state: z.string().max(100).default(''),
  code: z.string().max(1000).optional(),
  error: z.string().max(100).optional(),
});

/**
 * The pages on which a user lets a device log in. Without a session, the guard sends them to log in first, and again after
 * `SENSITIVE_AUTH_AGE`: a device stays logged in for long.
 */
@ApiExcludeController()
@Controller('device')
export class DeviceLoginController {
  constructor(
    private readonly logins: DeviceLogins,
    private readonly clients: DeviceClients,
    private readonly limits: RateLimits,
    private readonly audit: AuditService,
    private readonly pages: PageSender,
  ) {}

  @Get()
  @RequireRecentLogin()
  async ask(
    @Query({ schema: askSchema }) { user_code: typed }: z.output<typeof askSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireBrowser(principal);
    // A page of another site could use up a user's tries by links: there, the user sends the code.
    const isLed = reply.request.headers['sec-fetch-site'] === 'cross-site';
    await (typed === undefined || isLed
      ? this.pages.send(reply, h(DeviceCodePage, { typed }))
      : this.#confirm(typed, principal, reply));
  }

  @Post()
  @HttpCode(200)
  @RequireRecentLogin()
  async enter(
    @Body({ schema: codeSchema }) { user_code: typed }: z.output<typeof codeSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireBrowser(principal);
    await this.#confirm(typed, principal, reply);
  }

  @Post('decision')
  @HttpCode(200)
  @RequireRecentLogin()
  async decide(
    @Body({ schema: decisionSchema }) { user_code: typed, ...answer }: z.output<typeof decisionSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireBrowser(principal);
    const { sid } = principal.claims;
    if (answer.session !== sid) {
      throw new Problem('challenge_rejected', { reason: 'device_login_of_other_session' });
    }
    const login = await this.#find(typed, principal, reply);
    if (login === undefined) {
      await this.#refuse(typed, reply);
    } else if (answer.decision === 'deny') {
      await this.#end(reply, (await this.logins.deny(login)) ? 'denied' : 'failed', login, principal);
    } else {
      const found = await this.clients.of(login);
      const next = await found?.client.allow(login, sid);
      // A page of its own: the policy of this form would block a login that leads to another host.
      await (next instanceof URL
        ? reply.type('text/html; charset=utf-8').send(redirectPage(next.href))
        : this.#end(reply, next ?? 'failed', login, principal));
    }
  }

  /** The redirect URI at which the login provider's answer for a device arrives. */
  @Get('callback')
  async arrive(
    @Query({ schema: answerSchema }) { state, code, error }: z.output<typeof answerSchema>,
    @CurrentUser() principal: Principal,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    requireBrowser(principal);
    const { sid } = principal.claims;
    const login = await this.logins.answered(state, sid);
    const found = login && (await this.clients.of(login));
    if (login === undefined || found === undefined) {
      await this.#end(reply, 'failed');
    } else if (code === undefined && error !== 'access_denied') {
      // Nobody has decided against it.
      await this.logins.reopen(login);
      await this.#end(reply, 'failed');
    } else if (code === undefined) {
      await this.#end(reply, (await this.logins.deny(login)) ? 'denied' : 'failed', login, principal);
    } else {
      const sealed = found.client.sealedWith?.(login, code) ?? null;
      const isDone = await this.logins.complete(login, sid, sealed);
      await this.#end(reply, isDone ? 'done' : 'failed', login, principal);
    }
  }

  async #confirm(typed: string, principal: Principal, reply: FastifyReply): Promise<void> {
    const login = await this.#find(typed, principal, reply);
    const found = login && (await this.clients.of(login));
    if (login === undefined || found === undefined) {
      await this.#refuse(typed, reply);
      return;
    }
    const page = h(DeviceConfirmationPage, {
      code: shownUserCode(readUserCode(typed) ?? ''),
      client: found.asking.name,
      hasEverything: found.asking.hasEverything,
      askedFrom: login.asked_from,
      askedAt: toTimestamp(login.asked_at),
      session: principal.claims.sid,
    });
    await this.pages.send(reply, page);
  }

  /** A device's login by its code. Wrong ones are counted: they are guesses. @throws {Problem} `rate_limited` */
  async #find(typed: string, principal: Principal, reply: FastifyReply): Promise<DeviceLoginRow | undefined> {
    const { sub, sid } = principal.claims;
    await this.limits.take(reply, [
      { policy: 'device-user', key: `user:${sub}`, onSuccess: 'return' },
      addressCheck(reply.request, 'device-address', 'return'),
      { policy: 'device-all', key: 'all', onSuccess: 'return' },
    ]);
    const login = await this.logins.find(typed, sid);
    if (login === undefined) {
      await this.#record(deviceLoginEvents.code_refused.type, principal, reply, { outcome: 'failure' });
    }
    return login;
  }

  async #refuse(typed: string, reply: FastifyReply): Promise<void> {
    void reply.code(404);
    await this.pages.send(reply, h(DeviceCodePage, { typed, isRefused: true }));
  }

  /** Tells the user what has become of a login, and the audit trail if it is decided. */
  async #end(
    reply: FastifyReply,
    outcome: DeviceOutcome,
    login?: DeviceLoginRow,
    principal?: Principal,
  ): Promise<void> {
    if (outcome === 'failed') {
      void reply.code(409);
    } else if (login !== undefined && principal !== undefined) {
      const { type } = deviceLoginEvents[outcome === 'done' ? 'allowed' : 'denied'];
      const target = { kind: 'application', id: login.client_id } as const;
      await this.#record(type, principal, reply, login.machine === null ? { target } : {});
    }
    await this.pages.send(reply, h(DeviceOutcomePage, { outcome }));
  }

  async #record(
    type: AuditEventType,
    { claims }: Principal,
    { request }: FastifyReply,
    more: Pick<Parameters<AuditService['record']>[0], 'outcome' | 'target'>,
  ): Promise<void> {
    await this.audit.record({
      type,
      userId: claims.sub,
      sessionId: claims.sid,
      requestId: request.id,
      remoteAddress: request.ip,
      ...more,
    });
  }
}

/** Requires a browser with a session. @throws {Problem} `forbidden` for any other caller. */
function requireBrowser(principal: Principal): void {
  if (principal.credential !== 'cookie' || !hasSession(principal)) {
    throw new Problem('forbidden', { reason: 'device_login_without_browser' });
  }
}
