import { type App, startApp } from '../../src/app.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Settings } from '../../src/config/settings.ts';
import { createLog } from '../../src/meter/log.ts';

const main = new URL('../../src/main.ts', import.meta.url).pathname;

/** Settings out of YAML, with free ports and a silent log. */
export function settingsOf(models: string, rest = ''): Settings {
  const text = `server: { listen: 127.0.0.1:0, admin: 127.0.0.1:0 }\nlog: { level: silent, access: false }\n${rest}\nmodels:\n${models}`;
  return parseConfig(text, { file: 'test.yaml', env: {}, readFile: () => '' });
}

/** A whole gateway in this process. */
export interface Gateway {
  readonly app: App;
  /** `http://127.0.0.1:PORT` of the request port. */
  readonly url: string;
  readonly adminUrl: string;
  close(): Promise<void>;
}

export async function startGateway(settings: Settings): Promise<Gateway> {
  const app = await startApp({
    settings,
    configFile: `test-${process.pid}-${Math.random()}.yaml`,
    log: createLog('silent'),
    ownCommand: [process.execPath, main],
  });
  return {
    app,
    url: `http://${app.address.host}:${app.address.port}`,
    adminUrl: `http://${app.adminAddress.host}:${app.adminAddress.port}`,
    close: () => app.close(),
  };
}

/** A chat request as fetch takes it. */
export function chat(model: string, more: object = {}): RequestInit {
  return {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model, messages: [{ role: 'user', content: 'Hello' }], ...more }),
  };
}
