import {
  Controller,
  HttpCode,
  RequestMapping,
  RequestMethod,
  SetMetadata,
  applyDecorators,
} from '@nestjs/common';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import { Reflector } from '@nestjs/core';
import { ApiOperation, ApiParam, ApiResponse, ApiSecurity, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import type { AnyProblem, ProblemCode } from '../../platform/errors/problem.catalogue.js';
import type { KnownScope } from '../../platform/features/scope.catalogue.js';
import { isSafeMethod } from '../../platform/http/cross-site.guard.js';
import { ApiProblems } from '../../platform/http/openapi.decorators.js';
import { validatedParameters } from '../../platform/http/validation-pipe.js';
import {
  ACCESS,
  type EmailDemand,
  REQUIRED_EMAIL,
  REQUIRED_ORG,
  REQUIRED_ROLE,
  RequireRole,
  RequireScope,
} from './access.decorators.js';
import { scopesOf } from './access.guard.js';
import {
  type RecentLoginRule,
  AAL2,
  AUTH_AGE,
  RECENT_LOGIN,
  RequireRecentLogin,
} from './step-up.decorators.js';

/** Metadata key of an {@link ApiRoute}'s declaration. */
const API_ROUTE = 'vestibule:api-route';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Descriptions of the ids (UUIDs) in a path, by parameter name. */
type IdDescriptions = Readonly<Record<string, string>>;

/** What a controller of the REST API requires of its callers, and what the OpenAPI document states for all its routes. */
export interface ApiControllerOptions {
  readonly tag: string;
  /** Opens the controller's routes only to administrators of the deployment, as `@RequireRole()` does. */
  readonly role?: 'admin';
  /** Credentials that the routes accept, by the names of the document's security schemes; all of them when left out. */
  readonly credentials?: readonly ('apiKey' | 'bearer' | 'cookie')[];
  /** Descriptions of the ids in the controller's own path. */
  readonly ids?: IdDescriptions;
  /** Problems that each route can answer, besides those that follow from its decorators. */
  readonly problems?: readonly AnyProblem[];
}

/** One operation of the REST API: what it requires of its callers, and what the OpenAPI document states about it. */
export interface ApiRouteOptions {
  /** Scope that opens the route to tokens and API keys, as with `@RequireScope()`. */
  readonly scope?: KnownScope;
  /** Accepts only sessions with a recent login, as `@RequireRecentLogin()` does: always, or when its rule says so. */
  readonly recentLogin?: true | string | RecentLoginRule;
  readonly summary: string;
  readonly description: string;
  /** Descriptions of the ids in the route's path. */
  readonly ids?: IdDescriptions;
  /** Descriptions of other parameters of the route's path, by name: any text. */
  readonly texts?: Readonly<Record<string, string>>;
  readonly answer: {
    /** 200 when left out, or 204 without a schema. */
    readonly status?: number;
    readonly description: string;
    readonly schema?: z.ZodType;
    /** Names of headers. */
    readonly headers?: readonly string[];
  };
  /** Problems that the handler can answer, besides those that follow from the decorators. */
  readonly problems?: readonly AnyProblem[];
}

interface DocumentedRoute {
  readonly method: Method;
  readonly problems: readonly AnyProblem[];
}

/**
 * Declares a controller of the REST API. It must stand above the class's other decorators: it documents the problems of each {@link
 * ApiRoute} from what they require.
 */
export function ApiController(
  path: string,
  { tag, role, credentials = ['apiKey', 'bearer', 'cookie'], ids = {}, problems = [] }: ApiControllerOptions,
): ClassDecorator {
  const decorate = applyDecorators(
    Controller(path),
    ApiTags(tag),
    ...credentials.map((name) => ApiSecurity(name)),
    ...idParameters(ids),
    ...(role === undefined ? [] : [RequireRole(role)]),
  );
  return (controller) => {
    decorate(controller);
    documentProblems(controller, problems);
  };
}

/**
 * Declares a route of an {@link ApiController}: its method, path, status and access, and its operation in the OpenAPI document. The
 * body and the query are documented from the `{ schema }` of `@Body()` and `@Query()`.
 *
 * The problems that follow from the decorators needn't be named:
 * - a closed route answers `unauthenticated`, and one that doesn't accept any scope `insufficient_scope`
 * - a required role or organisation answers `forbidden`, a required e-mail address `email_unverified`
 * - a step-up, and a role or organisation that may require a second factor, answers `reauthentication_required`
 * - a method that changes something answers `cross_site_request`
 * - a `{ schema }` answers `validation_failed`, and that of a body `unsupported_media_type` as well
 */
export function ApiRoute(
  method: Method,
  path: string,
  { scope, recentLogin, summary, description, ids = {}, texts = {}, answer, problems = [] }: ApiRouteOptions,
): MethodDecorator {
  const { schema, headers, status = schema === undefined ? 204 : 200 } = answer;
  return applyDecorators(
    RequestMapping({ method: RequestMethod[method], path }),
    HttpCode(status),
    ...(scope === undefined ? [] : [RequireScope(scope)]),
    ...(recentLogin === undefined
      ? []
      : [RequireRecentLogin(recentLogin === true ? undefined : recentLogin)]),
    ApiOperation({ summary, description }),
    ...idParameters(ids),
    ...textParameters(texts),
    ApiResponse({
      status,
      description: answer.description,
      ...(schema === undefined ? {} : { standardSchema: schema }),
      ...(headers === undefined ? {} : { headers: textHeaders(headers) }),
    }),
    SetMetadata<string, DocumentedRoute>(API_ROUTE, { method, problems }),
  );
}

function textHeaders(names: readonly string[]): Record<string, { schema: { type: 'string' } }> {
  return Object.fromEntries(names.map((name) => [name, { schema: { type: 'string' } }]));
}

function idParameters(ids: IdDescriptions): (ClassDecorator & MethodDecorator)[] {
  return Object.entries(ids).map(([name, description]) =>
    ApiParam({ name, description, schema: { type: 'string', format: 'uuid' } }),
  );
}

function textParameters(texts: Readonly<Record<string, string>>): MethodDecorator[] {
  return Object.entries(texts).map(([name, description]) =>
    ApiParam({ name, description, schema: { type: 'string' } }),
  );
}

type ControllerClass = Parameters<ClassDecorator>[0];

function documentProblems(controller: ControllerClass, shared: readonly AnyProblem[]): void {
  const reflector = new Reflector();
  const prototype: object = controller.prototype;
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const handler: unknown = descriptor.value;
    if (typeof handler !== 'function') {
      continue;
    }
    const route = reflector.get<DocumentedRoute | undefined>(API_ROUTE, handler);
    if (route !== undefined) {
      const { method, problems } = route;
      const implied = impliedProblems(reflector, [handler, controller], {
        changes: !isSafeMethod(method),
        validated: validatedParameters(controller, name),
      });
      ApiProblems(...new Set([...implied, ...problems, ...shared]))(prototype, name, descriptor);
    }
  }
}

