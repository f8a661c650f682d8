import { formatAddress } from '../config/address.ts';
import type { Address } from '../config/settings.ts';

/** What was to be listened on, and where that is set. */
export interface ListenPlace {
  /** `server.listen`. */
  readonly key: string;
  readonly address: Address;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: end that one, or choose another',
  EADDRNOTAVAIL: 'is no address of this machine',
  EACCES: 'may not be listened on by this user: ports below 1024 need a privilege',
  ENOTFOUND: 'is not known: its host name has no address',
};

/** The error in words that name the setting where it is about listening on one of `places`; else as it is. */
export function listenFault(error: unknown, places: readonly ListenPlace[]): unknown {
  const { code = '', port, syscall, hostname } = error as NodeJS.ErrnoException & ListenErrno;
  const reason = reasons[code];
  if (reason === undefined || (syscall !== 'listen' && syscall !== 'getaddrinfo')) return error;
  const place = places.find(({ address }) => address.port === port || address.host === hostname);
  if (place === undefined) return error;
  return new Error(`${place.key}: ${formatAddress(place.address)} ${reason}`, { cause: error });
}

/** What Node adds to an error of `listen` or of a look-up. */
interface ListenErrno {
  readonly port?: number;
  readonly hostname?: string;
}
