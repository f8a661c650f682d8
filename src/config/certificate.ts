import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import { watchConfig } from './watch.ts';

/** PEM texts: a certificate chain and its private key. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** Where they lie. */
export interface KeyPairFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What becomes of a pair of files after its start. */
export interface CertificateOptions {
  readonly files: KeyPairFiles;
  /** What the server was created with. */
  readonly current: KeyPair;
  readonly server: Server;
  /** What messages call it. Default `server.tls`. */
  readonly name?: string;
  /** What else the server's context was created with: versions, ciphers. Default: nothing. */
  readonly context?: SecureContextOptions;
  /** The new pair serves every connection from now on. */
  readonly onTaken: () => void;
  /** It cannot be read or is no pair: the old one stays. */
  readonly onRefused: (error: unknown) => void;
}

/** Reads a pair, which messages call `name`; throws when a file cannot be read, is not PEM, or the key is not that of the certificate. */
export async function readKeyPair(files: KeyPairFiles, name = 'server.tls'): Promise<KeyPair> {
  const { certFile, keyFile } = files;
  const [cert, key] = await Promise.all([readFile(certFile, 'utf8'), readFile(keyFile, 'utf8')]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`${name}: ${certFile} and ${keyFile} are no pair: ${reason}`, { cause });
  }
  return { cert, key };
}

/**
 * Watches both files' folders and gives a changed pair to the server: new connections get it, running ones go on. Two
 * files are never replaced in one instant, so a pair that does not fit is refused and the next change awaited.
 */
export function followCertificate(options: CertificateOptions): { close(): void } {
  const { files, name, server, context, onTaken, onRefused } = options;
  let current = options.current;
  let isClosed = false;
  const reload = async () => {
    const next = await readKeyPair(files, name);
    if (isClosed || (next.cert === current.cert && next.key === current.key)) return;
    server.setSecureContext({ ...context, ...next });
    current = next;
    onTaken();
  };
  let reloading = Promise.resolve();
  const watchers = [files.certFile, files.keyFile].map((file) =>
    watchConfig(file, () => {
      // One after the other: of two quick changes the later one must win.
      reloading = reloading.then(reload).catch((error) => {
        if (!isClosed) onRefused(error);
      });
    }),
  );
  return {
    close() {
      isClosed = true;
      for (const watcher of watchers) watcher.close();
    },
  };
}
