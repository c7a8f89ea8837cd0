import type { CanActivate, ExecutionContext } from '@nestjs/common';

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

/** A guard that has nothing to do on some routes. */
export interface PartialGuard extends CanActivate {
  /** Whether it may refuse anything on the route. It depends on the route's decorators and the configuration alone. */
  isNeeded(context: ExecutionContext): boolean;
  canActivate(context: ExecutionContext): boolean | Promise<boolean>;
}

/**
 * Reads what a guard needs from a route's decorators, once for each route: decorators don't change, and every request needs them.
 * @param read from the method and the class, in this order; of the context, nothing but these two counts.
 */
export function perRoute<T>(
  read: (places: [Handler, Controller], context: ExecutionContext) => T,
): (context: ExecutionContext) => T {
  // Keyed by both: several controllers may inherit one method.
  const known = new WeakMap<Handler, Map<Controller, { readonly value: T }>>();
  return (context) => {
    const handler = context.getHandler();
    const controller = context.getClass();
    const found = known.get(handler)?.get(controller);
    if (found !== undefined) {
      return found.value;
    }
    const ofHandler = known.get(handler) ?? new Map<Controller, { readonly value: T }>();
    const value = read([handler, controller], context);
    known.set(handler, ofHandler.set(controller, { value }));
    return value;
  };
}
