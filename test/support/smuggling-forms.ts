/** The line and the Host of a request that is in order. */
export const any = 'POST /any/x HTTP/1.1\r\nhost: gateway\r\n';
/** The head of one with a chunked body. */
export const chunked = `${any}transfer-encoding: chunked\r\n\r\n`;
/** What a smuggler wants to be taken for a request of its own. */
export const second = 'POST /any/smuggled HTTP/1.1\r\nhost: gateway\r\n\r\n';
/** More than a trailer or an extension may have. */
export const long = 'a'.repeat(20_000);

/** Faults in what frames a body. A name and the bytes, each to be refused with 400. */
export const lengths: readonly (readonly [string, string])[] = [
  [
    'content-length with transfer-encoding',
    `${any}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  [
    'transfer-encoding with content-length',
    `${any}transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n`,
  ],
  ['two different content-lengths', `${any}content-length: 5\r\ncontent-length: 0\r\n\r\nhello`],
  ['two equal content-lengths', `${any}content-length: 5\r\ncontent-length: 5\r\n\r\nhello`],
  ['a list as content-length', `${any}content-length: 5, 5\r\n\r\nhello`],
  ['a signed content-length', `${any}content-length: +5\r\n\r\nhello`],
  ['a negative content-length', `${any}content-length: -5\r\n\r\nhello`],
  ['a content-length in hex', `${any}content-length: 0x5\r\n\r\nhello`],
  ['an empty content-length', `${any}content-length:\r\n\r\n`],
  ['a content-length past 2^64', `${any}content-length: 99999999999999999999\r\n\r\nhello`],
  ['chunked, identity', `${any}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  ['identity, chunked', `${any}transfer-encoding: identity, chunked\r\n\r\n0\r\n\r\n`],
  ['identity', `${any}transfer-encoding: identity\r\n\r\n`],
  ['gzip, chunked', `${any}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['xchunked', `${any}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['"chunked" in quotes', `${any}transfer-encoding: "chunked"\r\n\r\n0\r\n\r\n`],
  ['chunked after a vertical tab', `${any}transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  [
    'two transfer-encodings',
    `${any}transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  ['an empty transfer-encoding', `${any}transfer-encoding:\r\n\r\n0\r\n\r\n`],
  ['transfer-encoding in HTTP/1.0', `POST /any/x HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`],
];

/** Faults in a chunked body. A name and the bytes, each to be refused with 400. */
export const chunks: readonly (readonly [string, string])[] = [
  ['a chunk size that is no number', `${chunked}zz\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size with 0x', `${chunked}0x5\r\nhello\r\n0\r\n\r\n`],
  ['a negative chunk size', `${chunked}-5\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size after a space', `${chunked} 5\r\nhello\r\n0\r\n\r\n`],
  ['a chunk size before a space', `${chunked}5 \r\nhello\r\n0\r\n\r\n`],
  ['a chunk size past 2^64', `${chunked}fffffffffffffffff\r\nhello\r\n0\r\n\r\n`],
  ['an empty chunk size', `${chunked}\r\nhello\r\n0\r\n\r\n`],
  ['a bare LF after a chunk size', `${chunked}5\nhello\r\n0\r\n\r\n`],
  ['a chunk longer than it says', `${chunked}5\r\nhelloworld\r\n0\r\n\r\n`],
  ['a bare LF after a chunk', `${chunked}5\r\nhello\n0\r\n\r\n`],
  ['a bare LF in a chunk extension', `${chunked}5;a\nb\r\nhello\r\n0\r\n\r\n`],
  ['a bad chunk after a good one', `${chunked}5\r\nhello\r\n5 \r\nhello\r\n0\r\n\r\n`],
  ['an absurd chunk extension', `${chunked}5;${long}\r\nhello\r\n0\r\n\r\n`],
  ['a trailer that sets content-length', `${chunked}5\r\nhello\r\n0\r\ncontent-length: 9\r\n\r\n`],
  ['a trailer with a space in its name', `${chunked}5\r\nhello\r\n0\r\nx y: 9\r\n\r\n`],
];

/** Faults in fields. A name and the bytes, each to be refused with 400. */
export const fields: readonly (readonly [string, string])[] = [
  ['a space before the colon', `${any}content-length : 5\r\n\r\nhello`],
  ['a tab before the colon', `${any}content-length\t: 5\r\n\r\nhello`],
  ['a space in a field name', `${any}content length: 5\r\n\r\nhello`],
  ['a space before the first field', `POST /any/x HTTP/1.1\r\n host: gateway\r\n\r\n`],
  ['obs-fold with a space', `${any}x-a: b\r\n c\r\n\r\n`],
  ['obs-fold with a tab', `${any}x-a: b\r\n\tcontent-length: 5\r\n\r\nhello`],
  ['a field without a colon', `${any}nocolon\r\n\r\n`],
  ['a field without a name', `${any}: x\r\n\r\n`],
  ['a field name outside ASCII', `${any}x\xe9: x\r\n\r\n`],
  ['NUL in a value', `${any}x-a: a\0b\r\n\r\n`],
  ['NUL in a name', `${any}x\0a: b\r\n\r\n`],
  ['a bare CR in a value', `${any}x-a: a\rcontent-length: 5\r\n\r\nhello`],
  ['a bare LF in a value', `${any}x-a: a\ncontent-length: 5\r\n\r\nhello`],
  ['bare LF line ends', 'POST /any/x HTTP/1.1\nhost: gateway\n\n'],
  ['two Hosts', `${any}host: other\r\n\r\n`],
  ['no Host', 'POST /any/x HTTP/1.1\r\n\r\n'],
  ['a list as Host', 'POST /any/x HTTP/1.1\r\nhost: gateway, other\r\n\r\n'],
  ['a Host with a path', 'POST /any/x HTTP/1.1\r\nhost: gateway/other\r\n\r\n'],
  ['a Host with user information', 'POST /any/x HTTP/1.1\r\nhost: gateway@other\r\n\r\n'],
];

/** Faults in the request line. A name and the bytes, each to be refused with 400. */
export const targets: readonly (readonly [string, string])[] = [
  ['an absolute target with another host', 'POST http://other/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an absolute target with a user', 'POST http://gateway@other/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an absolute target without Host', 'POST http://gateway/any/x HTTP/1.1\r\n\r\n'],
  ['another scheme', 'POST ftp://gateway/any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an authority as target', 'POST gateway:80 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['CONNECT', 'CONNECT gateway:80 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['an asterisk', 'OPTIONS * HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a target without a slash', 'POST any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a fragment', 'POST /any/x#/../../sleep HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a backslash', 'POST /any/..\\sleep HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['NUL in the target', 'POST /any/\0 HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['a space in the target', 'POST /any/x y HTTP/1.1\r\nhost: gateway\r\n\r\n'],
  ['HTTP/0.9', 'POST /any/x\r\n\r\n'],
  ['HTTP/2.0 as a version', 'POST /any/x HTTP/2.0\r\nhost: gateway\r\n\r\n'],
  ['HTTP/1.10', 'POST /any/x HTTP/1.10\r\nhost: gateway\r\n\r\n'],
  ['a space after the version', 'POST /any/x HTTP/1.1 \r\nhost: gateway\r\n\r\n'],
  ['an unknown method', 'SMUGGLE /any/x HTTP/1.1\r\nhost: gateway\r\n\r\n'],
];
