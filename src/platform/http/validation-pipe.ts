import { type INestApplication, StandardSchemaValidationPipe, UsePipes } from '@nestjs/common';
import { PIPES_METADATA, ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { Problem } from '../errors/problem.error.js';

/** Validates every `{ schema }` of a route; answers `validation_failed` with the fields, never their values. */
const validationPipe = new StandardSchemaValidationPipe({
  exceptionFactory: (issues) =>
    new Problem('validation_failed', {
      errors: issues.slice(0, 20).map(({ path, message }) => ({
        field: (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
        message,
      })),
    }),
});

/**
 * Adds the pipe to each route that has a `{ schema }`, an adopter's too; before the application is initialised.
 *
 * It isn't a global pipe: Nest sends every parameter of a route through those, `@CurrentUser()` too, and awaits each
 * of them (docs/adr/0015).
 */
export function validateSchemas(app: INestApplication): void {
  const scanner = new MetadataScanner();
  for (const { metatype } of app.get(DiscoveryService, { strict: false }).getControllers()) {
    if (typeof metatype !== 'function') {
      continue;
    }
    const prototype: object = metatype.prototype;
    for (const name of scanner.getAllMethodNames(prototype)) {
      const handler: unknown = Reflect.get(prototype, name);
      if (
        typeof handler === 'function' &&
        validatedParameters(metatype, name).size > 0 &&
        !pipesOf(handler).includes(validationPipe)
      ) {
        UsePipes(validationPipe)(prototype, name, { value: handler });
      }
    }
  }
}

/** The kinds of a route's parameters (`RouteParamtypes`) that have a `{ schema }`. */
export function validatedParameters(controller: object, method: string): ReadonlySet<number> {
  const parameters: unknown = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method);
  const kinds = Object.entries(parameters ?? {}).flatMap(
    // Nest's keys have the form `kind:index`.
    ([key, { schema }]: [string, { readonly schema?: unknown }]) =>
      schema === undefined ? [] : [Number.parseInt(key, 10)],
  );
  return new Set(kinds);
}

function pipesOf(handler: object): readonly unknown[] {
  const pipes: unknown = Reflect.getMetadata(PIPES_METADATA, handler);
  return Array.isArray(pipes) ? pipes : [];
}
