/**
 * Reads a file of `NAME=value` lines as compose's `env_file` does, and fills in its placeholders: `${NAME}`, and
 * `${NAME:-default}` for one that may be missing or empty.
 * @throws {Error} naming the placeholder that has no value.
 */
export function fillEnvTemplate(
  text: string,
  values: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const entry = /^([A-Z]\w*)=(.*)$/.exec(line.trim());
    const [, name, template] = entry ?? [];
    if (name !== undefined && template !== undefined) {
      environment[name] = template.replace(
        /\$\{(\w+)(?::-([^}]*))?\}/g,
        (_, key: string, fallback?: string) => {
          const value = values[key] === undefined || values[key] === '' ? fallback : values[key];
          if (value === undefined) {
            throw new Error(`${name} needs a value for ${key}`);
          }
          return value;
        },
      );
    }
  }
  return environment;
}
