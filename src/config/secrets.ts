import type { Option } from '../interface/options.ts';

const telling = /password|passwd|secret|token|api_key|hmac_keys|fixed_key|private_key|credential/;

/** Whether the value of an option is never shown: declared so, or by its name (C-082, L-146). */
export function isSecret(name: string, option?: Pick<Option<unknown>, 'secret'>): boolean {
  return option?.secret === true || telling.test(name.toLowerCase());
}

/**
 * A text with the passwords of its URLs as `***` (L-146). What has no user name in front of it is hidden as a whole. A
 * password may hold any character, so all up to the last `@` counts as one.
 */
export function withoutPasswords(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/[^:/\s@]*):\S*@/gi, '$1:***@')
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^:/\s@]+@/gi, '$1***@');
}
