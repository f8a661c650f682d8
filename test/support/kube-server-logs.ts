import type { ServerResponse } from 'node:http';
import { statusObject } from './kube-server-faults.ts';
import type { Place } from './kube-server-store.ts';
import { reply } from './kube-server-writes.ts';

/** The logs of a container: of its current run, and of the one before; undefined: there is no such run. */
export interface RunLogs {
  readonly current?: string;
  readonly previous?: string;
}

/** The logs that a KubeServer has from its nodes. */
export class KubeLogs {
  readonly #logsByPlace = new Map<string, RunLogs>();

  /** Of the container of a pod, in any namespace. */
  set(pod: string, container: string, logs: RunLogs): void {
    this.#logsByPlace.set(`${pod}/${container}`, logs);
  }

  /** Answers GET .../pods/NAME/log. */
  answer({ name }: Place, query: URLSearchParams, res: ServerResponse): void {
    const container = query.get('container');
    const logs = this.#logsByPlace.get(`${name}/${container}`) ?? {};
    const isPrevious = query.get('previous') === 'true';
    const text = isPrevious ? logs.previous : logs.current;
    if (text === undefined) {
      const which = isPrevious ? 'previous terminated container' : 'container';
      const message = `${which} "${container}" in pod "${name}" not found`;
      reply(res, 400, statusObject(400, 'BadRequest', message));
      return;
    }
    const ends = text.endsWith('\n') ? 1 : 0;
    const tailLines = Number(query.get('tailLines') ?? Number.POSITIVE_INFINITY);
    const tail = text
      .split('\n')
      .slice(-(tailLines + ends))
      .join('\n');
    const bytes = Buffer.from(tail).subarray(0, Number(query.get('limitBytes') ?? tail.length * 4));
    res.writeHead(200, { 'content-type': 'text/plain' }).end(bytes);
  }
}
