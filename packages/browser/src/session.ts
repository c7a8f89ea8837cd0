/** The user who is logged in. */
export interface User {
  readonly id: string;
  readonly email: string | null;
  readonly emailVerified: boolean;
  readonly name: string | null;
  readonly picture: string | null;
}

/** A live session, as `GET /auth/session` states it. */
export interface Session {
  readonly user: User;
  readonly session: {
    readonly id: string;
    /** ISO 8601. */
    readonly createdAt: string;
    /** ISO 8601. */
    readonly expiresAt: string;
  };
  readonly provider: string;
  /** Claims of the augmented token: roles, scope, the active organisation, and your deployment's own. */
  readonly claims: Readonly<Record<string, unknown>>;
}
