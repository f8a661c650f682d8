import { describe, expect, it } from 'vitest';
import type { SurfaceRoute } from '../../src/core/surface.ts';
import { surfacePattern } from '../../src/http/surface-pattern.ts';
import { SurfaceTable } from '../../src/http/surface-table.ts';
import { mirror, playedSurface, route } from '../support/played-surface.ts';

describe('a pattern of a surface', () => {
  it.each([
    ['/v1/predictions', '/v1/predictions', {}],
    ['/v1/predictions/:id', '/v1/predictions/a1', { id: 'a1' }],
    ['/v1/models/:name::predict', '/v1/models/a.b-c:predict', { name: 'a.b-c' }],
    ['/v1/models/:name::predict', '/v1/models/a:b:predict', { name: 'a:b' }],
    ['/v2/:id/*', '/v2/x/openai/v1/models', { id: 'x', '*': 'openai/v1/models' }],
    ['/a.b/:x_1', '/a.b/%20', { x_1: '%20' }],
  ])('%s takes %s', (pattern, path, params) => {
    expect({ ...surfacePattern(pattern).match(path) }).toEqual(params);
  });

  it.each([
    ['/v1/predictions', '/v1/predictions/'],
    ['/v1/predictions/:id', '/v1/predictions/'],
    ['/v1/predictions/:id', '/v1/predictions/a/b'],
    ['/v1/models/:name::predict', '/v1/models/:predict'],
    ['/a.b', '/axb'],
  ])('%s does not take %s', (pattern, path) => {
    expect(surfacePattern(pattern).match(path)).toBeNull();
  });
});

const tableOf = (routes: readonly SurfaceRoute[], prefix = '') =>
  new SurfaceTable([{ surface: playedSurface(routes), prefix, routes }]);

function found(table: SurfaceTable, method: string, path: string, headers = {}) {
  const found = table.find({ method, path, headers });
  return found?.kind === 'route' ? found.entry.route.path : (found?.kind ?? null);
}

describe('the routes of surfaces', () => {
  it('go from the special to the general, in whatever order they are written', () => {
    const paths = ['/v1/*', '/v1/models/:name', '/v1/models/:name::predict', '/v1/models/mine'];
    const table = tableOf(paths.map((path) => route('GET', path, mirror)));
    expect(found(table, 'GET', '/v1/models/mine')).toBe('/v1/models/mine');
    expect(found(table, 'GET', '/v1/models/x:predict')).toBe('/v1/models/:name::predict');
    expect(found(table, 'GET', '/v1/models/x%3Apredict')).toBe('/v1/models/:name::predict');
    expect(found(table, 'GET', '/v1/models/x')).toBe('/v1/models/:name');
    expect(found(table, 'GET', '/v1/models/x/y')).toBe('/v1/*');
  });

  it('are found by method, where a more special path does not take it', () => {
    const table = tableOf([route('GET', '/a/b', mirror), route('POST', '/a/:x', mirror)]);
    expect(found(table, 'POST', '/a/b')).toBe('/a/:x');
    expect(table.find({ method: 'PUT', path: '/a/b', headers: {} })).toMatchObject({
      kind: 'method',
      methods: ['GET', 'POST'],
    });
  });

  it('own what is under their prefix and nothing beside it', () => {
    const table = tableOf([route('GET', '/', mirror)], '/hf');
    expect(found(table, 'GET', '/hf')).toBe('/');
    expect(found(table, 'GET', '/hf/')).toBe('/');
    expect(found(table, 'GET', '/hf/more')).toBe('path');
    expect(found(table, 'GET', '/hfx')).toBeNull();
    expect(found(table, 'GET', '/')).toBeNull();
  });

  it('leave a request to others that a route does not take by its headers', () => {
    const takes = (headers: Readonly<Record<string, unknown>>) => headers.prefer === 'respond-async';
    const table = tableOf([route('POST', '/v1/chat/completions', mirror, { takes })]);
    expect(found(table, 'POST', '/v1/chat/completions', { prefer: 'respond-async' })).toBe(
      '/v1/chat/completions',
    );
    expect(found(table, 'POST', '/v1/chat/completions')).toBeNull();
    expect(found(table, 'GET', '/v1/chat/completions')).toBeNull();
  });

  it('clash where two surfaces serve one in the same place, under whatever names of parameters', () => {
    const one = [route('GET POST', '/v1/models/:name', mirror)];
    const two = [route('POST', '/v1/models/:id', mirror), route('GET', '/own', mirror)];
    const served = (prefix: string) =>
      new SurfaceTable([
        { surface: playedSurface(one, 'replicate'), prefix: '', routes: one },
        { surface: playedSurface(two, 'kserve'), prefix, routes: two },
      ]);
    expect(served('').clashes()).toEqual([
      { first: 'replicate', second: 'kserve', route: 'POST /v1/models/:id' },
    ]);
    expect(served('/kserve').clashes()).toEqual([]);
  });
});
