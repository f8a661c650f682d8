import { describe, expect, it } from 'vitest';
import { FakeRequest } from './fake-lane.ts';
import { createRig } from './rig.ts';

function outbound(fields: string[], address = '10.0.0.9') {
  const request = new FakeRequest(fields, { peer: { address, port: 1, isTls: false } });
  return request.enter(createRig().traffic).outbound!;
}

function valuesOf(fields: readonly string[], name: string): string[] {
  return fields.filter((_, index) => index % 2 === 1 && fields[index - 1] === name);
}

describe('what the app gets', () => {
  it('is what came, in its order', () => {
    const fields = ['host', 'a.example.com', 'accept', '*/*', 'cookie', 'a=1', 'cookie', 'b=2'];
    expect(outbound(fields).fields.slice(0, fields.length)).toEqual(fields);
  });

  it('has the host that the activator put aside', () => {
    const sent = outbound(['host', '10.1.1.1', 'k-original-host', 'web.default.example.com']);
    expect(sent.authority).toBe('web.default.example.com');
    expect(sent.fields).not.toContain('k-original-host');
    expect(outbound(['host', 'app.example.com']).authority).toBe('app.example.com');
  });

  it('has its own address as host where HTTP/1.0 sent none', () => {
    const request = new FakeRequest([], { version: '1.0', authority: '' }).enter(createRig().traffic);
    expect(request.outbound!.authority).toBe('127.0.0.1:8080');
  });

  it("has no revision headers of the activator's, and all others of Knative", () => {
    const { fields } = outbound([
      'knative-serving-namespace',
      'default',
      'knative-serving-revision',
      'web-1',
      'knative-serving-tag',
      'blue',
      'k-proxy-request',
      'activator',
    ]);
    expect(valuesOf(fields, 'knative-serving-namespace')).toEqual([]);
    expect(valuesOf(fields, 'knative-serving-revision')).toEqual([]);
    expect(valuesOf(fields, 'knative-serving-tag')).toEqual(['blue']);
    expect(valuesOf(fields, 'k-proxy-request')).toEqual(['activator']);
  });

  it.each([
    [[], '10.0.0.9', ['10.0.0.9']],
    [['x-forwarded-for', '1.1.1.1'], '10.0.0.9', ['1.1.1.1, 10.0.0.9']],
    [
      ['x-forwarded-for', '1.1.1.1', 'x-forwarded-for', '2.2.2.2'],
      '10.0.0.9',
      ['1.1.1.1, 2.2.2.2, 10.0.0.9'],
    ],
    [[], '::ffff:10.0.0.9', ['10.0.0.9']],
    [[], 'fd00::1', ['fd00::1']],
    [[], '', []],
    [['x-forwarded-for', '1.1.1.1'], '', ['1.1.1.1']],
  ])('has who came last in X-Forwarded-For: %j from %s', (fields, address, expected) => {
    expect(valuesOf(outbound(fields, address).fields, 'x-forwarded-for')).toEqual(expected);
  });

  // The cases of serving/pkg/queue/forwarded_shim_test.go, and some more.
  it.each([
    [{}, []],
    [{ 'x-forwarded-for': '127.0.0.1' }, ['for=127.0.0.1']],
    [{ 'x-forwarded-host': 'ho.st' }, ['host=ho.st']],
    [{ 'x-forwarded-proto': 'http' }, ['proto=http']],
    [
      { 'x-forwarded-for': '127.0.0.1, ::1', 'x-forwarded-host': 'ho.st', 'x-forwarded-proto': 'http' },
      ['for=127.0.0.1;host=ho.st;proto=http, for="[::1]"'],
    ],
    [{ 'x-forwarded-for': '::1,2.2.2.2' }, ['for="[::1]", for=2.2.2.2']],
    [{ 'x-forwarded-host': 'ho.st', 'x-forwarded-proto': 'https' }, ['host=ho.st;proto=https']],
    [{ 'x-forwarded-for': '1.1.1.1,' }, ['for=1.1.1.1']],
    [{ 'x-forwarded-for': '127.0.0.1', forwarded: 'for=9.9.9.9' }, ['for=9.9.9.9']],
    [{ 'x-forwarded-for': '127.0.0.1', forwarded: '' }, ['for=127.0.0.1']],
  ])('has Forwarded made of %j', (headers, expected) => {
    expect(valuesOf(outbound(Object.entries(headers).flat()).fields, 'forwarded')).toEqual(expected);
  });
});
