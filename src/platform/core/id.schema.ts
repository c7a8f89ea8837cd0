import { z } from 'zod';

/** The example id in documentation. */
export const exampleId = '01980000-0000-7000-8000-000000000000';

/** Whether a text has the form of an id. No other value that callers choose, such as a slug, may have it. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/** An id in answers. */
export const idSchema = z.uuid().meta({ example: exampleId });

/** An id that a caller gives, in any case; ids are compared in lower case. */
export const givenIdSchema = z.uuid().toLowerCase();
