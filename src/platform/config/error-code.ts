/** The `code` of an error of Node or a library (`ENOENT`, SQLSTATE `23505`); undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}
