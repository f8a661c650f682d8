import type { SecureContextOptions } from 'node:tls';

/** What a TLS port agrees to, as `node:tls` takes it. */
export type TlsLimits = Pick<SecureContextOptions, 'minVersion' | 'maxVersion' | 'ciphers' | 'ecdhCurve'>;

const versions = { '1.2': 'TLSv1.2', '1.3': 'TLSv1.3' } as const;

/** Suites of TLS 1.3: as in Go they cannot be chosen; a name of one is taken and changes nothing. */
const modernSuites = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** The other names of Go's `crypto/tls.CipherSuites`, and what OpenSSL calls them. */
const suiteByName = new Map(
  ['ECDSA', 'RSA'].flatMap((kind) => [
    [`TLS_ECDHE_${kind}_WITH_AES_128_CBC_SHA`, `ECDHE-${kind}-AES128-SHA`],
    [`TLS_ECDHE_${kind}_WITH_AES_256_CBC_SHA`, `ECDHE-${kind}-AES256-SHA`],
    [`TLS_ECDHE_${kind}_WITH_AES_128_GCM_SHA256`, `ECDHE-${kind}-AES128-GCM-SHA256`],
    [`TLS_ECDHE_${kind}_WITH_AES_256_GCM_SHA384`, `ECDHE-${kind}-AES256-GCM-SHA384`],
    [`TLS_ECDHE_${kind}_WITH_CHACHA20_POLY1305_SHA256`, `ECDHE-${kind}-CHACHA20-POLY1305`],
  ]) as [string, string][],
);

const curveByName = new Map([
  ['CurveP256', 'P-256'],
  ['CurveP384', 'P-384'],
  ['CurveP521', 'P-521'],
  ['X25519', 'X25519'],
  ['X25519MLKEM768', 'X25519MLKEM768'],
  ['P-256', 'P-256'],
  ['P-384', 'P-384'],
  ['P-521', 'P-521'],
]);

/**
 * Reads TLS_MIN_VERSION, TLS_MAX_VERSION, TLS_CIPHER_SUITES and TLS_CURVE_PREFERENCES, each behind `prefix`
 * (`QUEUE_PROXY_`), with the values that knative.dev/pkg/network/tls takes: versions 1.2 and 1.3, lists of Go's names with
 * commas. Empty is as if unset; unset is TLS 1.3 alone. Throws an Error that names the variable and the value.
 */
export function readTlsLimits(env: Readonly<Record<string, string | undefined>>, prefix: string): TlsLimits {
  const version = (name: string): keyof typeof versions | null => {
    const value = env[prefix + name];
    if (value === undefined || value === '') return null;
    if (value === '1.2' || value === '1.3') return value;
    throw new Error(`${prefix}${name}: ${JSON.stringify(value)} is none of "1.2" and "1.3"`);
  };
  const min = version('TLS_MIN_VERSION') ?? '1.3';
  const max = version('TLS_MAX_VERSION') ?? '1.3';
  if (min > max) {
    throw new Error(`${prefix}TLS_MAX_VERSION: ${max} is below ${prefix}TLS_MIN_VERSION, which is ${min}`);
  }
  const suites = names(env, `${prefix}TLS_CIPHER_SUITES`, (name) => {
    return modernSuites.includes(name) ? [] : suiteByName.get(name);
  });
  const curves = names(env, `${prefix}TLS_CURVE_PREFERENCES`, (name) => curveByName.get(name));
  return {
    minVersion: versions[min],
    maxVersion: versions[max],
    ...(suites !== null && { ciphers: [...modernSuites, ...suites].join(':') }),
    ...(curves !== null && curves.length > 0 && { ecdhCurve: curves.join(':') }),
  };
}

/** A list with commas, each name by what `take` makes of it; null: it is not set. */
function names(
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
  take: (name: string) => string | string[] | undefined,
): string[] | null {
  const value = env[variable];
  if (value === undefined || value === '') return null;
  return value.split(',').flatMap((part) => {
    const name = part.trim();
    if (name === '') return [];
    const taken = take(name);
    if (taken === undefined) throw new Error(`${variable}: ${JSON.stringify(name)} is not known`);
    return taken;
  });
}
