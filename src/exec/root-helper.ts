import { str } from '../interface/options.ts';

/** The option of `[DEFAULT]` behind the root helper. */
export const rootHelperOptions = {
  rootwrap_config: str(
    '/etc/cinder/rootwrap.conf',
    'Configuration file of cinder-rootwrap, which runs commands as root',
  ),
};

/** What stands before a command that needs root while we are not (L-030, S-50). Nothing is run by naming it. */
export function rootHelper(values: { readonly rootwrap_config: string }): readonly string[] {
  return ['sudo', 'cinder-rootwrap', values.rootwrap_config];
}
