import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { RequireRole } from '../../session/guards/access.decorators.js';
import { seeOther } from '../form-answer.js';
import { PageSender } from '../page-sender.js';
import { administrationStart } from '../views/admin/admin-sections.js';

/** The administration's address, which leads to its first page. */
@ApiExcludeController()
@Controller('admin')
@RequireRole('admin')
export class AdminStartController {
  constructor(private readonly pages: PageSender) {}

  @Get()
  async start(@Res() reply: FastifyReply): Promise<void> {
    await seeOther(reply, administrationStart(this.pages.frame(reply.request)));
  }
}
