import { z } from 'zod';

const serviceSchema = z.looseObject({
  image: z.string(),
  command: z.array(z.string()).nullish(),
  environment: z.record(z.string(), z.string().nullable()).default({}),
  secrets: z.array(z.looseObject({ source: z.string(), target: z.string() })).default([]),
  volumes: z.array(z.looseObject({ type: z.string(), source: z.string(), target: z.string() })).default([]),
  networks: z
    .record(z.string(), z.looseObject({ ipv4_address: z.string().optional() }).nullable())
    .default({}),
  ports: z.array(z.looseObject({ published: z.string(), target: z.number() })).default([]),
  depends_on: z.record(z.string(), z.looseObject({ condition: z.string() })).default({}),
  healthcheck: z.looseObject({ test: z.array(z.string()) }).optional(),
  working_dir: z.string().optional(),
  restart: z.string().optional(),
  user: z.string().optional(),
  init: z.boolean().optional(),
  privileged: z.boolean().optional(),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).default([]),
  security_opt: z.array(z.string()).default([]),
});

/** What is asked of a compose file, as compose-spec's library prints it. */
export const composeProject = z.looseObject({
  services: z.record(z.string(), serviceSchema),
  networks: z.record(z.string(), z.looseObject({ internal: z.boolean().default(false) })),
  secrets: z.record(z.string(), z.looseObject({ file: z.string() })),
});

/** A compose file. */
export type ComposeProject = z.output<typeof composeProject>;

/** One service of a compose file. */
export type ComposeService = z.output<typeof serviceSchema>;

const dockerfileSchema = z.object({
  warnings: z.array(z.string()),
  stages: z.array(
    z.looseObject({
      name: z.string(),
      base: z.string(),
      commands: z.array(z.object({ name: z.string(), text: z.string(), command: z.looseObject({}) })),
    }),
  ),
});

const environmentSchema = z.looseObject({
  Env: z.array(z.looseObject({ Key: z.string(), Value: z.string() })),
});

/** What is asked of a Dockerfile, as BuildKit's parser has it. */
export type Dockerfile = z.output<typeof dockerfileSchema>;

/** Reads what `checks dockerfile` printed. */
export function parseDockerfile(printed: unknown): Dockerfile {
  return dockerfileSchema.parse(printed);
}

/** What the image's last stage sets in its environment. */
export function imageEnvironment({ stages }: Dockerfile): Record<string, string> {
  const set = (stages.at(-1)?.commands ?? []).filter(({ name }) => name === 'ENV');
  return Object.fromEntries(
    set.flatMap(({ command }) => environmentSchema.parse(command).Env.map(({ Key, Value }) => [Key, Value])),
  );
}
