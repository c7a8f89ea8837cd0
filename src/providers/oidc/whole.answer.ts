/** Reads an answer's body, so that one deadline covers both answer and body. */
export async function wholeAnswer(answer: Response): Promise<Response> {
  const { status, statusText, headers } = answer;
  const body = await answer.arrayBuffer();
  return new Response(body.byteLength === 0 ? null : body, { status, statusText, headers });
}
