import type { ConnectionStep } from './connection-step.js';
import { isOfPort } from '../../platform/upstream/vendor-call.js';

type Fault = NonNullable<ConnectionStep['fault']>;

/** Characters of what was found instead. */
const longestFound = 200;

/** A step of a test failed. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly fault: Fault;
  readonly found: string | undefined;

  /** @param found what was there instead, for the report: anything that another party sent. */
  constructor(fault: Fault, found = '') {
    super(fault);
    this.fault = fault;
    // It is shown in terminals and on pages, where control characters would change how the rest is read.
    this.found = found.slice(0, longestFound).replaceAll(/\p{C}/gu, '\uFFFD') || undefined;
  }
}

/** The report of a test: steps in order, up to the first that fails. */
export class TestReport {
  readonly #steps: ConnectionStep[] = [];
  #running: Pick<ConnectionStep, 'step' | 'target'> | undefined;
  #hasFailed = false;

  get steps(): readonly ConnectionStep[] {
    return this.#steps;
  }

  /**
   * Runs a step, unless one before it has failed.
   * @param faultOf what an error other than a {@link StepError} means.
   * @returns what it results in; undefined if it failed, or didn't run.
   */
  async run<T>(
    step: ConnectionStep['step'],
    target: string,
    act: () => Promise<T>,
    faultOf: (error: unknown) => Fault = () => 'failed',
  ): Promise<T | undefined> {
    if (this.#hasFailed) {
      return undefined;
    }
    this.#running = { step, target };
    try {
      const result = await act();
      this.#end(null);
      return result;
    } catch (error) {
      const { fault, found } = error instanceof StepError ? error : outcomeOf(faultOf(error), error);
      this.#end(fault, found);
      return undefined;
    }
  }

  /** Ends the report with the step that is running now: it took too long. What it still results in doesn't count. */
  abandon(): void {
    this.#end(this.#running?.step === 'reach' ? 'unreachable' : 'timed_out');
  }

  #end(fault: Fault | null, found?: string): void {
    if (this.#running !== undefined) {
      this.#steps.push({ ...this.#running, fault, found });
      this.#hasFailed = fault !== null;
      this.#running = undefined;
    }
  }
}

function outcomeOf(fault: Fault, error: unknown): Pick<ConnectionStep, 'fault' | 'found'> {
  return { fault, found: fault === 'certificate' ? tlsCodeOf(error) : undefined };
}

/** What a failure to reach a server means. */
export function reachFaultOf(error: unknown): 'certificate' | 'port_blocked' | 'unreachable' {
  if (isOfPort(error)) {
    return 'port_blocked';
  }
  return isOfTls(error) ? 'certificate' : 'unreachable';
}

/** Codes of errors about a certificate, as Node and OpenSSL name them. */
const certificateCodes = /CERT|UNABLE_TO_|SELF_SIGNED|ERR_TLS|HOSTNAME_MISMATCH|ERR_SSL|EPROTO|DEPTH_ZERO/;

/** Whether an error, or what caused it, is about TLS. */
export function isOfTls(error: unknown): boolean {
  return tlsCodeOf(error) !== undefined;
}

function tlsCodeOf(error: unknown): string | undefined {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 5; depth += 1) {
    const code: unknown = Reflect.get(cause, 'code');
    if (typeof code === 'string' && certificateCodes.test(code)) {
      return code;
    }
    cause = cause.cause;
  }
  return undefined;
}
