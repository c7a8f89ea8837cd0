/** An answer with its body read, so that a deadline for the one is a deadline for both. */
export async function wholeAnswer(answer: Response): Promise<Response> {
  const { status, statusText, headers } = answer;
  const body = await answer.arrayBuffer();
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
}
