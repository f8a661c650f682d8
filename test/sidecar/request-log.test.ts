import { describe, expect, it } from 'vitest';
import { answerOk } from '../support/raw-backend.ts';
import { rawRequest } from '../support/raw-client.ts';
import { useSidecarRig } from './support/sidecar-rig.ts';

const rig = useSidecarRig();

interface Telling {
  readonly template: string;
  readonly hasProbes?: boolean;
  readonly isOn?: boolean;
}

/** A sidecar that writes such lines. */
async function start({ template, hasProbes = false, isOn = true }: Telling) {
  const app = await rig.app((exchange) =>
    exchange.path === '/fails' ? exchange.answer('no', '500 Internal Server Error') : answerOk(exchange),
  );
  const config = { enableRequestLog: isOn, requestLogTemplate: template, enableProbeRequestLog: hasProbes };
  return await rig.start(app, { env: { OBSERVABILITY_CONFIG: JSON.stringify(config) } });
}

describe('the request log', () => {
  it('writes a line of the template for each request', async () => {
    const sidecar = await start({
      template:
        'line {{.Request.Method}} {{.Request.RequestURI}} {{.Request.Host}} {{.Request.Proto}} {{.Request.ContentLength}} {{.Request.UserAgent}} {{.Request.Referer}} {{.Response.Code}} {{.Response.Size}} {{.Response.Latency}} end',
    });
    const fields = 'user-agent: it/1\r\nreferer: http://a/\r\n';
    await rig
      .client()
      .write(rawRequest('/a?b=c', 'body', fields))
      .answer();
    const [line] = await sidecar.untilWritten(/^line .* end$/m);
    expect(line).toMatch(
      /^line POST \/a\?b=c gateway HTTP\/1\.1 4 it\/1 http:\/\/a\/ 200 2 0\.\d+(e-\d+)? end$/,
    );
  });

  it('tells of the revision and the trace', async () => {
    const sidecar = await start({
      template:
        '{{.Revision.Name}} {{.Revision.Namespace}} {{.Revision.Service}} {{.Revision.Configuration}} {{.Revision.PodName}} {{.Revision.PodIP}} [{{.TraceID}}]',
    });
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const client = rig.client();
    await client.write(rawRequest('/', 'x', `traceparent: 00-${trace}-00f067aa0ba902b7-01\r\n`)).next();
    await sidecar.untilWritten(
      /^hello-00001 default hello hello hello-00001-deployment-7d9c-x2x4v 10\.1\.2\.3 \[4bf92f3577b34da6a3ce929d0e0e4736\]$/m,
    );
    await client.write(rawRequest('/', 'x', 'x-b3-traceid: abc123\r\n')).next();
    await sidecar.untilWritten(/\[abc123\]$/m);
  });

  it('knows the functions and the control of templates', async () => {
    const sidecar = await start({
      template:
        '{{if ge .Response.Code 500}}bad{{else}}good{{end}} {{js .Request.RequestURI}} {{printf "%q" .Request.Method}} {{.Request.Header.Get "X-Mine"}} {{with .TraceID}}traced{{end}}{{range $k, $v := .Request.Header}}{{if eq $k "X-Many"}}{{len $v}}{{end}}{{end}}',
    });
    await rig
      .client()
      .write(rawRequest("/it's", 'x', 'x-mine: 7\r\nx-many: a\r\nx-many: b\r\n'))
      .answer();
    await sidecar.untilWritten(/^good \/it\\'s "POST" 7 2$/m);
    await rig.client().write(rawRequest('/fails', 'x')).answer();
    await sidecar.untilWritten(/^bad \/fails "POST" {2}$/m);
  });

  it.each([
    [false, 0],
    [true, 1],
  ])('tells of probes where that is asked for: %s', async (hasProbes, count) => {
    const sidecar = await start({ template: 'told {{.Request.UserAgent}}', hasProbes });
    const probe = 'user-agent: kube-probe/1.36\r\nk-network-probe: queue\r\n';
    await rig
      .client('GET')
      .write(rawRequest('/', null, probe, 'GET'))
      .answer();
    await rig
      .client('GET')
      .write(rawRequest('/', null, 'user-agent: me\r\n', 'GET'))
      .answer();
    await sidecar.untilWritten(/^told me$/m);
    expect(sidecar.output.match(/^told kube-probe/gm) ?? []).toHaveLength(count);
  });

  it('tells of what was refused', async () => {
    const app = await rig.app(() => undefined);
    const config = {
      enableRequestLog: true,
      requestLogTemplate: 'told {{.Response.Code}} {{.Response.Size}}',
    };
    const env = { OBSERVABILITY_CONFIG: JSON.stringify(config), REVISION_TIMEOUT_SECONDS: '1' };
    const sidecar = await rig.start(app, { env });
    await rig.client().write(rawRequest('/', 'x')).answer();
    await sidecar.untilWritten(/^told 504 15$/m);
  });

  it('is off unless it is asked for', async () => {
    const sidecar = await start({ template: 'told', isOn: false });
    await rig.client().write(rawRequest('/', 'x')).answer();
    sidecar.kill('SIGKILL');
    await sidecar.exited();
    expect(sidecar.output).not.toContain('told');
  });
});
