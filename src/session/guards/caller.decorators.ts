import { type ExecutionContext, createParamDecorator } from '@nestjs/common';
import { clientInfoOf } from '../../platform/http/client-info.js';
import { requestOf } from '../../platform/http/http-context.js';
import { type Caller, requirePrincipal } from '../principal.js';

/** Parameter decorator of our own routes: the caller's principal, and their client. Applications have `@CurrentUser()`. */
export const CurrentCaller = createParamDecorator(
  (_options: undefined, context: ExecutionContext): Caller => {
    const request = requestOf(context);
    return { principal: requirePrincipal(request), client: clientInfoOf(request) };
  },
);
