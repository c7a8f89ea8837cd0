import { z } from 'zod';

/** The fields of a self-service flow. */
export const kratosFlowSchema = z.looseObject({
  ui: z.looseObject({
    nodes: z.array(
      z.looseObject({
        attributes: z.looseObject({ name: z.string().optional(), value: z.unknown().optional() }),
      }),
    ),
  }),
});

/** The texts in a flow's fields of this name. */
export function valuesOf({ ui }: z.output<typeof kratosFlowSchema>, name: string): string[] {
  return ui.nodes.flatMap(({ attributes }) =>
    attributes.name === name && typeof attributes.value === 'string' ? [attributes.value] : [],
  );
}
