import type { ConnectionStep } from '../../../accounts/org-connections.port.js';

type Fault = NonNullable<ConnectionStep['fault']>;

/** A step of a test failed. */
export class StepError extends Error {
  override readonly name = 'StepError';
  readonly fault: Fault;
  readonly found: string | undefined;

  /** @param found what was there instead, for the report. */
  constructor(fault: Fault, found?: string) {
    super(fault);
    this.fault = fault;
    this.found = found;
  }
}

/** The report of a test: steps in order, up to the first that fails. */
export class TestReport {
  readonly #steps: ConnectionStep[] = [];
  #hasFailed = false;

  get steps(): readonly ConnectionStep[] {
    return this.#steps;
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
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
    try {
      const result = await act();
      this.#steps.push({ step, target, fault: null });
      return result;
    } catch (error) {
      this.#hasFailed = true;
      const { fault, found } = error instanceof StepError ? error : outcomeOf(faultOf(error), error);
      this.#steps.push({ step, target, fault, found });
      return undefined;
    }
  }
}

function outcomeOf(fault: Fault, error: unknown): Pick<ConnectionStep, 'fault' | 'found'> {
  return { fault, found: fault === 'certificate' ? tlsCodeOf(error) : undefined };
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
