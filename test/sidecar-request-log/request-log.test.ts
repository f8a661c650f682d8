import { describe, expect, it } from 'vitest';
import type { LaneHead } from '../../src/relay/traffic.ts';
import { defaultRequestLogTemplate } from '../../src/sidecar/request-log/default-template.ts';
import type { LoggedRequest } from '../../src/sidecar/request-log/logged-request.ts';
import { createRequestLog } from '../../src/sidecar/request-log/request-log.ts';
import { laneHead } from '../support/lane-head.ts';

const identity = {
  namespace: 'default',
  service: 'svc',
  configuration: 'conf',
  revision: 'conf-00001',
  pod: 'pod-1',
  podIp: '10.0.0.1',
};

function linesOf(template: string, requests: readonly Partial<LoggedRequest>[], hasProbes = false): string[] {
  const lines: string[] = [];
  const log = createRequestLog({ template, hasProbes, identity, write: (line) => lines.push(line) });
  for (const own of requests) {
    log({ head: laneHead(), status: 200, answerBytes: 205, totalMs: 6.688752, ...own });
  }
  return lines;
}

const withFields = (...fields: string[]): Partial<LoggedRequest> => ({ head: laneHead({ fields }) });
const lineOf = (template: string, head: Partial<LaneHead>) =>
  linesOf(template, [{ head: laneHead(head) }])[0];

describe('the request log', () => {
  it('writes by default the line of queue-proxy, to the letter', () => {
    const head = laneHead({
      target: '/?s=404',
      fields: ['host', 'h', 'user-agent', 'te"st', 'traceparent', '00-ab-cd-01'],
    });
    expect(linesOf(defaultRequestLogTemplate, [{ head, status: 404, answerBytes: 7 }])).toEqual([
      '{"httpRequest": {"requestMethod": "GET", "requestUrl": "/?s\\u003D404", "requestSize": "0", "status": 404, ' +
        '"responseSize": "7", "userAgent": "te\\"st", "remoteIp": "127.0.0.1:40114", "serverIp": "10.0.0.1", ' +
        '"referer": "", "latency": "0.006688752s", "protocol": "HTTP/1.1"}, "traceId": "ab"}\n',
    ]);
  });

  it('ends each line, whether the template does or not', () => {
    expect(linesOf('{{.Response.Code}}', [{}, { status: 503 }])).toEqual(['200\n', '503\n']);
    expect(linesOf('{{.Response.Code}}\n', [{}])).toEqual(['200\n']);
  });

  it.each([
    ['the kubelet', ['user-agent', 'kube-probe/1.35']],
    ['a kubelet behind a mesh', ['user-agent', 'Go', 'k-kubelet-probe', 'queue']],
    ['Knative', ['user-agent', 'Knative-Activator-Probe', 'k-network-probe', 'queue']],
  ])('has lines for the probes of %s only where they are asked for', (_name, fields) => {
    expect(linesOf('{{.Response.Code}}', [withFields(...fields)])).toEqual([]);
    expect(linesOf('{{.Response.Code}}', [withFields(...fields)], true)).toEqual(['200\n']);
  });

  it('takes what only looks like a probe for a request', () => {
    const requests = [withFields('user-agent', 'my-kube-probe/1'), withFields('k-network-probe', '')];
    expect(linesOf('{{.Response.Code}}', requests)).toEqual(['200\n', '200\n']);
  });

  it('says in a line of its own that a template fails at a request, and goes on', () => {
    const head = laneHead({ method: 'POST', target: '/a b/%C3%A9?q=1' });
    const template = '{{if eq .Response.Code 500}}{{.Request.Nope}}{{end}}ok';
    expect(linesOf(template, [{ head, status: 500, totalMs: 0.05 }, {}])).toEqual([
      'Invalid request log template: method: POST, response code: 500, latency: 5e-05, url: /a%20b/%C3%A9?q=1\n',
      'ok\n',
    ]);
  });

  it('refuses a malformed template when it is made, and says where it is wrong', () => {
    const made = (template: string) => () => linesOf(template, []);
    expect(made('a\nb {{.Request.Method')).toThrow('line 2: unclosed action');
    expect(made('{{foo .Request}}')).toThrow('line 1: function "foo" not defined');
    expect(made('{{if .TraceID}}')).toThrow('line 1: the template ends where {{end}} is missing');
    expect(made('{{define "x"}}{{end}}')).toThrow('line 1: {{define}} is not supported in a request log');
  });

  it('knows addresses of IPv6, and takes one of IPv4 for what it is', () => {
    const from = (address: string) =>
      lineOf('{{.Request.RemoteAddr}}', { peer: { address, port: 5, isTls: false } });
    expect(from('2001:db8::7')).toBe('[2001:db8::7]:5\n');
    expect(from('::ffff:10.0.0.9')).toBe('10.0.0.9:5\n');
  });

  it('tells HTTP/2, an unknown length and TLS as Go does', () => {
    const head = {
      version: '2',
      bodyBytes: null,
      peer: { address: '10.0.0.9', port: 5, isTls: true },
    } as const;
    const template =
      '{{.Request.Proto}} {{.Request.ProtoMajor}} {{.Request.ContentLength}} {{.Request.TransferEncoding}} {{if .Request.TLS}}tls{{end}}';
    expect(lineOf(template, head)).toBe('HTTP/2.0 2 -1 [] tls\n');
  });

  it('finds the trace by B3 where W3C’s field is not there', () => {
    expect(lineOf('{{.TraceID}}', { fields: ['x-b3-traceid', '463a'] })).toBe('463a\n');
    expect(lineOf('{{.TraceID}}', { fields: ['x-b3-traceid', '463a', 'traceparent', '00-1-2-3'] })).toBe(
      '1\n',
    );
    expect(lineOf('{{.TraceID}}', { fields: ['traceparent', 'junk'] })).toBe('\n');
  });

  it('cannot be made to run code by names that every object has', () => {
    for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
      expect(lineOf(`{{.Request.${name}}}`, {})).toMatch(/^Invalid request log template/);
      expect(lineOf(`{{.Request.Header.${name}}}`, {})).toBe('<no value>\n');
      expect(() => linesOf(`{{${name} 1}}`, [])).toThrow('not defined');
    }
  });
});
