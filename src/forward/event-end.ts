/** Whether the first `end` bytes end with the empty line that ends an event (server-sent events, HTML 9.2.6). */
export function isEventEnd(bytes: Buffer, end: number): boolean {
  if (bytes[end - 1] !== 0x0a) return false;
  return bytes[end - 2] === 0x0a || (bytes[end - 2] === 0x0d && bytes[end - 3] === 0x0a);
}