/** The problems that the guards and the validation can answer, derived from the metadata that they read. */
function impliedProblems(
  reflector: Reflector,
  places: Parameters<typeof scopesOf>[1],
  { changes, validated }: { readonly changes: boolean; readonly validated: ReadonlySet<number> },
): ProblemCode[] {
  const has = (...keys: readonly string[]): boolean =>
    keys.some((key) => reflector.getAllAndOverride<unknown>(key, places) !== undefined);
  const email = reflector.getAllAndOverride<EmailDemand | undefined>(REQUIRED_EMAIL, places);
  const candidates: readonly (readonly [ProblemCode, boolean])[] = [
    ['validation_failed', validated.size > 0],
    ['unauthenticated', !has(ACCESS)],
    ['reauthentication_required', has(RECENT_LOGIN, AUTH_AGE, AAL2, REQUIRED_ROLE, REQUIRED_ORG)],
    ['insufficient_scope', scopesOf(reflector, places).length > 0],
    ['forbidden', has(REQUIRED_ROLE, REQUIRED_ORG)],
    ['email_unverified', email === 'verified'],
    ['cross_site_request', changes],
    ['unsupported_media_type', validated.has(RouteParamtypes.BODY)],
  ];
  return candidates.filter(([, follows]) => follows).map(([code]) => code);
}
