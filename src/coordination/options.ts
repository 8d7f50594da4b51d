import { bool, str } from '../interface/options.ts';

/** Options of `[coordination]`. */
export const coordinationOptions = {
  backend_url: str('file://$state_path', 'Where locks are kept: file:// and a folder', { secret: true }),
};

/** Options of `[oslo_concurrency]`. */
export const concurrencyOptions = {
  lock_path: str(undefined, 'Folder of the locks that drivers share with other programs', {
    was: ['DEFAULT.lock_path'],
  }),
  disable_process_locking: bool(false, 'No file locks', { was: ['DEFAULT.disable_process_locking'], ignored: true }),
};

/** The folder that `backend_url` names. Throws for what is no folder of this machine; the URL may hold a password. */
export function lockFolder(backendUrl: string): string {
  const [scheme = '', rest = ''] = backendUrl.split('://');
  const folder = rest.split('?')[0] ?? '';
  if (scheme === 'file' && folder.startsWith('/')) return folder;
  const why =
    scheme === 'file'
      ? 'the folder has to be an absolute path'
      : `locks at ${scheme || 'nowhere'}:// are not supported`;
  throw new Error(`Value for option coordination.backend_url is not valid: ${why}; expected file:///a/folder`);
}
