/** The entry point of `@vestibule-auth/nest`: guards the routes of a NestJS application with the tokens of a Vestibule gateway. */
export {
  AnyScope,
  CurrentUser,
  OptionalSession,
  Public,
  RequireAal2,
  RequireAuthAge,
  RequireOrg,
  RequireRole,
  RequireScope,
  RequireVerifiedEmail,
} from './access.decorators.js';
export { VestibuleModule } from './vestibule.module.js';
export type { Caller as Principal } from '@vestibule-auth/verify';
