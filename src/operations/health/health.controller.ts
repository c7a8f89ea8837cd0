import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type HealthCheckResult,
  HealthCheckService,
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import { problemCatalogue } from '../../platform/errors/problem.catalogue.js';
import { Problem } from '../../platform/errors/problem.error.js';
import { Database } from '../../platform/database/database.schema.js';
import { ApiProblems } from '../../platform/http/openapi.decorators.js';
import { problemBody } from '../../platform/http/problem-body.js';
import { Public } from '../../session/guards/access.decorators.js';
import { RevocationFeed } from '../../session/revocation/revocation-feed.js';
import { ProviderHealth } from './provider-health.js';

/** Milliseconds for which the result of one check of the dependencies is reused: less than any probe waits. */
const freshFor = 250;

const healthSchema = { type: 'object', properties: { status: { type: 'string', example: 'ok' } } };

/** The detail of `not_ready`: what has to be done before the first login can succeed. */
const pendingDetail =
  'The set-up at the login provider is not done yet: keys, clients and the first administrator.';

/** The probes: whether the process is alive, and whether its dependencies are available. */
@ApiTags('health')
@Controller('health')
@Public()
export class HealthController {
  #latest: { readonly at: number; readonly result: Promise<HealthCheckResult> } | undefined;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    private readonly database: Database,
    private readonly provider: ProviderHealth,
    private readonly revocations: RevocationFeed,
  ) {}

  @Get('live')
  @ApiOperation({
    summary: 'Check that the process is alive',
    description: 'Doesn’t check any dependency: see `/health/ready`.',
  })
  @ApiResponse({ status: 200, description: 'Alive.', schema: healthSchema })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * Readiness: 503 until the first login can succeed. The database is migrated and signing keys exist before the server listens,
   * so only the set-up at the provider can be missing. After that, `degraded` has the status 200. Live sessions go on without the
   * provider or the database, and taking the replica out of rotation would only interrupt them.
   */
  @Get('ready')
  @ApiOperation({
    summary: 'Check readiness and each dependency',
    description:
      '`status` is `ok`, or `degraded` when a dependency is down that live sessions don’t need. Returns 503 until the keys, clients and first administrator are set up at the login provider.',
  })
  @ApiResponse({ status: 200, description: 'Ready; see `status`.', schema: healthSchema })
  @ApiProblems('not_ready')
  async ready(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<HealthCheckResult | ReturnType<typeof problemBody>> {
    if (!(await this.provider.isSetUp())) {
      // Not thrown: a client that waits for readiness may ask many times a second, and an error for each would fill the log.
      void reply.code(problemCatalogue.not_ready.status).type('application/problem+json');
      return problemBody('not_ready', request.id, { detail: pendingDetail });
    }
    return this.#latestLook();
  }

  /** The result of a check of the dependencies, shared by requests at about the same time, because the route is public. */
  async #latestLook(): Promise<HealthCheckResult> {
    const now = performance.now();
    if (this.#latest === undefined || now - this.#latest.at >= freshFor) {
      this.#latest = { at: now, result: this.#look() };
    }
    return this.#latest.result;
  }

  async #look(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.#indicate('database', () => sql`select 1`.execute(this.database.query)),
      () => this.#indicate('provider', () => this.provider.requireReady()),
      () => this.#indicateRevocations(),
    ]);
  }

  /** `degraded`: this replica learns of others' revocations late, at the latest when a token expires. */
  #indicateRevocations(): HealthIndicatorResult {
    const indicator = this.indicators.check('revocations');
    const state = this.revocations.state();
    return state === 'up' ? indicator.up() : indicator.degraded({ reason: state });
  }

  async #indicate(name: string, check: () => Promise<unknown>): Promise<HealthIndicatorResult> {
    const indicator = this.indicators.check(name);
    try {
      await check();
      return indicator.up();
    } catch (error) {
      return indicator.degraded({
        reason: (error instanceof Problem ? error.reason : undefined) ?? 'unreachable',
      });
    }
  }
}
