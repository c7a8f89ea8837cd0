/** File → specs that its mutants are run against. */
export declare const plan: Readonly<Record<string, readonly string[]>>;
/** Files without a decision, which have no mutants. */
export declare const withoutDecision: readonly string[];
/** Files that decide something, whose mutants have never been run. */
export declare const notMeasured: readonly string[];
