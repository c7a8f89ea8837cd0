/** The steps of a reset, as a service or a command takes them. */
export interface ResetSteps {
  /** Makes the user's tokens outdated. */
  invalidate(): Promise<void>;
  /** Removes the second factors of one identity. @param removed gets each as soon as it is removed. */
  reset(subject: string, removed: Set<string>): Promise<void>;
  /** Ends the user's sessions here. */
  end(): Promise<void>;
  /** Writes the reset to the audit trail. @param reason what was removed. */
  note(reason: string): Promise<void>;
  /** Tells the user by mail. */
  tell(): Promise<void>;
}

/**
 * Resets a user's second factors at the provider, and ends their sessions. Whatever is removed is noted and told, also by an attempt
 * that fails half-way: anyone who makes it must not get rid of a factor unnoticed.
 * @returns the factors that were removed. @throws whatever a step throws.
 */
export async function resetInSequence(
  subjects: readonly string[],
  { invalidate, reset, end, note, tell }: ResetSteps,
): Promise<ReadonlySet<string>> {
  const removed = new Set<string>();
  let isComplete = false;
  try {
    // First: the process may end as soon as the factors are removed, and a token still states that one was used.
    await invalidate();
    for (const subject of subjects) {
      await reset(subject, removed);
    }
    await end();
    // For a login that was under way: its session, stored since, asks the provider at its next request.
    await invalidate();
    isComplete = true;
  } finally {
    // A complete one also if there was none: the process of an earlier one may have died after it had removed them.
    if (isComplete || removed.size > 0) {
      await note([...removed].join('_') || 'none');
      await tell();
    }
  }
  return removed;
}
