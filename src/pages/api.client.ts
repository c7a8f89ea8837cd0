import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { isFeatureProblemCode, isProblemCode } from '../platform/errors/problem.catalogue.js';
import { Problem } from '../platform/errors/problem.error.js';
import { innerCallHeaders } from '../platform/http/inner-call.js';

/** A page's call to the API. */
export interface ApiCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path with query. The caller encodes its parts. */
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
}

/** Headers passed on from the person's request: they identify the person and the client. The rest only concern the page load. */
const passedOn = [
  'host',
  'cookie',
  'authorization',
  'x-api-key',
  'user-agent',
  'accept-language',
  'origin',
  'sec-fetch-site',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
] as const;

const problemSchema = z.object({
  code: z.union([z.string().refine(isProblemCode), z.string().refine(isFeatureProblemCode)]),
  status: z.number(),
  title: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
  loginUrl: z.string().optional(),
  reason: z.string().optional(),
});

/**
 * Calls the REST API for the pages. Every call passes the same guards, validation and audit as any other client's, so a page
 * can do nothing that the API doesn't allow. Calls stay inside the process; nothing goes over the network.
 */
@Injectable()
export class ApiClient {
  constructor(private readonly host: HttpAdapterHost<FastifyAdapter>) {}

  /**
   * Reads as the person who makes the request.
   * @throws {Problem} that the API answers with.
   */
  async read<Schema extends z.ZodType>(
    request: FastifyRequest,
    path: string,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const { json } = await this.#call(request, { path });
    return schema.parse(json);
  }

  /**
   * Changes something as the person who makes the request. A cookie that the API sets is set on the reply.
   * @returns the parsed answer; undefined without content.
   * @throws {Problem} that the API answers with.
   */
  async change<Schema extends z.ZodType>(
    reply: FastifyReply,
    call: ApiCall,
    schema: Schema,
  ): Promise<z.output<Schema>> {
    const { json, cookies } = await this.#call(reply.request, call);
    if (cookies !== undefined) {
      void reply.header('set-cookie', cookies);
    }
    return schema.parse(json);
  }

  async #call(
    request: FastifyRequest,
    { method = 'GET', path, body }: ApiCall,
  ): Promise<{ readonly json: unknown; readonly cookies: string | string[] | undefined }> {
    const given = passedOn.flatMap((name) => {
      const value = request.headers[name];
      return value === undefined ? [] : [[name, value] as const];
    });
    const answer = await this.host.httpAdapter.inject({
      method,
      url: path,
      headers: { ...Object.fromEntries(given), ...innerCallHeaders, accept: 'application/json' },
      remoteAddress: request.socket.remoteAddress ?? request.ip,
      ...(body === undefined ? {} : { payload: body }),
    });
    const json: unknown = answer.body === '' ? undefined : JSON.parse(answer.body);
    if (answer.statusCode >= 400) {
      const { code, status, title, detail, errors, loginUrl, reason } = problemSchema.parse(json);
      throw new Problem(isProblemCode(code) ? code : { code, status, title, remedy: '' }, {
        reason: reason ?? 'refused_by_the_api',
        ...(detail === undefined ? {} : { detail }),
        ...(errors === undefined ? {} : { errors }),
        ...(loginUrl === undefined ? {} : { loginUrl }),
      });
    }
    return { json, cookies: answer.headers['set-cookie'] };
  }
}
