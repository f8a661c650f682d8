import { askBare } from '../../probe/bare-exchange.ts';
import { askHttp2 } from '../../probe/http2-exchange.ts';
import type { AppProbe } from '../settings.ts';
import { type Attempt, failed, probeAgent, type Verdict } from './verdict.ts';

/** Go's client, and so the original, follows as many. */
const maxRedirects = 10;
const redirectStatuses = [301, 302, 303, 307, 308];

/** In so much of a 503 the text of a loading app is looked for. */
const maxBodyBytes = 64 * 1024;

/** Whom a GET goes to; changed by redirects. */
type HttpTarget = Pick<AppProbe, 'scheme' | 'host' | 'port' | 'path' | 'headers'>;

interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  /** Latin1. */
  readonly body: string;
}

/**
 * A GET of the probe's path. 200 to 399 pass, whatever the body. As in the original, redirects are followed (a 3xx that leads
 * nowhere passes) within the one time limit; the headers of the probe stay with its own host. As the kubelet has it and the
 * original does not, `Host` among the headers is obeyed, and certificates are not verified.
 */
export async function tryHttp(probe: HttpTarget, attempt: Attempt): Promise<Verdict> {
  return await follow(probe, attempt, askOverHttp1);
}

/**
 * The same without knowing which version the app speaks: passes when either does. The original asks HTTP/2 first; here it
 * is HTTP/1.1, so that Node's HTTP/2 is loaded only for an app that needs it. Which of them passed last is asked first.
 */
export class EitherHttp {
  #isHttp2 = false;

  /** As `tryHttp`; each version has the whole time limit, as in the original. */
  async try(probe: HttpTarget, attempt: Attempt): Promise<Verdict> {
    const first = await this.#ask(probe, attempt, this.#isHttp2);
    if (first.isPassed || first.isLoading) return first;
    const second = await this.#ask(probe, attempt, !this.#isHttp2);
    if (second.isPassed) this.#isHttp2 = !this.#isHttp2;
    return second.isPassed || second.isLoading ? second : first;
  }

  async #ask(probe: HttpTarget, attempt: Attempt, isHttp2: boolean): Promise<Verdict> {
    return await follow(probe, attempt, isHttp2 ? askOverHttp2 : askOverHttp1);
  }
}

type Ask = (target: HttpTarget, attempt: Attempt, deadlineMs: number) => Promise<HttpAnswer>;

async function follow(probe: HttpTarget, attempt: Attempt, ask: Ask): Promise<Verdict> {
  const name = `GET ${probe.path}`;
  const { clock, timeoutMs } = attempt;
  const deadlineMs = clock.nowMs() + timeoutMs;
  try {
    let target = probe;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const answer = await ask(target, attempt, deadlineMs);
      const next = nextOf(target, answer);
      if (next === null) return judge(name, answer, attempt.loading);
      target = next.host === probe.host ? next : { ...next, headers: [] };
    }
    return failed(name, `more than ${maxRedirects} redirects`);
  } catch (error) {
    return failed(name, error);
  }
}

function judge(name: string, { status, body }: HttpAnswer, loading: string | null): Verdict {
  const isLoading = status === 503 && loading !== null && body.includes(latin1Of(loading));
  const detail = `${name}: ${status}${isLoading ? ` ${loading}` : ''}`;
  return { isPassed: status >= 200 && status < 400, isLoading, detail };
}

/** Bodies are compared byte by byte. */
function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function nextOf(target: HttpTarget, { status, location }: HttpAnswer): HttpTarget | null {
  if (!redirectStatuses.includes(status) || location === undefined || location === '') return null;
  const url = new URL(location, `${originOf(target)}${target.path}`);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new Error(`redirected to ${url.protocol}`);
  }
  const scheme = url.protocol === 'https:' ? 'https' : 'http';
  return {
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || (scheme === 'https' ? 443 : 80)),
    path: url.pathname + url.search,
    headers: target.headers,
  };
}

function originOf({ scheme, host, port }: HttpTarget): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function askOverHttp1(
  { path, headers, ...target }: HttpTarget,
  { loading, clock, signal }: Attempt,
  deadlineMs: number,
): Promise<HttpAnswer> {
  const names = headers.map(({ name }) => name.toLowerCase());
  const agent = names.includes('user-agent') ? [] : [{ name: 'User-Agent', value: probeAgent }];
  const { status, fields, body } = await askBare({
    ...target,
    target: path,
    fields: [...agent, ...headers],
    bodyLimit: (code) => (code === 503 && loading !== null ? maxBodyBytes : 0),
    ...{ deadlineMs, clock, signal },
  });
  return { status, location: fields.get('location'), body };
}

async function askOverHttp2(
  target: HttpTarget,
  { clock, signal }: Attempt,
  deadlineMs: number,
): Promise<HttpAnswer> {
  if (target.scheme === 'https') throw new Error('HTTP/2 is not looked for behind TLS');
  const given = Object.fromEntries(target.headers.map(({ name, value }) => [name.toLowerCase(), value]));
  const { host, ...headers }: Record<string, string> = { 'user-agent': probeAgent, ...given };
  const answer = await askHttp2({
    origin: originOf(target),
    method: 'GET',
    path: target.path,
    headers: host === undefined ? headers : { ...headers, ':authority': host },
    body: null,
    maxBodyBytes,
    ...{ deadlineMs, clock, signal },
  });
  return { status: answer.status, location: answer.headers.location, body: answer.body.toString('latin1') };
}
