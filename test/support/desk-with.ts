import type { Desk, JobDesk } from '../../src/core/desk.ts';
import type { PlayedDesk } from './played-desk.ts';

/** A played desk with more of what it does for jobs; `jobs` go before its own. */
export function deskWith(desk: PlayedDesk, jobs: Partial<JobDesk>): Desk {
  return {
    wallMs: () => desk.wallMs(),
    models: () => desk.models(),
    model: (name) => desk.model(name),
    ask: (ask) => desk.ask(ask),
    jobs: new Proxy(desk.jobs, {
      get: (target, name) => (name in jobs ? jobs[name as keyof JobDesk] : Reflect.get(target, name)),
    }),
  };
}
