import { z } from 'zod';
import { parseJson } from './json.parser.js';

/** An entry of Kratos' `selfservice.methods.oidc.config.providers`. Keys that aren't named here reach Kratos unchanged. */
const socialProviderSchema = z.looseObject({
  id: z.string().regex(/^[\w-]+$/),
  provider: z.string().min(1),
  client_id: z.string().min(1),
  scope: z.array(z.string()).default(['openid', 'email', 'profile']),
  /** Relative to the folder of kratos.yml. */
  mapper_url: z.string().default('file://oidc.mapper.jsonnet'),
});

/** Kratos' settings for one third-party login. */
export type SocialProvider = z.output<typeof socialProviderSchema>;

/** JSON list of Kratos' provider settings → the list with its defaults. */
export const socialProviders = z.string().transform((text, context) => {
  const parsed = z.array(socialProviderSchema).safeParse(parseJson(text));
  if (parsed.success) {
    return parsed.data;
  }
  context.addIssue("must be a JSON list of Kratos' provider settings, each with id, provider and client_id");
  return z.NEVER;
});
