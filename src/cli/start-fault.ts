import type { ServerSettings, Settings } from '../config/settings.ts';
import { listenFault } from './listen-fault.ts';

/** Why the gateway does not start, in words that name the setting where that is known; else the error as it is. */
export function startFault(error: unknown, { server, surfaces }: Settings): unknown {
  const { listen, admin, tls } = server;
  const { code = '', path } = error as NodeJS.ErrnoException;
  const key = path === undefined ? undefined : tlsKeyOf(path, tls);
  if (key !== undefined) {
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    return new Error(`server.tls.${key}: ${path} ${reason}`, { cause: error });
  }
  return listenFault(error, [
    { key: 'server.admin', address: admin },
    { key: 'server.listen', address: listen },
    ...surfaces.flatMap(({ name, listen: address }) =>
      address === null ? [] : [{ key: `surfaces.${name}.listen`, address }],
    ),
  ]);
}

function tlsKeyOf(path: string, tls: ServerSettings['tls']): 'cert' | 'key' | undefined {
  if (path === tls?.certFile) return 'cert';
  return path === tls?.keyFile ? 'key' : undefined;
}
