/** A step that is under way. */
export interface ProgressStep {
  /** Ends it well. Short steps leave no line unless `outcome` is given. */
  done(outcome?: string): void;
  /** Ends it badly, with a line. */
  failed(): void;
}

/** Shows what a start is doing, with elapsed time. */
export interface Progress {
  /** Writes one line of its own, without tearing the status line. */
  line(text: string): void;
  /** Begins a step; several may run at once. */
  step(label: string): ProgressStep;
}

/** Progress with a text that stays last on the screen. */
export interface Terminal extends Progress {
  /** Keeps a text below everything that is printed, on a terminal; elsewhere it's printed once. */
  pin(text: string): void;
  /** Takes the text away. */
  unpin(): void;
}

/** On a terminal one line is redrawn; elsewhere each running step gets a line every 5 seconds. */
export function createProgress(
  stream?: NodeJS.WritableStream & { isTTY?: boolean; columns?: number },
): Terminal;
