import type { Environment } from '../platform/config/configuration.js';

/**
 * Reads a file of `NAME=value` lines as compose's `env_file` does, and fills in its placeholders: `${NAME}`, and
 * `${NAME:-default}` for one that may be missing or empty.
 * @throws {Error} naming the placeholder that has no value.
 */
export function fillEnvTemplate(text: string, values: Environment): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, name, template] = /^([A-Z]\w*)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined && template !== undefined) {
      environment[name] = template.replace(
        /\$\{(\w+)(?::-([^}]*))?\}/g,
        (_, key: string, fallback?: string) => {
          const value = values[key] || fallback;
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

/** The variables that are set. */
export function definedOnly(environment: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
