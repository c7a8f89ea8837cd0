import { Body, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiResponse } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { UnreadableAs, asOAuthError } from '../../platform/http/unreadable-body.js';
import { Public } from '../../session/guards/access.decorators.js';
import { ApiController, ApiRoute } from '../../session/guards/api-route.js';
import { RateLimited } from '../../session/guards/rate-limited.decorators.js';
import { invalidForm } from '../../session/tokens/oauth.error.js';
import { DeviceLogins } from '../device-login/device-logins.js';
import { commandLineClient, deviceFormSchema } from './command-line.schemas.js';

const text = { type: 'string' };

/** The endpoint at which the command line asks for its codes on a machine without a browser (RFC 8628 section 3.1). */
@ApiController('auth/device', { tag: 'auth', credentials: [] })
export class CommandLineDeviceController {
  constructor(private readonly devices: DeviceLogins) {}

  @ApiRoute('POST', '', {
    summary: 'Get codes for a login of the command line on a machine without a browser',
    description:
      'Device authorization endpoint (RFC 8628) of `vestibule login --device`. Applications have theirs at the login provider: see its metadata.',
    answer: {
      status: 200,
      description:
        'The codes. `POST /auth/token` exchanges the device code once the user has entered the other one.',
      schema: z.looseObject({
        device_code: z.string(),
        user_code: z.string(),
        verification_uri: z.string(),
        verification_uri_complete: z.string(),
        expires_in: z.int(),
        interval: z.int(),
      }),
    },
    problems: ['unsupported_media_type', 'rate_limited'],
  })
  @UnreadableAs(asOAuthError)
  @Public()
  @RateLimited('start-address', 'all')
  @ApiConsumes('application/x-www-form-urlencoded')
  @ApiBody({
    schema: {
      type: 'object',
      required: ['client_id'],
      properties: {
        client_id: { ...text, enum: [commandLineClient] },
        device: { ...text, description: 'Name of the machine.', example: 'build server' },
      },
    },
  })
  @ApiResponse({
    status: 400,
    description: 'The request is refused: an OAuth error (RFC 6749, section 5.2).',
    schema: { type: 'object', required: ['error'], properties: { error: text, error_description: text } },
  })
  async begin(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Readonly<Record<string, unknown>>> {
    void reply.headers({ 'cache-control': 'no-store', pragma: 'no-cache' });
    const form = deviceFormSchema.safeParse(body);
    if (!form.success) {
      const { code, message } = invalidForm(form.error);
      void reply.code(400);
      return { error: code, error_description: message };
    }
    return this.devices.begin({
      clientId: commandLineClient,
      scope: '',
      machine: form.data.device,
      from: request.ip,
    });
  }
}
