import { applyDecorators } from '@nestjs/common';
import { ApiQuery, ApiResponse } from '@nestjs/swagger';
import { type AnyProblem, definitionOf } from '../errors/problem.catalogue.js';
import { problemOf } from './problem-body.js';
import { exampleId } from '../core/id.schema.js';

/** An error answer: RFC 9457 problem details. */
export const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'requestId'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable error code; see docs/errors.md.' },
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
        'Path on this origin to which to send the browser for a login, with `return_to` added. Present with `reauthentication_required`, and with every refusal by a protected host that a login can resolve.',
    },
    requestId: { type: 'string' },
  },
};

/** Documents the errors that a route answers, by their codes: one response per status, one example per code. */
export function ApiProblems(...problems: readonly AnyProblem[]): MethodDecorator & ClassDecorator {
  return applyDecorators(...problemResponses(problems).map((response) => ApiResponse(response)));
}

/** The responses of these errors. */
export function problemResponses(problems: readonly AnyProblem[]) {
  const definitions = problems.map(definitionOf);
  const statuses = [...new Set(definitions.map(({ status }) => status))];
  return statuses.map((status) => {
    const members = definitions.filter((definition) => definition.status === status);
    return {
      status,
      description: members.map(({ code, title }) => `\`${code}\`: ${title}`).join('. '),
      content: {
        'application/problem+json': {
          schema: { $ref: '#/components/schemas/Problem' },
          examples: Object.fromEntries(
            members.map((each) => [each.code, { value: problemOf(each, exampleId) }]),
          ),
        },
      },
    };
  });
}

/** Documents an optional parameter of a query. @param schema of its value; a text when left out. */
export function ApiOptionalQuery(name: string, description: string, schema: object = {}): MethodDecorator {
  return ApiQuery({ name, required: false, description, schema: { type: 'string', ...schema } });
}
