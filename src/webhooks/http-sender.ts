import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import type { IncomingMessage, RequestOptions } from 'node:http';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { JobSettings } from '../config/job-settings.ts';
import type { Clock } from '../core/clock.ts';
import type { WebhookMessage, WebhookOutcome, WebhookSender } from '../core/webhook.ts';
import { AddressRules } from './address-rules.ts';
import { versionOf } from './ip-address.ts';
import { type LookUp, NameLookup } from './name-lookup.ts';
import { signedFields } from './signature.ts';
import { hostOf, type UrlRules, urlFault } from './webhook-url.ts';

/** What webhooks are sent with. */
export interface WebhookSenderOptions {
  readonly settings: JobSettings['webhooks'];
  readonly clock: Clock;
  /** Default: the system's resolver. */
  readonly lookUp?: LookUp;
}

/** Of the answer no more is read, for there is nothing in it but its status. */
const maxAnswerBytes = 16_384;
/** Looks at names at once: half of the threads that Node has for them and for files. */
const maxLookups = 2;

const systemLookUp: LookUp = (host) => lookup(host, { all: true });

/**
 * Sends webhooks over a connection of their own each: the name is looked up once, its addresses are checked, and the connection
 * goes to one of those and nowhere else, whatever the name stands for a moment later. Redirects are not followed.
 */
export function createWebhookSender({ settings, clock, lookUp }: WebhookSenderOptions): WebhookSender {
  const rules: UrlRules = { addresses: new AddressRules(settings.allow), allowHttp: settings.allowHttp };
  const names = new NameLookup(lookUp ?? systemLookUp, maxLookups);
  return {
    fault: (url) => urlFault(url, rules),
    async send(message, signal) {
      const fault = urlFault(message.url, rules);
      if (fault !== null) return failed(fault, { isFinal: true });
      const time = new AbortController();
      const stop = clock.setTimer(clock.nowMs() + settings.timeoutMs, () => time.abort());
      const ended = AbortSignal.any([signal, time.signal]);
      try {
        const url = new URL(message.url);
        const addresses = await unlessAborted(addressesOf(hostOf(url), names), ended);
        const allowed = addresses.filter(({ address }) => rules.addresses.refusal(address) === null);
        if (allowed.length === 0) return failed(refusalOf(addresses, rules.addresses));
        return await post(url, message, { allowed, sentAtMs: clock.wallMs(), signal: ended });
      } catch (error) {
        if (signal.aborted) return failed('the gateway is shutting down');
        if (time.signal.aborted) return failed(`no answer within ${settings.timeoutMs} ms`);
        return failed(reasonOf(error));
      } finally {
        stop();
      }
    },
  };
}

async function addressesOf(host: string, names: NameLookup): Promise<readonly LookupAddress[]> {
  const version = versionOf(host);
  return version === 0 ? await names.resolve(host) : [{ address: host, family: version }];
}

function refusalOf(addresses: readonly LookupAddress[], rules: AddressRules): string {
  const kinds = new Set(addresses.map(({ address }) => rules.refusal(address)));
  return `the name has no address that webhooks go to: ${[...kinds].join(', ') || 'none at all'}`;
}

interface Sending {
  readonly allowed: readonly LookupAddress[];
  readonly sentAtMs: number;
  readonly signal: AbortSignal;
}

/** Resolves with what the head of the answer says, once the rest of it was read or is let go. */
function post(url: URL, message: WebhookMessage, sending: Sending): Promise<WebhookOutcome> {
  const body = Buffer.from(message.body);
  const options: RequestOptions = {
    method: 'POST',
    // No connection is kept: the next one is to be checked again.
    agent: false,
    lookup: pinnedTo(sending.allowed),
    signal: sending.signal,
    maxHeaderSize: maxAnswerBytes,
    headers: {
      'content-type': 'application/json',
      'content-length': body.length,
      'user-agent': 'pilotlight-webhooks',
      ...signedFields(message, sending.sentAtMs),
    },
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
    request.on('error', reject);
    // An answer that switches protocols ends without an error.
    request.on('close', () => reject(new Error('the connection was closed without an answer')));
    request.on('response', (answer) => {
      request.removeAllListeners('close');
      const outcome = outcomeOf(answer);
      // The status is all that counts, so that a receiver cannot take it back by an answer without an end.
      skim(answer, () => {
        resolve(outcome);
        request.destroy();
      });
    });
    request.end(body);
  });
}

/** What a connection is made to, whatever name it asks for. */
function pinnedTo(allowed: readonly LookupAddress[]): LookupFunction {
  return (_host, { all }, callback) => {
    const [first] = allowed;
    if (all === true) callback(null, [...allowed]);
    else callback(null, first!.address, first!.family);
  };
}

function skim(answer: IncomingMessage, done: () => void): void {
  let bytes = 0;
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxAnswerBytes) done();
  });
  answer.on('error', done);
  answer.on('close', done);
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): WebhookOutcome {
  if (statusCode >= 200 && statusCode < 300) return { kind: 'delivered', status: statusCode };
  const isRedirect = statusCode >= 300 && statusCode < 400;
  return {
    kind: 'failed',
    status: statusCode,
    reason: `answered ${statusCode}${isRedirect ? ', and redirects are not followed' : ''}`,
    retryAfterMs: retryAfterMsOf(headers['retry-after']),
    isFinal: statusCode === 410,
  };
}

/** Seconds as RFC 9110, 10.2.3 has them; its dates are not obeyed, for clocks differ. */
function retryAfterMsOf(value: string | undefined): number | null {
  return value !== undefined && /^\d{1,9}$/.test(value) ? Number(value) * 1000 : null;
}

function failed(reason: string, { isFinal = false } = {}): WebhookOutcome {
  return { kind: 'failed', status: null, reason, retryAfterMs: null, isFinal };
}

/** Codes say enough; messages of the system name addresses, which are for nobody but the operator's resolver. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** What cannot be aborted is left alone: its outcome is not waited for. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
