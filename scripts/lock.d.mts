/** The process that has a lock. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
}

/** The outcome of one attempt: either it is ours, with the way to give it back, or somebody has it. */
export type LockAttempt =
  | { readonly release: () => void; readonly holder?: undefined }
  | { readonly release?: undefined; readonly holder: LockHolder };

/**
 * Takes the lock at `path` (its folder is made when it is missing), or says who has it. A lock of a dead process is
 * taken over.
 * @throws the file system's error when the folder can't be written.
 */
export function tryLock(path: string): LockAttempt;

/** Waits until the lock is free, takes it, and resolves to the way to give it back. `onWait` is called at most once. */
export function waitForLock(path: string, onWait?: (holder: LockHolder) => void): Promise<() => void>;
