import { Controller, Delete, Get, Options, Patch, Post, Put, Req, Res, UseFilters } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Verification } from './verification.service.js';
import { AnyScope } from '../session/guards/access.decorators.js';
import { VerifyFilter } from './verify.filter.js';

/** Forward auth for Envoy, which keeps the original method and appends the path to a prefix. */
@ApiExcludeController()
@Controller('auth/verify/*')
@AnyScope()
@UseFilters(VerifyFilter)
export class VerifyByPathController {
  constructor(private readonly verification: Verification) {}

  @Get()
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }

  @Post()
  post(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }

  @Put()
  put(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }

  @Patch()
  patch(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }

  @Delete()
  delete(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }

  @Options()
  options(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void | Promise<void> {
    return this.verification.answer(request, reply);
  }
}
