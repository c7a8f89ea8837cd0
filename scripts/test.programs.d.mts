/** A program that tests run beside Node and Ory. */
export interface TestProgram {
  readonly variable: string;
  readonly name: string;
  /** What a test file injects, or which module it imports, that needs it. */
  readonly needs: readonly string[];
}

export const programs: readonly TestProgram[];

/** @returns where a program is; undefined if it isn't here, or lacks what it needs. */
export function findProgram(program: TestProgram): string | undefined;

/** How to get programs that aren't here, in words. */
export function missingPrograms(missing: readonly TestProgram[]): string;
