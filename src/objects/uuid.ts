/** Python's `is_uuid_like`: with or without hyphens, braces and `urn:uuid:`, in any case. */
export function looksLikeUuid(text: string): boolean {
  const digits = text.toLowerCase().replace(/urn:|uuid:|[{}]|-/g, '');
  return /^[0-9a-f]{32}$/.test(digits);
}
