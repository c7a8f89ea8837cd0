import { Body, Controller, Get, Param, Post, Query, createParamDecorator } from '@nestjs/common';
import { PIPES_METADATA } from '@nestjs/common/constants.js';
import { ApplicationConfig, DiscoveryModule } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ProblemFilter } from './problem.filter.js';
import { validateSchemas } from './validation-pipe.js';

const looks = vi.fn<() => void>();
const countSchema = z.object({
  count: z.coerce.number().refine((count) => {
    looks();
    return count < 10;
  }),
});
type Count = z.output<typeof countSchema>;
const idSchema = z.string().length(3);
const Caller = createParamDecorator(() => 'somebody');

class Inherited {
  @Get('inherited')
  inherited(@Query({ schema: countSchema }) { count }: Count): object {
    return { count };
  }
}

@Controller()
class Counting extends Inherited {
  @Post('body')
  body(@Caller() caller: string, @Body({ schema: countSchema }) { count }: Count): object {
    return { caller, count };
  }

  @Get('path/:id')
  path(@Param('id', { schema: idSchema }) id: string): object {
    return { id };
  }

  @Get('caller')
  caller(@Caller() caller: string): object {
    return { caller };
  }
}

const apps: NestFastifyApplication[] = [];

async function start(): Promise<NestFastifyApplication> {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    controllers: [Counting],
  }).compile();
  const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter());
  app.useGlobalFilters(
    new ProblemFilter({ render: () => 'no page' }, { PUBLIC_URL: 'https://auth.example.test' }),
  );
  validateSchemas(app);
  await app.init();
  apps.push(app);
  return app;
}

afterEach(async () => {
  await Promise.all(apps.splice(0).map(async (app) => app.close()));
});

describe('validateSchemas', () => {
  it.each([
    ['POST', '/body', { count: '7' }, { caller: 'somebody', count: 7 }],
    ['GET', '/inherited?count=7', undefined, { count: 7 }],
    ['GET', '/path/abc', undefined, { id: 'abc' }],
  ] as const)('%s %s is validated', async (method, url, payload, expected) => {
    const app = await start();
    const answer = await app.inject({ method, url, ...(payload && { payload }) });
    expect([answer.statusCode, answer.json()]).toEqual([method === 'POST' ? 201 : 200, expected]);
  });

  it.each([
    ['POST', '/body', { count: 10 }, 'count'],
    ['POST', '/body', {}, 'count'],
    ['GET', '/inherited?count=x', undefined, 'count'],
    ['GET', '/path/abcd', undefined, ''],
  ] as const)('%s %s with %j is refused', async (method, url, payload, field) => {
    const app = await start();
    const answer = await app.inject({ method, url, ...(payload && { payload }) });
    expect([answer.statusCode, answer.json()]).toMatchObject([
      400,
      { code: 'validation_failed', errors: [{ field }] },
    ]);
  });

  it('applications of one process validate once each', async () => {
    const [first] = [await start(), await start()];
    looks.mockClear();
    await first.inject({ method: 'POST', url: '/body', payload: { count: 1 } });
    expect(looks).toHaveBeenCalledTimes(1);
  });

  it('a route without a schema has no pipe to wait for', async () => {
    const app = await start();
    expect(app.get(ApplicationConfig).getGlobalPipes()).toEqual([]);
    expect(Reflect.getMetadata(PIPES_METADATA, Counting.prototype.caller)).toBeUndefined();
    expect((await app.inject('/caller')).json()).toEqual({ caller: 'somebody' });
  });
});
