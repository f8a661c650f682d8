import { validateWebhook } from 'replicate';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { WebhookMessage } from '../../src/core/webhook.ts';
import { createWebhookSender } from '../../src/webhooks/http-sender.ts';
import type { LookUp } from '../../src/webhooks/name-lookup.ts';
import { startReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts';

const oldSecret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const newSecret = `whsec_${Buffer.alloc(32, 2).toString('base64')}`;
const never = new AbortController().signal;
const open: WebhookReceiver[] = [];

afterEach(async () => {
  for (const receiver of open.splice(0)) await receiver.close();
});

async function receiver(...args: Parameters<typeof startReceiver>): Promise<WebhookReceiver> {
  const started = await startReceiver(...args);
  open.push(started);
  return started;
}

function sender(given: { allow?: string[]; timeoutMs?: number; lookUp?: LookUp } = {}) {
  const { allow = ['127.0.0.1'], timeoutMs = 10_000, lookUp } = given;
  const settings = { allow, allowHttp: true, timeoutMs, giveUpAfterMs: 60_000 };
  return createWebhookSender({ settings, clock: systemClock, ...(lookUp === undefined ? {} : { lookUp }) });
}

function message(url: string, given: Partial<WebhookMessage> = {}): WebhookMessage {
  return { id: 'msg_1', url, body: '{"status":"succeeded","text":"é"}', secrets: [newSecret], ...given };
}

describe('a webhook', () => {
  it('is accepted by the validators of Standard Webhooks and of Replicate', async () => {
    const to = await receiver();
    expect(await sender().send(message(to.url), never)).toEqual({ kind: 'delivered', status: 204 });
    const [{ headers, body }] = to.received as [(typeof to.received)[0]];
    expect(headers['webhook-id']).toBe('msg_1');
    expect(headers['content-type']).toBe('application/json');
    expect(new Webhook(newSecret).verify(body, headers)).toEqual({ status: 'succeeded', text: 'é' });
    expect(await validateWebhook(new Request(to.url, { method: 'POST', headers, body }), newSecret)).toBe(
      true,
    );
    expect(await validateWebhook(new Request(to.url, { method: 'POST', headers, body }), oldSecret)).toBe(
      false,
    );
  });

  it('is accepted with either secret while one takes the place of the other', async () => {
    const to = await receiver();
    await sender().send(message(to.url, { secrets: [newSecret, oldSecret] }), never);
    const [{ headers, body }] = to.received as [(typeof to.received)[0]];
    for (const secret of [newSecret, oldSecret]) {
      expect(() => new Webhook(secret).verify(body, headers)).not.toThrow();
      expect(await validateWebhook(new Request(to.url, { method: 'POST', headers, body }), secret)).toBe(
        true,
      );
    }
  });

  it('does not follow a redirect to an address that is refused, nor any other', async () => {
    const secretPage = await receiver(undefined, '127.0.0.2');
    const to = await receiver((res) => res.writeHead(307, { location: secretPage.url }).end());
    const outcome = await sender().send(message(to.url), never);
    expect(outcome).toMatchObject({ kind: 'failed', status: 307, isFinal: false });
    expect(secretPage.connections).toBe(0);
  });

  it('goes nowhere where the name stands for addresses that are refused', async () => {
    const to = await receiver();
    const lookUp = async () => [
      { address: '127.0.0.1', family: 4 },
      { address: '::ffff:127.0.0.1', family: 6 },
    ];
    const url = `http://hook.test:${to.port}/`;
    expect(await sender({ allow: [], lookUp }).send(message(url), never)).toMatchObject({
      kind: 'failed',
      status: null,
      reason: expect.stringContaining('loopback'),
    });
    expect(to.connections).toBe(0);
  });

  it('goes to the address that was checked, though the name stands for another by the time of the connection', async () => {
    const checked = await receiver(undefined, '127.0.0.2');
    let looks = 0;
    const lookUp = async () => [{ address: looks++ === 0 ? '127.0.0.2' : '127.0.0.1', family: 4 }];
    const send = sender({ allow: ['127.0.0.2'], lookUp });
    const url = `http://rebound.test:${checked.port}/hook`;
    expect(await send.send(message(url), never)).toMatchObject({ kind: 'delivered' });
    expect(checked.received[0]!.headers.host).toBe(`rebound.test:${checked.port}`);
    // Each try looks anew, and what it finds now is refused.
    expect(await send.send(message(url), never)).toMatchObject({ kind: 'failed', status: null });
    expect([looks, checked.received.length]).toEqual([2, 1]);
  });

  it('skips the addresses that are refused where the name has an allowed one too', async () => {
    const to = await receiver();
    const lookUp = async () => ['10.0.0.1', '127.0.0.1'].map((address) => ({ address, family: 4 }));
    const url = `http://mixed.test:${to.port}/`;
    expect(await sender({ lookUp }).send(message(url), never)).toMatchObject({ kind: 'delivered' });
  });

  it('is never tried again where its URL is none that webhooks go to', async () => {
    const outcome = await sender({ allow: [] }).send(message('http://127.0.0.1:1/'), never);
    expect(outcome).toMatchObject({ kind: 'failed', isFinal: true });
    expect(sender({ allow: [] }).fault('http://127.0.0.1:1/')).toContain('loopback');
  });

  it('has failed when its time is over: no answer, no name, no connection', async () => {
    const silent = await receiver(() => undefined);
    const late = { kind: 'failed', status: null, reason: 'no answer within 150 ms' };
    expect(await sender({ timeoutMs: 150 }).send(message(silent.url), never)).toMatchObject(late);
    const lookUp: LookUp = () => new Promise(() => undefined);
    expect(await sender({ timeoutMs: 150, lookUp }).send(message('http://slow.test/'), never)).toMatchObject(
      late,
    );
    const url = silent.url;
    await silent.close();
    expect(await sender().send(message(url), never)).toMatchObject({
      kind: 'failed',
      reason: 'ECONNREFUSED',
    });
  });

  it('is delivered by the status of an answer that never ends', async () => {
    const to = await receiver((res) => {
      res.writeHead(200);
      const more = setInterval(() => res.write('x'.repeat(4_096)), 1);
      res.on('close', () => clearInterval(more));
    });
    expect(await sender().send(message(to.url), never)).toEqual({ kind: 'delivered', status: 200 });
  });

  it('is told when to come again, and when not', async () => {
    const busy = await receiver((res) => res.writeHead(429, { 'retry-after': '120' }).end());
    expect(await sender().send(message(busy.url), never)).toMatchObject({
      status: 429,
      retryAfterMs: 120_000,
    });
    const gone = await receiver((res) => res.writeHead(410).end());
    expect(await sender().send(message(gone.url), never)).toMatchObject({ status: 410, isFinal: true });
  });

  it('ends when the gateway does', async () => {
    const silent = await receiver(() => undefined);
    const ending = new AbortController();
    const sent = sender().send(message(silent.url), ending.signal);
    await silent.count(1);
    ending.abort();
    expect(await sent).toMatchObject({ kind: 'failed', reason: 'the gateway is shutting down' });
  });

  it('has failed where its receiver switches to another protocol', async () => {
    const to = await receiver((res) => {
      res.socket!.end(
        'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
      );
    });
    expect(await sender().send(message(to.url), never)).toMatchObject({ kind: 'failed', status: null });
  });
});

describe('looking names up', () => {
  it('blocks at most two threads, and asks once for those who want the same name', async () => {
    const asked: string[] = [];
    const release: (() => void)[] = [];
    const lookUp: LookUp = (host) => {
      asked.push(host);
      return new Promise((resolve) => release.push(() => resolve([{ address: '10.0.0.1', family: 4 }])));
    };
    const send = sender({ lookUp });
    const sent = ['a', 'a', 'b', 'c'].map((host) => send.send(message(`http://${host}.test/`), never));
    expect(asked).toEqual(['a.test', 'b.test']);
    release.shift()!();
    await sent[0];
    await sent[1];
    expect(asked).toEqual(['a.test', 'b.test', 'c.test']);
    for (const go of release) go();
    await Promise.all(sent);
  });
});
