import { z } from 'zod';

/** Body of `POST /api/v1/notes`. Unknown members are refused. */
export const noteBodySchema = z.strictObject({
  text: z
    .string()
    .trim()
    .min(1)
    .max(1000)
    .meta({ description: 'What there is to remember.', example: 'Buy milk' }),
});

/** A note, in answers. */
export const noteSchema = z.object({
  id: z.uuid().meta({ example: '01980000-0000-7000-8000-000000000000' }),
  text: z.string().meta({ example: 'Buy milk' }),
  createdBy: z.uuid().meta({ description: 'Id of the user.' }),
  createdAt: z.iso.datetime().meta({ description: 'ISO 8601 in UTC.' }),
});

/** Answer of `GET /api/v1/notes`. */
export const notesAnswerSchema = z.object({
  items: z.array(noteSchema),
  nextCursor: z
    .string()
    .nullable()
    .meta({ description: 'Pass it as `cursor` to get the next page; null on the last page.' }),
});

/** Answer of `GET /api/v1/notes/count`. */
export const noteCountSchema = z.object({ count: z.int().meta({ example: 42 }) });

/** A note, in code. */
export type Note = z.output<typeof noteSchema>;
