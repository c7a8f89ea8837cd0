/**
 * The public entry point, `@vestibule-auth/vestibule`: all that an application imports which runs as modules of this process.
 * What isn't here may change with any version. Tests take `@vestibule-auth/vestibule/testing` as well.
 */
import 'reflect-metadata';

export { type ApplicationParts, startVestibule } from './app/app-start.js';
export {
  type Feature,
  type FeatureCheck,
  type FeatureDefinition,
  type FeatureFinding,
  type SettingsOf,
  defineFeature,
  defineSettings,
} from './platform/features/feature.js';
export {
  type AuditEventWords,
  type FeatureAuditEvent,
  defineAuditEvents,
} from './platform/features/audit-event.catalogue.js';
export { AuditModule } from './directory/audit/audit.module.js';
export { type AuditEvent, AuditService } from './directory/audit/audit.service.js';
export { newId } from './platform/core/identifier.js';
export { type FeatureScope, type KnownScope, defineScopes } from './platform/features/scope.catalogue.js';
export {
  type FeatureProblem,
  type ProblemDefinition,
  defineProblems,
} from './platform/errors/problem.catalogue.js';
export { Problem, type ProblemOptions } from './platform/errors/problem.error.js';
export { DatabaseModule } from './platform/database/database.module.js';
export { Database, type OrgRole } from './platform/database/database.schema.js';
export { ApiProblems } from './platform/http/openapi.decorators.js';
export { type Page, decodeCursor, pageQuerySchema, toPage } from './platform/http/page-cursor.js';
export {
  AllowUnverifiedEmail,
  AllowWithoutSecondFactor,
  AnyScope,
  AnySession,
  CurrentUser,
  OptionalSession,
  Public,
  RequireOrg,
  RequireRole,
  RequireScope,
  RequireVerifiedEmail,
} from './session/guards/access.decorators.js';
export { ApiController, ApiRoute } from './session/guards/api-route.js';
export { ClaimsEnricher, type EnrichedSubject } from './session/tokens/claims-enricher.js';
export type { Claims } from './session/tokens/claims.schema.js';
export type { Principal } from './session/principal.js';
export { RevocationService } from './session/revocation/revocation.service.js';
export { RequireAal2, RequireAuthAge, RequireRecentLogin } from './session/guards/step-up.decorators.js';
export type { User } from './directory/users/identity.js';
