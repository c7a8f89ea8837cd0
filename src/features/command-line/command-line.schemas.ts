import { z } from 'zod';

/** The command line's OAuth client. It is public, so its name proves nothing; PKCE does. */
export const commandLineClient = 'vestibule-cli';

/** A loopback address by number, as names may resolve to others, with any free port (RFC 8252 section 7.3). */
const loopback = z
  .string()
  .refine(
    (text) => /^http:\/\/(?:127\.0\.0\.1|\[::1\]):[1-9]\d{0,4}\/callback$/.test(text) && URL.canParse(text),
    { error: 'must be http://127.0.0.1:PORT/callback or http://[::1]:PORT/callback' },
  );

/** The name of the machine, as the machine states it. */
const device = z
  .string()
  .trim()
  .min(1)
  .max(60)
  .regex(/^[\p{L}\p{N} ._-]+$/u, { error: 'must be letters, digits, blanks, dots and dashes' })
  .default('an unnamed machine');

/** The parameters of `/auth/cli`. Unknown ones are ignored (RFC 6749 section 3.1). */
export const commandLineRequestSchema = z
  .object({
    /** If left out, the code is shown, to be pasted. */
    redirect_uri: loopback.optional(),
    code_challenge: z.string().regex(/^[\w-]{43}$/, { error: 'must be a SHA-256 in base64url (RFC 7636)' }),
    code_challenge_method: z.literal('S256', { error: 'must be S256' }),
    state: z
      .string()
      .regex(/^[\w.~-]{8,128}$/, { error: 'must be 8 to 128 unreserved characters' })
      .optional(),
    device,
  })
  .refine(({ redirect_uri: uri, state }) => uri === undefined || state !== undefined, {
    path: ['state'],
    error: 'must come with redirect_uri',
  });

/** A parsed request of a command line. */
export type CommandLineRequest = z.output<typeof commandLineRequestSchema>;

/** The form of the exchange of a code (RFC 6749 section 4.1.3, RFC 7636 section 4.5). */
export const codeFormSchema = z.object({
  code: z.string().regex(/^[\w-]{43}$/),
  code_verifier: z.string().regex(/^[\w.~-]{43,128}$/),
  redirect_uri: z.string().max(100).optional(),
  client_id: z.literal(commandLineClient),
});

/** The form of a machine that asks for a device code (RFC 8628 section 3.1). */
export const deviceFormSchema = z.object({ client_id: z.literal(commandLineClient), device });

/** The form of the exchange of a device code (RFC 8628 section 3.4). */
export const deviceCodeFormSchema = z.object({
  device_code: z.string().regex(/^[\w-]{43}$/),
  client_id: z.literal(commandLineClient),
});

/** A parsed exchange of a code. */
export type CodeForm = z.output<typeof codeFormSchema>;
