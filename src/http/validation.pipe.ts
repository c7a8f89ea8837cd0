import { StandardSchemaValidationPipe } from '@nestjs/common';
import { Problem } from '../core/problem.error.js';

/** Validates every `{ schema }` of a route and answers `validation_failed` with the fields, never their values. */
export function createValidationPipe(): StandardSchemaValidationPipe {
  return new StandardSchemaValidationPipe({
    exceptionFactory: (issues) =>
      new Problem('validation_failed', {
        errors: issues.slice(0, 20).map(({ path, message }) => ({
          field: (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
          message,
        })),
      }),
  });
}
