import { describe, expect, it } from 'vitest';
import { SurfaceTable } from '../../src/http/surface-table.ts';
import { jobs } from '../../src/protocols/jobs/surface.ts';
import { responses } from '../../src/protocols/responses/responses.ts';

describe('the table of the surfaces on a port', () => {
  it.each([
    ['jobs first', [jobs, responses]],
    ['jobs last', [responses, jobs]],
  ])('gives a request that asks for it to the route that takes but such, %s', (_, surfaces) => {
    const served = surfaces.map((surface) => ({
      surface,
      prefix: '',
      routes: surface.routes({ limits: 'own', isBesideOpenai: true }),
    }));
    const table = new SurfaceTable(served);
    const find = (headers: Record<string, string>) => {
      const found = table.find({ method: 'POST', path: '/v1/responses', headers });
      return found?.kind === 'route' ? found.entry.served.surface.name : found;
    };
    expect(find({ prefer: 'respond-async' })).toBe('jobs');
    expect(find({})).toBe('responses');
    expect(table.clashes()).toEqual([]);
  });
});
