import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../platform/errors/problem.error.js';
import { Public } from '../session/guards/access.decorators.js';
import { AssetStore } from './asset.store.js';

/** Serves the pages' static files. Their names contain a hash, so browsers may cache them forever. */
@ApiExcludeController()
@Controller()
@Public()
export class AssetController {
  constructor(private readonly store: AssetStore) {}

  @Get('assets/:file')
  async file(
    @Param('file') name: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asset = this.store.find(name);
    if (asset === undefined) {
      throw new Problem('not_found');
    }
    void reply.headers({
      'content-type': asset.type,
      'cache-control': 'public, max-age=31536000, immutable',
      vary: 'accept-encoding',
      // Error pages on hosts of applications have them too.
      'cross-origin-resource-policy': 'cross-origin',
    });
    if (/\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))) {
      await reply.header('content-encoding', 'gzip').send(await this.store.gzipped(asset));
    } else {
      await reply.send(asset.body);
    }
  }

  @Get('favicon.ico')
  async favicon(@Res() reply: FastifyReply): Promise<void> {
    await reply.redirect(this.store.addresses.favicon, 302);
  }
}
