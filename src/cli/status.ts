import { systemClock } from '../core/clock.ts';
import { UsageError } from './flags.ts';
import { type GpuRow, gpuTable } from './gpu-table.ts';
import { type ModelRow, statusTable } from './status-table.ts';

const timeoutMs = 10_000;

/**
 * `pilotlight status`: a table of the models, and of the GPUs that they share, of the gateway whose admin port is at `admin` (`http://` may be left out);
 * with `isJson` the models as the admin API tells them. Throws one line on what is wrong.
 */
export async function status(admin: string, isJson: boolean): Promise<void> {
  const url = apiUrl(admin);
  const response = await ask(url);
  const text = await response.text();
  const body = objectIn(text);
  if (response.status === 401) throw new Error(`${url} refuses the token: ${tokenHint}`);
  if (!response.ok || !Array.isArray(body?.models)) throw new Error(`${url} ${complaint(response, body)}`);
  const models = body.models as ModelRow[];
  const told = isJson
    ? `${JSON.stringify(models, null, 2)}\n`
    : statusTable(models, systemClock.wallMs()) + gpuTable(await gpusAt(url));
  process.stdout.write(told);
}

const tokenHint = 'set PILOTLIGHT_ADMIN_TOKEN to what server.admin.token is';

function apiUrl(admin: string): string {
  const address = /^https?:\/\//i.test(admin) ? admin : `http://${admin}`;
  if (!URL.canParse(address))
    throw new UsageError(`status: --admin: "${admin}" is no address, as in http://127.0.0.1:9090`);
  return `${address.replace(/\/+$/, '')}/api/models`;
}

/** None from a gateway that knows of none. */
async function gpusAt(modelsUrl: string): Promise<readonly GpuRow[]> {
  const response = await ask(modelsUrl.replace(/models$/, 'gpus'));
  const body = objectIn(await response.text());
  return response.ok && Array.isArray(body?.gpus) ? (body.gpus as GpuRow[]) : [];
}

async function ask(url: string): Promise<Response> {
  const token = process.env.PILOTLIGHT_ADMIN_TOKEN?.trim();
  try {
    return await fetch(url, {
      headers: token ? { authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'TimeoutError')
      throw new Error(`${url} did not answer within ${timeoutMs / 1000} s`, { cause });
    const reason = (cause as { cause?: { message?: string } }).cause?.message ?? String(cause);
    throw new Error(`no gateway at ${url} (${reason}): is it running, and is that server.admin?`, { cause });
  }
}

/** What is wrong with an answer that is not the list of models. */
function complaint({ status }: Response, body: Record<string, unknown> | null): string {
  const error = body?.error as { code?: unknown; message?: unknown } | undefined;
  if (error?.code === 'forbidden_host') return `answered ${status}: ${String(error.message)}`;
  const detail = typeof error?.message === 'string' ? `: ${error.message}` : '';
  return `answered ${status}, not as an admin port does${detail}; is that server.admin?`;
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null; // Whoever answers there is no gateway.
  }
}
