const maxSummaryLength = 120;

/** The fields in which backends put the reason: llama.cpp and vLLM `error.message`, FastAPI `detail`, others. */
const reasonFields = ['error', 'message', 'detail', 'status'];

/** What a body says, in one short line for people: the message of a JSON error, else its beginning. */
export function summarize(body: string): string {
  const text = (messageOf(body) ?? body).replaceAll(/\s+/g, ' ').trim();
  return text.length > maxSummaryLength ? `${text.slice(0, maxSummaryLength)}…` : text;
}

function messageOf(body: string): string | null {
  try {
    return findReason(JSON.parse(body));
  } catch {
    return null; // Not JSON: the text speaks for itself.
  }
}

function findReason(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return null;
  for (const field of reasonFields) {
    const reason = findReason(Reflect.get(value, field));
    if (reason !== null) return reason;
  }
  return null;
}
