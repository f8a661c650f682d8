import { Misfit } from './variable.ts';

/** Go's names of cipher suites that may be chosen, to OpenSSL's. Those of TLS 1.3 are not chosen, in Go as here. */
const suites: ReadonlyMap<string, string | null> = new Map([
  ['TLS_AES_128_GCM_SHA256', null],
  ['TLS_AES_256_GCM_SHA384', null],
  ['TLS_CHACHA20_POLY1305_SHA256', null],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
]);

/** Names of Go's crypto/tls and of the standards, to OpenSSL's. */
const curves: ReadonlyMap<string, string> = new Map([
  ['CurveP256', 'P-256'],
  ['CurveP384', 'P-384'],
  ['CurveP521', 'P-521'],
  ['X25519', 'X25519'],
  ['X25519MLKEM768', 'X25519MLKEM768'],
  ['P-256', 'P-256'],
  ['P-384', 'P-384'],
  ['P-521', 'P-521'],
]);

/** A version as Knative writes it; null: none is given. */
export function readTlsVersion(text: string): 'TLSv1.2' | 'TLSv1.3' | null | Misfit {
  if (text === '') return null;
  return text === '1.2' || text === '1.3' ? `TLSv${text}` : new Misfit('1.2 or 1.3');
}

/** OpenSSL's names of what QUEUE_PROXY_TLS_CIPHER_SUITES lists; empty: the default. */
export function readCipherSuites(text: string): readonly string[] | Misfit {
  const names = listOf(text);
  const unknown = names.filter((name) => !suites.has(name));
  if (unknown.length > 0)
    return new Misfit(`names of cipher suites as in Go; not known: ${unknown.join(', ')}`);
  return names.map((name) => suites.get(name)!).filter((name) => name !== null);
}

/** OpenSSL's names of what QUEUE_PROXY_TLS_CURVE_PREFERENCES lists; empty: the default. */
export function readCurves(text: string): readonly string[] | Misfit {
  const names = listOf(text);
  const unknown = names.filter((name) => !curves.has(name));
  if (unknown.length > 0) {
    return new Misfit(`some of ${[...curves.keys()].join(', ')}; not known: ${unknown.join(', ')}`);
  }
  return names.map((name) => curves.get(name)!);
}

function listOf(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  return names.filter((name) => name !== '');
}
