import { applyDecorators } from '@nestjs/common';
import { ApiQuery, ApiResponse } from '@nestjs/swagger';
import { type ProblemCode, problemCatalogue } from '../errors/problem.catalogue.js';
import { problemOf } from './problem.body.js';
import { exampleId } from '../core/id.schema.js';

/** An error answer: RFC 9457 problem details. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable; see docs/errors.md.' },
    detail: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: { field: { type: 'string' }, message: { type: 'string' } },
      },
    },
    loginUrl: {
      type: 'string',
      description:
        'With `reauthentication_required`, and with every refusal of a protected host that a login there helps: where to send the browser, with `return_to` added. A path on this origin.',
    },
    requestId: { type: 'string' },
  },
};

/** Documents the errors that a route answers, by their codes: one response per status, one example per code. */
export function ApiProblems(...codes: readonly ProblemCode[]): MethodDecorator & ClassDecorator {
  const statuses = [...new Set(codes.map((code) => problemCatalogue[code].status))];
  return applyDecorators(
    ...statuses.map((status) => {
      const members = codes.filter((code) => problemCatalogue[code].status === status);
      return ApiResponse({
        status,
        description: members.map((code) => `\`${code}\`: ${problemCatalogue[code].title}`).join('. '),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(
              members.map((code) => [code, { value: problemOf(code, exampleId) }]),
            ),
          },
        },
      });
    }),
  );
}

/** Documents an optional parameter of a query. @param schema of its value; a text when left out. */
export function ApiOptionalQuery(name: string, description: string, schema: object = {}): MethodDecorator {
  return ApiQuery({ name, required: false, description, schema: { type: 'string', ...schema } });
}
