import { describe, expect, it } from 'vitest';
import { placeFaults, placeSurfaces } from '../src/surface-places.ts';
import { settingsOf } from './support/gateway.ts';

const model = '  m: { backend: { driver: static, urls: ["http://127.0.0.1:9"] } }';

async function place(surfaces: string) {
  const settings = settingsOf(model, `surfaces: ${surfaces}`);
  return placeSurfaces({
    ...settings,
    server: { ...settings.server, listen: { host: '127.0.0.1', port: 8080 } },
  });
}

const shown = async (surfaces: string) =>
  (await place(surfaces)).map(({ address, served }) => [
    address === null ? 'request port' : `${address.host}:${address.port}`,
    ...served.map(({ surface }) => surface.name),
  ]);

describe('where surfaces are served', () => {
  it('is the request port, or a port that those share which name the same', async () => {
    const surfaces =
      '{ vertex: {}, azure: { listen: "127.0.0.1:8081" }, kserve: { listen: "127.0.0.1:8081" }, ollama: { listen: "127.0.0.1:8080", prefix: /o } }';
    expect(await shown(surfaces)).toEqual([
      ['request port', 'vertex', 'ollama'],
      ['127.0.0.1:8081', 'azure', 'kserve'],
    ]);
  });

  it('is a port of its own for each that leaves it to the system', async () => {
    expect(await shown('{ azure: { listen: "127.0.0.1:0" }, kserve: { listen: "127.0.0.1:0" } }')).toEqual([
      ['127.0.0.1:0', 'azure'],
      ['127.0.0.1:0', 'kserve'],
    ]);
  });

  it("leaves OpenAI's paths alone on the request port, also where that is named", async () => {
    const takes = async (how: string) => {
      const [{ table } = { table: null }] = await place(`{ kserve: ${how} }`);
      return table!.find({ method: 'GET', path: '/v1/models', headers: {} })?.kind === 'route';
    };
    expect(await takes('{}')).toBe(false);
    expect(await takes('{ listen: "127.0.0.1:8080" }')).toBe(false);
    expect(await takes('{ listen: "127.0.0.1:8081" }')).toBe(true);
  });

  it('has no fault where those that clash are on ports of their own', async () => {
    expect(placeFaults(await place('{ huggingface: {}, potassium: {} }'))).toHaveLength(1);
    expect(placeFaults(await place('{ huggingface: {}, potassium: { listen: "127.0.0.1:8081" } }'))).toEqual(
      [],
    );
  });
});
