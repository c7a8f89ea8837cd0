import type { ExecutionContext } from '@nestjs/common';

type Handler = ReturnType<ExecutionContext['getHandler']>;
type Controller = ReturnType<ExecutionContext['getClass']>;

/**
 * What a guard reads from a route's decorators, read once for each route: they don't change, and every request asks.
 * @param read from the method and the class, in this order.
 */
export function perRoute<T>(read: (places: [Handler, Controller]) => T): (context: ExecutionContext) => T {
  // By both: a method may be inherited by several controllers.
  const known = new WeakMap<Handler, Map<Controller, { readonly value: T }>>();
  return (context) => {
    const handler = context.getHandler();
    const controller = context.getClass();
    const found = known.get(handler)?.get(controller);
    if (found !== undefined) {
      return found.value;
    }
    const ofHandler = known.get(handler) ?? new Map<Controller, { readonly value: T }>();
    const value = read([handler, controller]);
    known.set(handler, ofHandler.set(controller, { value }));
    return value;
  };
}
