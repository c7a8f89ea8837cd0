/** What a test file needs besides Node: what it injects, and the names of the tests' modules that it imports. */
export function needsOf(file: string): ReadonlySet<string>;
