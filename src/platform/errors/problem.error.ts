import { type AnyProblem, type NamedProblem, definitionOf } from './problem.catalogue.js';

/** One rejected field of a request: where and what was expected. Never holds the value. */
export interface FieldError {
  /** Path of the field, parts joined with dots. */
  readonly field: string;
  readonly message: string;
}

/** The details of one occurrence. */
export interface ProblemOptions {
  /** One sentence for the caller; must not hold tokens, e-mail addresses or values of the environment. */
  readonly detail?: string;
  /** Reason id for log, audit trail and our own pages (snake_case); never sent to the caller. */
  readonly reason?: string;
  readonly errors?: readonly FieldError[];
  /** Extra response headers, for example `Allow`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Path on this origin where a browser can meet the requirement; a member of the answer (RFC 9457 section 3.2). */
  readonly loginUrl?: string;
  readonly cause?: unknown;
}

/** The only error class that becomes an answer: RFC 9457 problem details with a code of the catalogue, or of a feature. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: NamedProblem['code'];
  /** Status, title and remedy of this problem's code. */
  readonly definition: NamedProblem;
  readonly detail: string | undefined;
  readonly reason: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly loginUrl: string | undefined;

  constructor(problem: AnyProblem, options: ProblemOptions = {}) {
    const definition = definitionOf(problem);
    super(definition.title, { cause: options.cause });
    this.code = definition.code;
    this.definition = definition;
    this.detail = options.detail;
    this.reason = options.reason;
    this.errors = options.errors;
    this.headers = options.headers ?? {};
    this.loginUrl = options.loginUrl;
  }
}
