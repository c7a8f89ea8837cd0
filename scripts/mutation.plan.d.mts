/** File → specs that its mutants are run against. */
export declare const plan: Readonly<Record<string, readonly string[]>>;
/** Files without a decision, which have no mutants. */
export declare const withoutDecision: readonly string[];
/** Files whose mutants can't be tried one after the other in one process. */
export declare const notMeasured: readonly string[];
