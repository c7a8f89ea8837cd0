import * as modules from 'node:module';

/**
 * Writes what V8 has compiled into Node's compile cache, if one is set up (`NODE_COMPILE_CACHE`; Node 20 has none). Node itself does so
 * only at an orderly end, and not for a process that a signal ends.
 */
export function keepCompiled(): void {
  if ('flushCompileCache' in modules && typeof modules.flushCompileCache === 'function') {
    modules.flushCompileCache();
  }
}
