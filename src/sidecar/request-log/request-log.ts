import { fieldOf, type LaneHead } from '../../relay/traffic.ts';
import type { SidecarIdentity } from '../settings.ts';
import { inputOf, type LoggedRequest, latencyOf, revisionOf } from './logged-request.ts';
import { compileTemplate } from './template/compile.ts';
import { ExecutionFault, textOf } from './template/values.ts';
import { urlText } from './url-type.ts';

/** Writes the line of a request that has ended. */
export type RequestLog = (request: LoggedRequest) => void;

/** What a request log is made of. */
export interface RequestLogOptions {
  /** A template of Go's text/template over `.Request`, `.Response`, `.Revision` and `.TraceID`. */
  readonly template: string;
  /** Lines for probes as well. */
  readonly hasProbes: boolean;
  readonly identity: SidecarIdentity;
  /** Takes a line with its end; must not block (meter/log-writer.ts). */
  readonly write: (line: string) => void;
}

/**
 * Compiles the template. Throws TemplateFault where it is none. A line whose template fails at a request (a field that
 * there is not) says so, with the method, status, latency and URL, as the original's does.
 */
export function createRequestLog({ template, hasProbes, identity, write }: RequestLogOptions): RequestLog {
  const render = compileTemplate(template.endsWith('\n') ? template : `${template}\n`);
  const revision = revisionOf(identity);
  return (request) => {
    if (!hasProbes && isProbe(request.head)) return;
    try {
      write(render(inputOf(request, revision)));
    } catch (error) {
      if (!(error instanceof ExecutionFault)) throw error;
      write(failedLine(request));
    }
  };
}

/** networking/pkg/http/header's IsProbe. */
function isProbe({ fields }: LaneHead): boolean {
  if ((fieldOf(fields, 'k-network-probe') ?? '') !== '') return true;
  if ((fieldOf(fields, 'k-kubelet-probe') ?? '') !== '') return true;
  return (fieldOf(fields, 'user-agent') ?? '').startsWith('kube-probe/');
}

function failedLine(request: LoggedRequest): string {
  const { method, target } = request.head;
  return (
    `Invalid request log template: method: ${method}, response code: ${request.status}, ` +
    `latency: ${textOf(latencyOf(request))}, url: ${urlText(target)}\n`
  );
}
