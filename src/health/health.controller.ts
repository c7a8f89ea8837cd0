import { Controller, Get } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import {
  type HealthCheckResult,
  HealthCheckService,
  HealthIndicatorService,
  type HealthIndicatorResult,
} from '@nestjs/terminus';
import { sql } from 'kysely';
import { AuthStrategy } from '../auth/auth.strategy.js';
import { Problem } from '../core/problem.error.js';
import { Database } from '../database/database.schema.js';
import { Public } from '../session/access.decorators.js';
import { RevocationFeed } from '../session/revocation.feed.js';

const healthSchema = { type: 'object', properties: { status: { type: 'string', example: 'ok' } } };

/** Is the process alive; and what of what it needs is there. */
@ApiTags('health')
@Controller('health')
@Public()
export class HealthController {
  readonly #health: HealthCheckService;
  readonly #indicators: HealthIndicatorService;
  readonly #database: Database;
  readonly #strategy: AuthStrategy;
  readonly #revocations: RevocationFeed;

  constructor(
    health: HealthCheckService,
    indicators: HealthIndicatorService,
    database: Database,
    strategy: AuthStrategy,
    revocations: RevocationFeed,
  ) {
    this.#health = health;
    this.#indicators = indicators;
    this.#database = database;
    this.#strategy = strategy;
    this.#revocations = revocations;
  }

  @Get('live')
  @ApiOperation({
    summary: 'Liveness: the process answers',
    description: 'Says nothing of what the process depends on: see `/health/ready`.',
  })
  @ApiResponse({ status: 200, description: 'Alive.', schema: healthSchema })
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /**
   * `degraded` keeps the status 200: with the provider or the database away, live sessions go on, and taking the
   * replica out of rotation would only end them.
   */
  @Get('ready')
  @ApiOperation({
    summary: 'Readiness of each dependency',
    description: '`status` is `ok`, or `degraded` when something is away that live sessions can do without.',
  })
  @ApiResponse({ status: 200, description: 'Serving; see `status`.', schema: healthSchema })
  async ready(): Promise<HealthCheckResult> {
    return this.#health.check([
      () => this.#indicate('database', () => sql`select 1`.execute(this.#database.query)),
      () => this.#indicate('provider', () => this.#strategy.requireReady()),
      () => this.#indicateRevocations(),
    ]);
  }

  /** Behind on what other replicas have ended: their ends take effect here later, at the latest when a token expires. */
  #indicateRevocations(): HealthIndicatorResult {
    const indicator = this.#indicators.check('revocations');
    const state = this.#revocations.state();
    return state === 'up' ? indicator.up() : indicator.degraded({ reason: state });
  }

  async #indicate(name: string, check: () => Promise<unknown>): Promise<HealthIndicatorResult> {
    const indicator = this.#indicators.check(name);
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
