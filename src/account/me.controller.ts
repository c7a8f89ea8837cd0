import { Controller, Get } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiCookieAuth,
  ApiOperation,
  ApiResponse,
  ApiSecurity,
  ApiTags,
} from '@nestjs/swagger';
import type { z } from 'zod';
import { ApiProblems } from '../http/openapi.decorators.js';
import { CurrentUser, RequireScope } from '../session/access.decorators.js';
import type { Principal } from '../session/principal.js';
import { userSchema } from '../users/user.schema.js';

/** The caller's own account. */
@ApiTags('account')
@ApiCookieAuth()
@ApiBearerAuth()
@ApiSecurity('apiKey')
@Controller('api/v1/me')
export class MeController {
  @Get()
  @RequireScope('profile:read')
  @ApiOperation({ summary: 'The caller', description: 'Answered from the augmented token alone.' })
  @ApiResponse({ status: 200, description: 'The caller.', standardSchema: userSchema })
  @ApiProblems('unauthenticated', 'insufficient_scope')
  me(@CurrentUser() { user }: Principal): z.output<typeof userSchema> {
    return user;
  }
}
