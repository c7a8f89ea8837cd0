declare const declared: unique symbol;

/**
 * A name that a feature has declared. Only a declaration makes one, so that a made-up name doesn't compile. The compiler takes each for one
 * with a colon, even those that were released without: otherwise any text could be compared with it.
 */
export type DeclaredName<Kind extends 'problem' | 'event' | 'scope'> = `${string}:${string}` & {
  readonly [declared]: Kind;
};
