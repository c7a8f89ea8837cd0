import { Controller, Delete, Get, Options, Patch, Post, Put, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Verification } from './verification.service.js';
import { VerifyFilter } from './verify.filter.js';

/** Forward auth for Envoy, which keeps the original method and appends the path to a prefix. */
@ApiExcludeController()
@Controller('auth/verify/*')
@UseFilters(VerifyFilter)
export class VerifyByPathController {
  readonly #verification: Verification;

  constructor(verification: Verification) {
    this.#verification = verification;
  }

  @Get()
  async get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }

  @Post()
  async post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }

  @Put()
  async put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }

  @Patch()
  async patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }

  @Delete()
  async delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }

  @Options()
  async options(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    await this.#verification.answer(request, reply);
  }
}
