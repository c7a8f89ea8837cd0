import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { CONFIGURATION } from '../platform/config/config.module.js';
import type { Configuration } from '../platform/config/configuration.js';
import { Clock } from '../platform/time/clock.service.js';
import { Problem } from '../platform/errors/problem.error.js';
import { Public } from '../session/guards/access.decorators.js';
import type { reachSchema } from '../doctor/reach-answer.js';
import { isProof, proofHeader } from '../doctor/reach-proof.js';

/** Reports to `vestibule doctor` how its request arrived. Callers that can't prove knowledge of a secret get a 404. */
@ApiExcludeController()
@Controller('health')
@Public()
export class DoctorProbeController {
  readonly #configuration: Configuration;

  constructor(
    private readonly clock: Clock,
    @Inject(CONFIGURATION) configuration: Configuration,
  ) {
    this.#configuration = configuration;
  }

  @Get('reach')
  reach(@Req() request: FastifyRequest): z.output<typeof reachSchema> {
    const { PUBLIC_URL, SECRETS } = this.#configuration;
    if (!isProof(request.headers[proofHeader], SECRETS, this.clock.now())) {
      throw new Problem('not_found', { reason: 'doctor_proof_missing' });
    }
    return {
      host: request.host.toLowerCase() === new URL(PUBLIC_URL).host.toLowerCase(),
      forwardedProto: request.headers['x-forwarded-proto'] !== undefined,
      forwardedFor: request.headers['x-forwarded-for'] !== undefined,
      // Fastify lists more than the peer itself only if it trusts that peer.
      trusted: (request.ips ?? []).length > 1,
    };
  }
}
