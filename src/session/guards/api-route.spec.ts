import { Body, Query } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AnyScope, OptionalSession, Public, RequireOrg, RequireVerifiedEmail } from './access.decorators.js';
import { ApiController, ApiRoute } from './api-route.js';
import { RequireAal2 } from './step-up.decorators.js';

const schema = z.object({ text: z.string() });
const rest = { summary: 'A route', description: 'Of this spec.', answer: { description: 'Done.' } };

@ApiController('things', { tag: 'things', problems: ['database_unavailable'] })
@RequireOrg()
class Things {
  @ApiRoute('GET', '', { ...rest, scope: 'orgs:read', answer: { description: 'Here.', schema } })
  list(@Query({ schema }) query: unknown): unknown {
    return query;
  }

  @ApiRoute('POST', '', {
    ...rest,
    recentLogin: 'text',
    answer: { status: 201, description: 'Made.', schema, headers: ['Location'] },
    problems: ['conflict'],
  })
  create(@Body({ schema }) body: unknown): unknown {
    return body;
  }

  @ApiRoute('DELETE', '', rest)
  @RequireAal2()
  @RequireVerifiedEmail()
  remove(@Body() body: unknown): unknown {
    return body;
  }
}

@ApiController('open', { tag: 'things', credentials: [] })
class Open {
  @ApiRoute('GET', 'public', rest)
  @Public()
  everyone(): void {}

  @ApiRoute('POST', 'optional', rest)
  @OptionalSession()
  anyone(): void {}

  @ApiRoute('GET', 'any', rest)
  @AnyScope()
  narrow(): void {}

  @ApiRoute('GET', 'closed', rest)
  closed(): void {}
}

@ApiController('administered', { tag: 'things', role: 'admin' })
class Administered {
  @ApiRoute('GET', '', rest)
  list(): void {}
}

const documented = z.record(
  z.string(),
  z.looseObject({
    description: z.string(),
    content: z
      .record(z.string(), z.looseObject({ examples: z.record(z.string(), z.unknown()).optional() }))
      .optional(),
  }),
);

/** The answers that Swagger documents for a handler. */
function answersOf(handler: object): z.output<typeof documented> {
  return documented.parse(Reflect.getMetadata('swagger/apiResponse', handler));
}

/** The problems that a handler documents, by status. */
function problemsOf(handler: object): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    Object.entries(answersOf(handler)).flatMap(([status, { content }]) => {
      const examples = content?.['application/problem+json']?.examples;
      return examples === undefined ? [] : [[status, Object.keys(examples).toSorted()]];
    }),
  );
}

describe('the problems of a route', () => {
  it('follow from its scope, its query, and what the class requires', () => {
    expect(problemsOf(Things.prototype.list)).toEqual({
      400: ['validation_failed'],
      401: ['reauthentication_required', 'unauthenticated'],
      403: ['forbidden', 'insufficient_scope'],
      503: ['database_unavailable'],
    });
    expect(problemsOf(Administered.prototype.list)[403]).toEqual(['forbidden', 'insufficient_scope']);
  });

  it('follow from its body and its method, and come together with what it names', () => {
    expect(problemsOf(Things.prototype.create)).toEqual({
      400: ['validation_failed'],
      401: ['reauthentication_required', 'unauthenticated'],
      403: ['cross_site_request', 'forbidden', 'insufficient_scope'],
      409: ['conflict'],
      415: ['unsupported_media_type'],
      503: ['database_unavailable'],
    });
  });

  it('follow from decorators below it, and not from a body that the handler reads itself', () => {
    expect(problemsOf(Things.prototype.remove)).toEqual({
      401: ['reauthentication_required', 'unauthenticated'],
      403: ['cross_site_request', 'email_unverified', 'forbidden', 'insufficient_scope'],
      503: ['database_unavailable'],
    });
  });

  it('are fewer the more open it is', () => {
    expect(problemsOf(Open.prototype.everyone)).toEqual({});
    expect(problemsOf(Open.prototype.anyone)).toEqual({ 403: ['cross_site_request'] });
    expect(problemsOf(Open.prototype.narrow)).toEqual({ 401: ['unauthenticated'] });
    expect(problemsOf(Open.prototype.closed)).toEqual({
      401: ['unauthenticated'],
      403: ['insufficient_scope'],
    });
  });
});

describe('the answer of a route', () => {
  it.each([
    ['200 with a schema', Things.prototype.list, 200, 'Here.'],
    ['204 without one', Things.prototype.remove, 204, 'Done.'],
    ['what it names', Things.prototype.create, 201, 'Made.'],
  ])('has the status %s', (_, handler, status, description) => {
    expect(Reflect.getMetadata('__httpCode__', handler)).toBe(status);
    expect(answersOf(handler)[status]?.description).toBe(description);
  });

  it('documents headers by name', () => {
    expect(answersOf(Things.prototype.create)['201']).toMatchObject({
      headers: { Location: { schema: { type: 'string' } } },
    });
    expect(answersOf(Things.prototype.list)['200']).not.toHaveProperty('headers');
  });
});
