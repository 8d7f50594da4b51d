/** Release of the daemon: what `--version` prints and the log names. The same as in package.json. */
export const version = '0.1.0';
